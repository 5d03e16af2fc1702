import dataclasses

import numpy as np
import pytest

from codesign.accelerator import load_accelerator
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.resources import estimate_resources
from codesign.sim import activity
from codesign.sim.activity import count_switching
from codesign.sim.build import accelerator_verilog
from codesign.sim.netlist import read_modules, walk
from codesign.sim.verilated import VerilatorDevice

TINY = load_accelerator("tiny")
NETWORK = Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 8}, "pool", {"shift": "released"}, {"conv": 12}, "average", {"linear": 10}]})
MODEL = random_network(NETWORK.graph(), 3)
IMAGE = np.random.default_rng(0).integers(0, 256, NETWORK.input).astype(np.uint8)
LAYERS = ("conv0", "conv1", "linear")


def flips(count: int) -> int:
    """Bits that change while a counter counts from 0 to ``count``."""
    return sum(count >> k for k in range(64))


@pytest.fixture(scope="module")
def nets_of():
    """Every net's (width, transitions, cycles high) in each layer's cycles, and the layer's cycles."""
    found, program = {}, compile_network(MODEL, TINY)
    library = activity._load(TINY)
    result, edges = activity._run(library, TINY, program, IMAGE, activity._NEVER, activity._NEVER)
    first = edges - result.cycles[0]
    for layer in result.layers:
        activity._run(library, TINY, program, IMAGE, max(0, first), first + layer.cycles)
        found[layer.name] = activity._nets(library.sim_transitions().decode()), layer.cycles
        first += layer.cycles
    return found


def test_the_cycles_are_the_layers(nets_of):
    """The accelerator's own counter of cycles gives away which ones were watched; the run's first is the register's."""
    assert tuple(nets_of) == LAYERS
    begin = 0
    for layer, (nets, cycles) in nets_of.items():
        assert nets["control/counters.cycles"][1] == flips(begin + cycles) - flips(max(1, begin)), layer
        begin += cycles


def test_cycles_high_are_the_counters(nets_of):
    """Words written to the banks, counted at their write enables, are the results and the image's words."""
    program = compile_network(MODEL, TINY)
    counters = VerilatorDevice(TINY).run(program, IMAGE[None]).counters
    written = sum(nets[f"row_{r}/write_enable"][2] for nets, _ in nets_of.values() for r in range(TINY.rows))
    loaded = sum(load.fields["words"] for load in program.schedule.loads) * TINY.load_lanes
    assert written == counters["bank_writes"] + loaded
    valid = sum(nets["row_0/token.valid"][2] for nets, _ in nets_of.values())
    assert valid == counters["active_cycles"]


def test_parts_are_those_of_the_netlist():
    modules = read_modules(accelerator_verilog(TINY))
    kinds = dict(walk(modules, "accelerator"))
    assert {"", "array", "array/row_3/pe_3", "row_3", "column_at_3", "fetcher/fifo"} <= set(kinds)
    assert kinds["array/row_3/pe_3"].registers == {"x_next", "swap_next", "load_next", "psum_next", "weight_next",
                                                   "active"}
    assert len(kinds["array/row_3/pe_3"].adders) == 3 and not kinds["array/row_3/pe_3"].multipliers
    assert [(m.words, m.bits, m.read_enable) for m in kinds["row_0"].memories] == [(4096, 4, None)]
    assert [(m.words, m.bits) for m in kinds["column_at_0"].memories] == [(64, 24)]
    assert set(kinds["column_at_0/scaler"].multipliers.values()) == {("held_acc", "held_mul")}


def test_switching_by_component():
    layer, switching = count_switching(MODEL, TINY, IMAGE, "conv0")
    assert layer.cycles > layer.active > 0
    flip_flops = sum(part.flip_flops for part in switching.values())
    # The netlist has flip-flops that synthesis merges or drops: 8,047, where Yosys leaves 7,089 on ECP5.
    assert flip_flops == pytest.approx(estimate_resources(TINY, "ecp5").ff, rel=0.2)
    # Banks and accumulators are read in every cycle, and written when there is something to write.
    for part in ("banks", "columns"):
        assert TINY.rows * layer.cycles < switching[part].ram_port_cycles <= 2 * TINY.rows * layer.cycles
    assert switching["columns"].multiplier_transitions > 0 == switching["array"].multiplier_transitions
    dark = np.zeros_like(IMAGE)
    weightless = dataclasses.replace(MODEL, layers={
        name: dataclasses.replace(x, weight=np.zeros_like(x.weight)) for name, x in MODEL.layers.items()})
    _, quiet = count_switching(weightless, TINY, dark, "conv0")
    assert quiet["array"].transitions < 0.3 * switching["array"].transitions
    assert quiet["array"].flip_flops == switching["array"].flip_flops
    again = count_switching(MODEL, TINY, IMAGE, "conv0")
    assert again == (layer, switching)


def test_an_unknown_layer_is_refused():
    with pytest.raises(CodesignError, match="Layer must be one of conv0, conv1, linear, not 'conv7'"):
        count_switching(MODEL, TINY, IMAGE, "conv7")
