"""The project's first promise: RTL == reference bit for bit, and RTL == cost model cycle for cycle."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

import codesign.schedule
from codesign.accelerator import PRESETS
from codesign.comparison import first_difference
from codesign.compiler import compile_network
from codesign.cycles import predict_schedule
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import extreme_network, random_network
from codesign.reference import evaluate
from codesign.schedule import Load, Pass, Schedule
from codesign.sim.verilated import VerilatorDevice
from tests.random_graphs import CONFIGS, ragged_graph, random_config, random_graph


def loads_while_passes_run(plan: Schedule) -> bool:
    return any(isinstance(a, Pass) and isinstance(b, Load) for a, b in pairwise(plan.steps))


BANDED = [dataclasses.replace(config, name=f"{config.name}-shallow", bank_depth=64) for config in CONFIGS[1::2]]


def in_bands(plan: Schedule) -> bool:
    return len(plan.visits) > len(plan.gemms)


def check(seed: int, wanted=lambda plan: True, configs=CONFIGS) -> None:
    """A random pair whose schedule is as ``wanted``."""
    rng = np.random.default_rng(seed)
    while True:
        config, graph = random_config(rng, configs), random_graph(rng)
        network = (extreme_network if rng.random() < 0.5 else random_network)(graph, seed)
        try:
            program = compile_network(network, config)
        except CodesignError as e:  # some do not fit the smallest banks or 24-bit sums
            assert "bank_depth" in str(e) or "acc_bits" in str(e)
            continue
        if wanted(program.schedule):
            break
    images = rng.integers(0, 256, (3, *graph.input_shape)).astype(np.uint8)
    images[0] = rng.choice([0, 255])
    device = VerilatorDevice(config)
    result = device.run(program, images)
    expected = evaluate(network, images)
    if not np.array_equal(result.logits, expected):
        image = images[int(np.argwhere(result.logits != expected)[0][0])]
        pytest.fail(f"{config.name}: {first_difference(network, config, image, device.banks)}")
    prediction = predict_schedule(program.schedule)
    assert result.counters == prediction.counters
    assert result.layers == prediction.layers


@pytest.mark.parametrize("seed", range(60))
def test_random_pair(seed):
    check(seed)


@pytest.mark.parametrize("make", [random_network, extreme_network])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_an_ordinary_convolutional_network(config, make):
    """3x3 convolutions; first and last layer with 8-bit weights, 8-bit activations between the first two."""
    network = make(Network.from_dict({"name": "ordinary", "input": [3, 9, 7], "layers": [
        {"conv": {"out": 7, "kernel": 3, "weight_bits": 8, "activation_bits": 8}}, {"pool": 1},
        {"conv": {"out": 9, "kernel": 3}}, "average", {"linear": {"out": 10, "weight_bits": 8}}]}).graph(), 1)
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 9, 7)).astype(np.uint8)
    program = compile_network(network, config)
    result, prediction = VerilatorDevice(config).run(program, images), predict_schedule(program.schedule)
    np.testing.assert_array_equal(result.logits, evaluate(network, images))
    assert result.counters == prediction.counters


@pytest.mark.parametrize("seed", range(100, 120))
def test_images_loaded_in_pieces_while_passes_run(seed, monkeypatch):
    """Random images are too small for it to be worth it; here they are not."""
    monkeypatch.setattr(codesign.schedule, "PIECE_WORDS", 3)
    check(seed, loads_while_passes_run)


@pytest.mark.parametrize("seed", range(200, 224))
def test_maps_larger_than_the_banks(seed):
    check(seed, in_bands, BANDED)


@pytest.mark.parametrize("seed", range(300, 306))
def test_words_that_hold_a_whole_tile(seed):
    config = next(config for config in CONFIGS if config.name == "4x4")
    check(seed, configs=[dataclasses.replace(config, name="one_word", weight_rows=config.rows)])


def test_an_image_loaded_while_a_band_ends_early():
    """Bands that end with another product than the last: the next one's image comes in while that reads its own."""
    network, config = random_network(ragged_graph(), 1), CONFIGS[0]
    images = np.random.default_rng(0).integers(0, 256, (2, *network.graph.input_shape)).astype(np.uint8)
    program = compile_network(network, config)
    result = VerilatorDevice(config).run(program, images)
    np.testing.assert_array_equal(result.logits, evaluate(network, images))
    assert result.counters == predict_schedule(program.schedule).counters


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1600))
def test_more_random_pairs(seed):
    check(seed)


@pytest.mark.parametrize("seed", range(300, 304))
@pytest.mark.parametrize("preset", ["tiny", "ulx3s"])
def test_random_networks_on_presets(preset, seed):
    check(seed, configs=[PRESETS[preset]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3000, 3012))
@pytest.mark.parametrize("preset", PRESETS)
def test_more_random_networks_on_presets(preset, seed):
    """The larger ones take minutes to build."""
    check(seed, configs=[PRESETS[preset]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2000, 2100))
def test_more_maps_larger_than_the_banks(seed):
    check(seed, in_bands, BANDED)


def test_configs_cover_the_shapes():
    assert {np.sign(c.rows - c.cols) for c in CONFIGS} == {-1, 0, 1}
    assert any(c.rows % c.cols and c.rows > c.cols for c in CONFIGS)
    assert any(c.cols % c.rows and c.cols > c.rows for c in CONFIGS)
    assert {c.words_per_beat for c in CONFIGS} >= {1, 2, 8}
