"""Block RAM's own output registers: a register that only keeps what a block RAM reads becomes the block RAM's.

An ECP5 block RAM (DP16KD) gives its data 5.8 ns after the clock, or 0.9 ns out of its output register (REGMODE OUTREG;
Project Trellis' timings of speed grade 6; Lattice FPGA-TN-02204 describes the register). Yosys 0.70 maps no register to
it. Between its edges the register behind the block RAM and the one within it are the same: clocked by the port's clock,
always enabled, never reset, 0 when power comes.
"""

import re
from collections import defaultdict
from collections.abc import Mapping

__all__ = ["use_output_registers"]

_OUTPUT = re.compile(r"DO([AB])\d+")
_WIDEST_BITS = 18  # beyond, both ports' outputs are one port's


def _is_plain(register: Mapping, clock: object) -> bool:
    """A register that takes its data at every edge of ``clock``, and nothing else."""
    parameters, wires = register["parameters"], register["connections"]
    return (wires["CLK"] == clock and parameters.get("CLKMUX", "CLK") == "CLK"
            and (parameters.get("CEMUX", "1").strip() == "1" or wires.get("CE") == ["1"])
            and parameters.get("LSRMUX", "LSR") == "LSR" and wires.get("LSR", ["0"]) == ["0"]
            and parameters.get("REGSET", "RESET") == "RESET")


def use_output_registers(module: dict) -> int:
    """Change ``module`` of a netlist, as Yosys writes it in JSON; returns how many registers are no more.

    A port of a block RAM uses its output register where each bit that it reads goes to one plain register, and nowhere
    else.
    """
    cells = module["cells"]
    loads = defaultdict(list)
    for name, port in module["ports"].items():
        for bit in port["bits"]:
            loads[bit].append((name, "port"))
    for name, cell in cells.items():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] != "output":
                for bit in bits:
                    loads[bit].append((name, pin))
    gone = 0
    for memory in [cell for cell in cells.values() if cell["type"] == "DP16KD"]:
        parameters, wires = memory["parameters"], memory["connections"]
        if max(int(parameters[f"DATA_WIDTH_{side}"], 2) for side in "AB") > _WIDEST_BITS:
            continue
        for side in "AB":
            read = [pin for pin in wires if (output := _OUTPUT.fullmatch(pin)) and output[1] == side
                    and loads[wires[pin][0]]]
            registers = {pin: loads[wires[pin][0]][0][0] for pin in read}
            if (read and parameters[f"REGMODE_{side}"] == "NOREG" and wires[f"OCE{side}"] == ["1"]
                    and parameters[f"CLK{side}MUX"] == f"CLK{side}" and wires[f"RST{side}"] == ["0"]
                    and all(len(loads[wires[pin][0]]) == 1 and loads[wires[pin][0]][0][1] == "DI"
                            and cells[name]["type"] == "TRELLIS_FF" and _is_plain(cells[name], wires[f"CLK{side}"])
                            for pin, name in registers.items())):
                parameters[f"REGMODE_{side}"] = "OUTREG"
                for pin, name in registers.items():
                    wires[pin] = cells.pop(name)["connections"]["Q"]
                gone += len(registers)
    return gone
