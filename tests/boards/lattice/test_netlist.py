"""What is placed is what was simulated: the netlist, as nextpnr takes it, behaves as the Verilog it was made from."""

import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.boards.lattice.constraints import board_pins
from codesign.boards.lattice.flow import synthesize
from codesign.boards.lattice.settings import LatticeSettings
from codesign.boards.link import Link
from codesign.boards.serial_device import SerialDevice
from codesign.compiler import compile_network
from codesign.datasets import load_dataset
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.sim.system import SimulatedSystem
from codesign.sim.system_build import system_of, system_verilog
from codesign.sim.verilated import VerilatorDevice

from . import netlist
from .blink import BLINK

ULX3S = load_board("ulx3s")
TINY = ULX3S.place(PRESETS["tiny"])
SYSTEM = dataclasses.replace(system_of(TINY, ULX3S), baud=TINY.clock_hz // 6, memory_bytes=16384)

# A design beside its netlist. Lights: they have differed; each of two outputs has been high.
BESIDE = """
module system(input clk, rst, serial_rx, simulated, output serial_tx, output reg [3:0] led);
  wire [7:0] there, here;
  wire sent, said;
  initial led = 0;
  blink written(.clock(clk), .serial_rx(serial_rx), .serial_tx(sent), .led(there), .button(rst));
  gates placed(.clock(clk), .serial_rx(serial_rx), .serial_tx(said), .led(here), .button(rst));
  always @(negedge clk) led <= led | {2'b0, sent, {there, sent} != {here, said}};
  assign serial_tx = 1;
endmodule
"""
# The board, as the simulated system's harness holds it.
BOARD = """
module system(input clk, rst, serial_rx, simulated, output serial_tx, output [3:0] led);
  wire [3:0] others;
  gates board(.clock(clk), .button(rst), .serial_rx(serial_rx), .serial_tx(serial_tx), .led({others, led}));
endmodule
"""


def of_type(module, kind):
    return [cell for cell in module["cells"].values() if cell["type"] == kind]


def registers_twice(module):
    """The block RAM keeps what it reads, and so does a register behind it."""
    (memory,) = of_type(module, "DP16KD")
    (side,) = [side for side in "AB" if memory["parameters"][f"REGMODE_{side}"] == "OUTREG"]
    clock = memory["connections"][f"CLK{side}"]
    pins = [pin for pin, (bit,) in memory["connections"].items() if pin.startswith(f"DO{side}") and bit != "x"]
    for number, pin in enumerate(pins):
        q = memory["connections"][pin]
        memory["connections"][pin] = d = [10_000_000 + number]
        module["cells"][f"twice_{pin}"] = {
            "type": "TRELLIS_FF", "parameters": {"CEMUX": "1 "}, "attributes": {},
            "port_directions": {"CLK": "input", "LSR": "input", "DI": "input", "Q": "output"},
            "connections": {"CLK": clock, "LSR": ["0"], "DI": d, "Q": q}}


def no_register(module):
    """The register is gone, and the block RAM has none."""
    (memory,) = of_type(module, "DP16KD")
    memory["parameters"] |= {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG"}


def another_word(module):
    (memory,) = of_type(module, "DP16KD")
    wires = memory["connections"]
    for side in "AB":
        wires[f"AD{side}13"], wires[f"AD{side}12"] = wires[f"AD{side}12"], ["0"]


def negative(module):
    (multiplier,) = of_type(module, "MULT18X18D")
    multiplier["connections"] |= {"SIGNEDA": ["1"]}


def run_beside(change=lambda module: None):
    """What the lights show after a while of noise on the line."""
    library = netlist.build(blink=BLINK.files["blink.v"], beside=BESIDE,
                            gates=netlist.gates(synthesize(BLINK, lambda step: None), "blink", "gates", change))
    with SimulatedSystem(SYSTEM, library=library) as system:
        system.write(np.random.default_rng(0).integers(0, 256, 1000, dtype=np.uint8).tobytes())
        while system.cycles < 60_000:
            system.read(1)
        return system.leds


def test_a_netlist_is_its_design():
    found = []
    assert run_beside(lambda module: found.extend(of_type(module, "DP16KD"))) == 0b10
    assert "OUTREG" in {found[0]["parameters"][f"REGMODE_{side}"] for side in "AB"}


@pytest.mark.parametrize("change", [registers_twice, no_register, another_word, negative])
def test_a_wrong_netlist_is_not(change):
    assert run_beside(change) == 0b11


@pytest.mark.parametrize(("change", "message"), [
    (lambda memory: memory["parameters"].update(WRITEMODE_A="WRITETHROUGH"), "no_such_write_mode"),
    (lambda memory: memory["parameters"].update(CLKBMUX="INV"), "no_such_clock"),
    (lambda memory: memory["parameters"].update(DATA_WIDTH_A=f"{5:032b}"), "no_such_width"),
    (lambda memory: memory["parameters"].update(DATA_WIDTH_A=f"{36:032b}"), "no_output_register_of_36_bits"),
])
def test_modes_without_a_model_are_refused(change, message):
    with pytest.raises(CodesignError, match=message):
        run_beside(lambda module: change(of_type(module, "DP16KD")[0]))


@pytest.mark.synth
def test_the_netlist_of_a_complete_system_classifies_digits():
    """All that is placed of an image with its program in it, at its pins: logits and cycles are those of the RTL."""
    network = random_network(Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
        {"conv": 8}, {"shift": "released"}, {"conv": 12}, "pool", {"conv": 8}, "average", {"linear": 10}]}).graph(), 0)
    program, images = compile_network(network, TINY), load_dataset("digits").test_images[:2]
    source = system_verilog(SYSTEM, pins=board_pins(ULX3S, LatticeSettings.of(ULX3S)), data=program.stream)
    memories = []
    placed = netlist.gates(synthesize(source, lambda step: None), source.top, "gates",
                           lambda module: memories.extend(of_type(module, "DP16KD")))
    assert sum("OUTREG" in memory["parameters"].values() for memory in memories) >= 16
    with SimulatedSystem(SYSTEM, library=netlist.build(gates=placed, board=BOARD)) as system:
        link = Link(system)
        assert link.board["board"] == "ulx3s" and link.has("embedded") and not link.has("simulated")
        result, expected = (device.run(program, images) for device in (SerialDevice(link, TINY), VerilatorDevice(TINY)))
        np.testing.assert_array_equal(result.logits, evaluate(network, images))
        assert (result.cycles, result.counters, result.layers) == (expected.cycles, expected.counters, expected.layers)
        statistics = link.request("statistics")
        assert not any(statistics[name] for name in ("bad_crc", "bad_framing", "too_long", "overruns", "faults"))
