import numpy as np
import pytest

from codesign.comparison import first_difference, read_map
from codesign.compiler import compile_network
from codesign.random_weights import random_network
from codesign.reference import run
from tests.random_graphs import CONFIGS, random_graph

from .interpreter import Interpreter


def example(seed):
    config, rng = CONFIGS[seed % len(CONFIGS)], np.random.default_rng(seed)
    while True:
        graph = random_graph(rng)
        if 5 <= len(graph.nodes) <= 9 and np.prod(graph.input_shape[1:]) < 30:
            break
    return random_network(graph, seed), config, rng.integers(0, 256, graph.input_shape).astype(np.uint8)


class Banks:
    """Runs programs by interpretation; flips ``bit`` of one value of product ``gemm`` as it is read back."""

    def __init__(self, config, gemm=None, channel=0, pixel=0, bit=1):
        self.config, self.wrong = config, (gemm, channel, pixel, bit)

    def __call__(self, program, image):
        machine = Interpreter(self.config)
        machine.run_all(program, image)
        gemm, channel, pixel, bit = self.wrong
        if gemm is not None and program.products == gemm + 1:
            where = program.schedule.placement.places[gemm, channel]
            machine.banks[where.bank, where.addr + pixel] ^= bit
        return machine.banks


@pytest.mark.parametrize("seed", range(12))
def test_every_map_is_found_in_the_banks(seed):
    network, config, image = example(seed)
    plan, maps = compile_network(network, config).schedule, run(network, image[None])
    for index, gemm in enumerate(plan.gemms[:-1]):
        program = compile_network(network, config, products=index + 1)
        np.testing.assert_array_equal(read_map(plan, index, Banks(config)(program, image)), maps[gemm.node][0])


@pytest.mark.parametrize("seed", range(6))
def test_the_first_difference_is_named(seed):
    network, config, image = example(seed)
    assert first_difference(network, config, image, Banks(config)) is None
    plan, maps = compile_network(network, config).schedule, run(network, image[None])
    rng = np.random.default_rng(seed)
    for index in {0, len(plan.gemms) - 2}:
        gemm = plan.gemms[index]
        channels, height, width = gemm.shape
        channel, pixel = int(rng.integers(channels)), int(rng.integers(height * width))
        found = first_difference(network, config, image, Banks(config, index, channel, pixel, bit=4))
        expected = int(maps[gemm.node][0].reshape(channels, -1)[channel, pixel])
        assert (found.layer, found.channel, found.y * width + found.x) == (gemm.name, channel, pixel)
        assert (found.expected, found.found, found.count) == (expected, expected ^ 4, 1)
        assert str(found) == (f"layer {gemm.name}, channel {channel}, pixel (x={pixel % width}, y={pixel // width}): "
                              f"reference {expected}, device {expected ^ 4} (1 values of this layer differ)")
