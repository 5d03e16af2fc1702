from dataclasses import replace

import pytest

from codesign.board import load_board
from codesign.cycles import predict
from codesign.energy import estimate_energy
from codesign.network import Network
from codesign.report.bounds import layer_bars, layer_bounds

BOARD = load_board("ulx3s")
NETWORK = Network.from_dict({"name": "n", "input": [1, 16, 16], "layers": [
    {"conv": 16}, "shift", {"conv": {"out": 32, "weight_bits": 8}}, "pool", {"block": {"out": 48, "downsample": True}},
    "average", {"linear": 10}]})


def test_layers_add_up_to_the_whole_and_none_beats_its_bound():
    config = BOARD.preset()
    layers, whole = layer_bounds(NETWORK.graph(), config, BOARD), predict(NETWORK.graph(), config)
    assert sum(sum(b.cycles.values()) for b in layers) == whole.cycles
    energy = estimate_energy(config, whole.counters, BOARD)
    assert sum(sum(b.joules.values()) for b in layers) == pytest.approx(energy.total_j)
    for b in layers:
        assert b.bound_cycles <= sum(b.cycles.values()) and b.least_j <= sum(b.joules.values()) - b.joules["static"]
        assert b.mac_cycles <= b.cycles["active"]


def test_bounds_by_hand():
    config = BOARD.preset()
    found = {b.name: b for b in layer_bounds(NETWORK.graph(), config, BOARD)}
    elements, speed = config.rows * config.cols, config.memory.bytes_per_cycle
    assert found["conv0"].memory_cycles == (8 + 256) / speed  # 16 weights of 4 bits, and the image
    assert found["conv1"].mac_cycles == 2 * 16 * 32 * 256 / elements  # 8-bit weights are two digits
    assert found["linear"].memory_cycles == (240 + 40) / speed and found["linear"].bound_by == "memory"
    assert found["conv1"].bound_by == "array"


def test_bands_of_a_layer_are_one_layer():
    network, config = NETWORK, replace(BOARD.preset(), rows=4, cols=4, wide_rows=2, bank_depth=1024)
    model = predict(network.graph(), config)
    names = [layer.name for layer in model.layers]
    assert any("[" in name for name in names)
    layers = layer_bounds(network.graph(), config, BOARD)
    assert not any("[" in b.name for b in layers) and len(layers) < len(names)
    assert sum(sum(b.cycles.values()) for b in layers) == model.cycles


def test_a_bar_for_every_part_and_a_mark_for_every_bound():
    layers = layer_bounds(NETWORK.graph(), BOARD.preset(), BOARD)
    for quantity, words in (("cycles", "cycles, compute"), ("joules", "J, array")):
        picture = layer_bars(layers, quantity)
        parts = sum(bool(v) for b in layers for key, v in getattr(b, quantity).items() if key != "static")
        assert picture.count('class="part') == parts and picture.count('class="bound"') == len(layers)
        assert words in picture and "(model)" in picture
