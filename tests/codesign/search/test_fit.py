import dataclasses
import random
import re

import pytest

from codesign.batch import BatchModel
from codesign.board import Board, load_board
from codesign.compiler import compile_network
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.lowering import lower
from codesign.network import Network, diracdeltanet
from codesign.random_weights import random_network
from codesign.resources import board_resources, estimate_resources, exceeding, system_resources
from codesign.search.accelerators import board_configs, least_bytes, least_cycles, variants
from codesign.search.fit import fastest, fit, limits
from codesign.search.space import load_space

GRAPH = diracdeltanet(16, resolution=32, classes=10).graph()
SMALL = Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 8}, {"shift": "released"}, {"conv": 12}, "average", {"linear": 10}]}).graph()
BOARD = load_board("ulx3s")
NINE = load_space("digits").configs(BOARD)


def best_of(graph, configs, board, allowed):
    """By pricing everything: the set of (cycles, share) that none beats."""
    points = set()
    batch = BatchModel(configs).price(graph, bands=False)
    for config, fits, cycles in zip(configs, batch.fits, batch.cycles.tolist(), strict=True):
        resources = estimate_resources(config, board.family)
        if fits and not exceeding(resources, allowed):
            share = max(getattr(resources, kind) / whole for kind, whole in board_resources(board).items())
            points.add((cycles, share))
    return {p for p in points if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)}


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_by_what_is_not_priced(seed):
    """All of a board's shapes, in a random part, one after another."""
    configs = random.Random(seed).sample(board_configs(BOARD, SMALL), 1500)
    allowed = limits(BOARD, 0.5)
    found = fit(SMALL, BOARD, allowed, configs)
    assert {(c.cycles, c.share) for c in found.front} == best_of(SMALL, configs, BOARD, allowed)
    assert found.considered == 1500 and found.priced < 1500 - found.too_large


@pytest.mark.parametrize(("name", "graph"), [("ulx3s", GRAPH), ("ultra96v2", GRAPH), ("colorlight-i9", SMALL)])
def test_front(name, graph):
    """Its cycles are the cost model's; it is within the limits, and the board's preset does not beat it."""
    board = load_board(name)
    allowed = limits(board)
    found = fit(graph, board, allowed)
    front = found.front
    assert [c.cycles for c in front] == sorted({c.cycles for c in front})
    assert [c.share for c in front] == sorted((c.share for c in front), reverse=True)
    for c in (front[0], front[-1]):
        prediction = predict(graph, c.config)
        assert (c.cycles, c.counters) == (prediction.cycles, prediction.counters)
        assert not exceeding(estimate_resources(c.config, board.family), allowed)
        assert c.memory_bytes <= board.memory_bytes
    assert found.fastest.cycles <= predict(graph, board.preset()).cycles
    assert fastest(graph, board).config == found.fastest.config


