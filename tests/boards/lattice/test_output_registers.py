"""Which registers become a block RAM's own. Netlists are as Yosys 0.70 writes them."""

import copy

import pytest

from codesign.boards.lattice.output_registers import use_output_registers

CLOCK, OTHER = 2, 3
SIDE = {"DATA_WIDTH": f"{9:032b}", "REGMODE": "NOREG"}


def memory(**changes):
    """A block RAM that reads two bits by port B, wires 10 and 11."""
    parameters = {f"{name}_{side}": value for name, value in SIDE.items() for side in "AB"}
    parameters |= {"CLKAMUX": "CLKA", "CLKBMUX": "CLKB"}
    wires = {"CLKA": [CLOCK], "CLKB": [CLOCK], "OCEA": ["1"], "OCEB": ["1"], "RSTA": ["0"], "RSTB": ["0"],
             "DIA0": [20], "DOA0": [30], "DOB0": [10], "DOB1": [11]}
    outputs = ("DOA0", "DOB0", "DOB1")
    cell = {"type": "DP16KD", "parameters": parameters, "connections": wires,
            "port_directions": {pin: "output" if pin in outputs else "input" for pin in wires}}
    for name, value in changes.items():
        (parameters if name in parameters else wires)[name] = value
    return cell


def register(d, q, **changes):
    parameters = {"CEMUX": "1 ", "CLKMUX": "CLK", "GSR": "DISABLED", "LSRMUX": "LSR", "REGSET": "RESET"}
    wires = {"CLK": [CLOCK], "DI": [d], "LSR": ["0"], "Q": [q]}
    for name, value in changes.items():
        (parameters if name in parameters else wires)[name] = value
    return {"type": "TRELLIS_FF", "parameters": parameters, "connections": wires,
            "port_directions": {pin: "output" if pin == "Q" else "input" for pin in wires}}


def netlist(ram, first, second, **others):
    return {"ports": {"o": {"direction": "output", "bits": [40, 41]}},
            "cells": {"ram": ram, "first": first, "second": second, **others}}


def test_registers_that_only_keep_what_is_read_are_the_block_rams():
    module = netlist(memory(), register(10, 40), register(11, 41))
    assert use_output_registers(module) == 2
    assert module == netlist(memory(REGMODE_B="OUTREG", DOB0=[40], DOB1=[41]), None, None) | {
        "cells": {"ram": memory(REGMODE_B="OUTREG", DOB0=[40], DOB1=[41])}}
    assert use_output_registers(module) == 0  # what follows it is its reader, no second register of it


LUT = {"type": "LUT4", "parameters": {}, "connections": {"A": [10], "Z": [50]},
       "port_directions": {"A": "input", "Z": "output"}}


@pytest.mark.parametrize("module", [
    netlist(memory(), register(10, 40), register(11, 41, CEMUX="CE", CE=[60])),
    netlist(memory(), register(10, 40), register(11, 41, LSR=[61])),
    netlist(memory(), register(10, 40), register(11, 41, LSRMUX="INV")),
    netlist(memory(), register(10, 40), register(11, 41, REGSET="SET")),
    netlist(memory(), register(10, 40), register(11, 41, CLK=[OTHER])),
    netlist(memory(), register(10, 40), register(11, 41, CLKMUX="INV")),
    netlist(memory(), register(10, 40), register(11, 41), lut=LUT),  # another reader
    netlist(memory(), register(10, 40), register(12, 41, CE=[11])),  # read by an enable
    netlist(memory(DOB1=[41]), register(10, 40), register(12, 42)),  # read by a port
    netlist(memory(DATA_WIDTH_A=f"{36:032b}"), register(10, 40), register(11, 41)),
    netlist(memory(OCEB=["0"]), register(10, 40), register(11, 41)),
    netlist(memory(RSTB=[62]), register(10, 40), register(11, 41)),
    netlist(memory(CLKBMUX="INV"), register(10, 40), register(11, 41)),
    netlist(memory(REGMODE_B="OUTREG"), register(10, 40), register(11, 41)),
], ids=range(14))
def test_any_other_register_stays(module):
    before = copy.deepcopy(module)
    assert use_output_registers(module) == 0 and module == before


def test_a_bit_that_nothing_reads_does_not_matter():
    module = netlist(memory(), register(10, 40), register(12, 41))
    assert use_output_registers(module) == 1 and module["cells"]["ram"]["parameters"]["REGMODE_A"] == "NOREG"
