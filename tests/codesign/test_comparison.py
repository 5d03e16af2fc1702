import numpy as np
import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.comparison import first_difference, read_map
from codesign.compiler import compile_network
from codesign.network import Network
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
    """Runs programs by interpretation; flips ``bit`` of one value of visit ``gemm`` as it is read back."""

    def __init__(self, config, gemm=None, channel=0, pixel=0, bit=1):
        self.config, self.wrong = config, (gemm, channel, pixel, bit)

    def __call__(self, program, image):
        machine = Interpreter(self.config)
        machine.run_all(program, image)
        gemm, channel, pixel, bit = self.wrong
        if gemm is not None and program.visits == gemm + 1:
            where = program.schedule.placement.places[program.schedule.visits[gemm].gemm, channel]
            machine.banks[where.bank, where.addr + pixel] ^= bit
        return machine.banks


@pytest.mark.parametrize("seed", range(12))
def test_every_map_is_found_in_the_banks(seed):
    network, config, image = example(seed)
    plan, maps = compile_network(network, config).schedule, run(network, image[None])
    for index, gemm in enumerate(plan.gemms[:-1]):
        program = compile_network(network, config, visits=index + 1)
        found = read_map(plan, plan.visits[index], Banks(config)(program, image))
        np.testing.assert_array_equal(found, maps[gemm.node][0])


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


@pytest.mark.parametrize("seed", range(4))
def test_every_band_is_compared(seed):
    """The first wrong value is found, in a map of which only some rows are there at a time."""
    network, image = banded(seed)
    plan = compile_network(network, BANDED).schedule
    assert first_difference(network, BANDED, image, Banks(BANDED)) is None
    index = next(i for i, v in enumerate(plan.visits) if v.band == 1 and v.rows.start > 0)
    visit, gemm = plan.visits[index], plan.gemms[plan.visits[index].gemm]
    at = (visit.rows.start - visit.held[visit.gemm].start) * gemm.shape[2]
    found = first_difference(network, BANDED, image, Banks(BANDED, index, 0, at, bit=4))
    assert (found.layer, found.channel, found.x, found.y) == (gemm.name, 0, 0, visit.rows.start)


BANDED = AcceleratorConfig(rows=4, cols=4, bank_depth=256, acc_depth=16, bus_bits=64)


def banded(seed):
    network = Network.from_dict({"name": "large", "input": [1, 24, 20], "layers": [
        {"conv": 8}, {"pool": seed % 2}, {"shift": "released"}, {"conv": 8}, {"pool": 0}, {"conv": 6}, "average",
        {"linear": 3}]})
    rng = np.random.default_rng(seed)
    return random_network(network.graph(), seed), rng.integers(0, 256, (1, 24, 20)).astype(np.uint8)