def test_the_smallest_that_is_fast_enough():
    allowed = limits(BOARD, 0.5)
    found = fit(SMALL, BOARD, allowed, NINE, images_per_s=1.0)
    assert found.smallest == found.front[-1]
    middle = found.front[len(found.front) // 2]
    assert fit(SMALL, BOARD, allowed, NINE, images_per_s=middle.images_per_s).smallest == middle
    most = f"{found.fastest.images_per_s:,.1f}"
    with pytest.raises(CodesignError, match=f"^Rate must be at most {most} images/s, the fastest .*, not 10,000,000"):
        fit(SMALL, BOARD, allowed, NINE, images_per_s=1e7)


def test_limits():
    system = system_resources(BOARD)
    assert system["bram18"] >= 64 + 8 and system["lut"] > 1000  # 128 KiB of memory, 16 KiB of ROM, and a soft core
    allowed = limits(BOARD, 0.5, {"dsp": 20})
    assert allowed == {"lut": BOARD.luts // 2 - system["lut"], "ff": BOARD.ffs // 2 - system["ff"], "dsp": 20,
                       "bram18": BOARD.bram18 - system["bram18"]}
    assert limits(load_board("ultra96v2"), 1)["lut"] == 70_560
    assert all(c.resources.dsp <= 20 for c in fit(SMALL, BOARD, allowed, NINE).front)
    for share in (0, 1.5, float("nan")):
        with pytest.raises(CodesignError, match="^Share must be in 0..1, not"):
            limits(BOARD, share)
    with pytest.raises(CodesignError, match="^Limit of look-up tables must be in 0..83640, .* ulx3s has, not 90000$"):
        limits(BOARD, 0.8, {"lut": 90_000})


def test_what_fits_nowhere_is_told_with_what_is_missing():
    with pytest.raises(CodesignError, match=r"^Accelerator must fit ulx3s within the limits: the one that is nearest "
                                            r"needs [\d,]+ look-up tables of 3,000 \([\d,]+ too many\); the largest "
                                            r"that fits within 80% of the board is \d+x\d+$"):
        fit(SMALL, BOARD, limits(BOARD, 0.8, {"lut": 3_000}))
    little = dataclasses.replace(BOARD, memory_bytes=16_384)
    with pytest.raises(CodesignError, match="its 16,384 bytes of memory: program, image and results take at least"):
        fit(GRAPH, little, limits(little), NINE)


def test_the_largest_that_is_said_to_fit_does():
    configs = [c for c in board_configs(BOARD, SMALL) if c.rows == c.cols]
    fitting = {c.rows for c in configs if not exceeding(estimate_resources(c, BOARD.family), limits(BOARD))}
    with pytest.raises(CodesignError, match=f"80% of the board is {max(fitting)}x{max(fitting)}$"):
        fit(SMALL, BOARD, limits(BOARD, 0.8, {"dsp": 2}))
    assert max(fitting) < max(c.rows for c in configs)


@pytest.mark.parametrize("layers, words", [
    ([{"conv": 1024}, {"conv": 1024}, "average", {"linear": 10}],
     "and its 131,072 bytes of memory: program, image and results take at least [5-9][0-9]{2},[0-9]{3}"),
    ([{"conv": 128}, {"block": {"out": 128}}, "average", {"linear": 10}],
     "and hold the network's maps, which none of .* do, the largest with [0-9]+ banks of [0-9,]+ words: .* maps, .*"),
])
def test_another_board_that_would_do_is_named_and_does(layers, words):
    network = Network.from_dict({"name": "large", "input": [1, 64, 64], "layers": layers})
    with pytest.raises(CodesignError, match=f"^Accelerator must fit ulx3s {words}; ([a-z0-9, ]+) would do$") as error:
        fit(network.graph(), BOARD, limits(BOARD))
    named = re.search("; ([a-z0-9, ]+) would do$", str(error.value))[1].split(", ")
    assert "zcu102" in named and "ulx3s" not in named and "colorlight-i9" not in named
    other = load_board(named[0])
    configs = random.Random(0).sample(board_configs(other, network.graph()), 500)
    assert fit(network.graph(), other, limits(other), configs).front


def test_in_bands_where_nothing_holds_the_maps_at_once():
    board = Board.from_dict({**load_board("ultra96v2").to_dict(), "name": "little", "bram18": 60})
    graph = Network.from_dict({"name": "large", "input": [3, 128, 128], "layers": [
        {"conv": 16}, "pool", {"conv": 64}, {"conv": 32}, "pool", "pool", "pool", "average", {"linear": 10}]}).graph()
    found = fit(graph, board, limits(board))
    best = found.fastest
    prediction = predict(graph, best.config)
    assert (best.cycles, best.counters) == (prediction.cycles, prediction.counters)
    assert not BatchModel([best.config]).price(graph, bands=False).fits[0] and best.memory_bytes <= board.memory_bytes
    assert not exceeding(best.resources, limits(board))


def test_no_program_has_fewer_bytes():
    configs = random.Random(4).sample(board_configs(load_board("ultra96v2"), SMALL), 20)
    integer, gemms = random_network(SMALL, 1), lower(SMALL)
    for config in configs:
        assert 0 < least_bytes(gemms, config) <= len(compile_network(integer, config).stream)


def test_the_bound_holds():
    rng = random.Random(3)
    configs = rng.sample(board_configs(load_board("ultra96v2"), GRAPH), 300)
    configs += [v for c in configs[:20] for v in variants(c)]
    gemms, batch = lower(GRAPH), BatchModel(configs).price(GRAPH, bands=False)
    assert batch.fits.any()
    for config, fits, cycles in zip(configs, batch.fits, batch.cycles.tolist(), strict=True):
        assert not fits or 0 < least_cycles(gemms, config) <= cycles


def test_variants_are_one_change_away():
    config = NINE[0]
    for other in variants(config):
        changed = [key for key, value in other.hardware().items() if value != config.hardware()[key]]
        assert len(changed) <= 1 and (other.memory, other.clock_hz) == (config.memory, config.clock_hz)
