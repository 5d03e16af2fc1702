"""What runs band after band: nothing is written over while it may still be read."""

import numpy as np
import pytest

from codesign.compiler import compile_network
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.schedule import Load, Pass, Schedule, schedule
from tests.codesign.interpreter import Interpreter
from tests.codesign.test_compiler import in_bands
from tests.random_graphs import CONFIGS, ragged_graph, random_graph


def words_read(plan: Schedule, p: Pass) -> set[tuple[int, int]]:
    """(bank, word) of all that ``p`` reads, and of some more in the same lines."""
    gemm, found = plan.gemms[p.gemm], set()
    windows, (_, height, width) = gemm.windows, gemm.in_shape
    top, bottom = (windows.corner(p.start + i)[1] for i in (0, p.fields["windows"] - 1))
    for feed in filter(None, p.feeds):
        dy = gemm.operands[feed.k].dy
        lines = range(max(0, top + dy), min(height, bottom + windows.step + dy))
        for offset in range(lines.start * width, lines.stop * width):
            if offset % (1 << feed.interleave) == feed.phase:
                word = feed.addr + (offset - feed.origin >> feed.interleave)
                found |= {(feed.bank, word + plane * p.fields["plane_stride"]) for plane in range(gemm.planes)}
    return found


def check(plan: Schedule) -> int:
    """No LOAD writes over what the pass before it, which may still be running, reads; returns how many follow one."""
    running, after = None, 0
    for step in plan.steps:
        if isinstance(step, Pass):
            running = step
            continue
        assert isinstance(step, Load)
        if running:
            base, banks = step.fields["base"], plan.config.rows - plan.config.load_lanes
            written = range(base, base + step.count)
            assert not any(bank >= banks and word in written for bank, word in words_read(plan, running))
            after += 1
    return after


def test_an_image_does_not_come_in_over_what_is_read():
    """Also where the last bands do not end with the last product."""
    plan = schedule(ragged_graph(), CONFIGS[0])
    assert [(v.gemm, len(v.rows)) for v in plan.visits if v.band in (6, 9)] == [(0, 3), (1, 1), (2, 3), (1, 1)]
    assert check(plan) >= 9


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_in_bands(seed):
    rng, loads = np.random.default_rng(seed), 0
    while not loads:
        program = in_bands(random_network(random_graph(rng), seed), CONFIGS[seed % len(CONFIGS)], rng.integers(1, 4))
        loads = check(program.schedule) if program else 0


def test_bands_without_the_last_product_compute_the_same():
    network = random_network(ragged_graph(), 1)
    image = np.random.default_rng(0).integers(0, 256, network.graph.input_shape).astype(np.uint8)
    logits = Interpreter(CONFIGS[0]).run(compile_network(network, CONFIGS[0]), image)
    np.testing.assert_array_equal(logits, evaluate(network, image[None])[0])
