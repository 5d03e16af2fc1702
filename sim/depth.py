"""Logic depth of a mapped netlist: the longest ways from register to register, in levels, by class of path.

A level is a LUT and the net before it, or a carry chain, however long. What multiplexes in a LUT's own slice (MUXF7 and
on) is no level. Ways begin and end at registers, block memories and DSPs, whose own times come on top: a block memory
without its output register is late by more than a level. The accelerator's ports count as registers.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

__all__ = ["CEILINGS", "LEVEL_S", "LogicPath", "allowed_levels", "longest_paths"]

#: By family: what its cells can do at best, from the vendor's data sheet.
CEILINGS = {"xcup": "DSP48E2 645 MHz with all its registers (456 without MREG, 338 without any), by AMD's DS925, speed "
                    "grade -1"}

#: Of a LUT and its net on the slowest UltraScale+: an assumption, no figure of the vendor's. Half of it is routing.
LEVEL_S = 0.45e-9
_CLOCKED_S = 0.45e-9  # clock to output, setup, and clock uncertainty: an assumption, too
_LUT = re.compile(r"LUT[1-6]$|INV$|LUT4$|RAM\d+M?\w*$|TRELLIS_DPR16X4$")
_WIDE_MUX = re.compile(r"MUXF[789]$|PFUMX$|L6MUX21$")
_CARRY = {"CARRY4": "CI", "CARRY8": "CI", "CCU2C": "CIN"}  # and the input that a chain goes on by
_CONSTANTS = ("0", "1", "x", "z")


@dataclass(frozen=True, kw_only=True)
class LogicPath:
    """The longest way of its class. ``start``, ``end``: registers, or ports of memories and DSPs, by the design's own
    names; ``kind``: both, without numbers, of which there are ``ends`` bits at their end."""

    levels: int
    start: str
    end: str
    kind: tuple[str, str]
    ends: int

    def to_dict(self) -> dict:
        return asdict(self)


def allowed_levels(clock_hz: float) -> int:
    """Levels that a cycle at ``clock_hz`` has time for, by the assumptions above."""
    return int((1 / clock_hz - _CLOCKED_S) / LEVEL_S)


class _Netlist:
    """All instances of all modules in one graph. A net's bit is its number in the flat design."""

    def __init__(self, modules: dict, top: str):
        self.modules = modules
        self.drivers: dict[int, tuple[str, dict]] = {}  # by bit: combinational cell's type, its inputs by port
        self.ends: list[tuple[int, str]] = []  # (bit, what takes it)
        self.names: dict[int, str] = {}
        self._count = 0
        self._place(top, "", {})

    def _place(self, name: str, path: str, outer: dict[int, int]) -> None:
        module, bits = self.modules[name], dict(outer)

        def flat(bit) -> int | None:
            if bit in _CONSTANTS:
                return None
            if bit not in bits:
                self._count += 1
                bits[bit] = self._count
            return bits[bit]

        own: dict[int | None, str] = {}  # by flat bit, what this module calls it: the least hidden and shortest name
        for net, of in sorted(module["netnames"].items(), key=lambda item: (item[1]["hide_name"], len(item[0]))):
            for index, bit in enumerate(of["bits"]):
                if bit not in _CONSTANTS:
                    own.setdefault(flat(bit), f"{path}{net}[{index}]" if len(of["bits"]) > 1 else path + net)
        if not path:
            self.names.update((bit, text) for bit, text in own.items() if bit)
        for label, cell in module["cells"].items():
            if cell["type"] in self.modules:
                inner = self.modules[cell["type"]]["ports"]
                self._place(cell["type"], f"{path}{label}.", {
                    a: b for port, of in cell["connections"].items()
                    for a, b in zip(inner[port]["bits"], map(flat, of), strict=True) if a not in _CONSTANTS and b})
                continue
            self._connect(path + label, cell, flat, own)

    def _connect(self, label: str, cell: dict, flat: Callable[[int], int | None], own: dict[int, str]) -> None:
        kind, directions = cell["type"], cell["port_directions"]
        wires = {port: [b for b in map(flat, of) if b] for port, of in cell["connections"].items()}
        inputs = {port: of for port, of in wires.items() if directions[port] == "input"}
        combinational = _LUT.match(kind) or _WIDE_MUX.match(kind) or kind in _CARRY
        outputs = [bit for port, of in wires.items() if directions[port] == "output" for bit in of]
        for bit in outputs:
            self.drivers[bit] = (kind if combinational else "", inputs)
            self.names[bit] = own.get(bit, label)
        if not combinational or kind.startswith("RAM"):
            flip_flop = kind.startswith(("FD", "TRELLIS_FF")) and outputs
            name = own.get(outputs[0], label) if flip_flop else label
            for port, of in inputs.items():
                if "CLK" not in port and port != "C":
                    self.ends += [(bit, name if flip_flop and port in ("D", "DI") else f"{name}.{port}") for bit in of]


def longest_paths(modules: dict, top: str) -> list[LogicPath]:
    """``modules`` as in Yosys' JSON, mapped to cells; the deepest first, one for each class."""
    cells = {name for name, module in modules.items() if {"blackbox", "whitebox"} & set(module.get("attributes", {}))}
    netlist = _Netlist({name: module for name, module in modules.items() if name not in cells}, top)
    depth: dict[int, tuple[int, int | None]] = {}  # of a bit: levels, and the bit before it on the longest way

    def arcs(bit: int) -> Iterator[tuple[int, int]]:
        kind, inputs = netlist.drivers.get(bit, ("", {}))
        for port, of in inputs.items() if kind else ():
            on = port == _CARRY.get(kind) or _WIDE_MUX.match(kind) or (kind.startswith("RAM") and "ADDR" not in port)
            yield from ((before, 0 if on else 1) for before in of)

    for bit, _ in netlist.ends:
        stack = [bit]
        while stack:
            at = stack[-1]
            missing = [before for before, _ in arcs(at) if before not in depth]
            if missing and at not in depth:
                depth[at] = (0, None)  # until it is known; also where a way would come back to itself
                stack += missing
                continue
            stack.pop()
            depth[at] = max(((depth[before][0] + more, before) for before, more in arcs(at)), default=(0, None))
    return _by_class(netlist, depth)


def _by_class(netlist: _Netlist, depth: dict[int, tuple[int, int | None]]) -> list[LogicPath]:
    def plain(name: str) -> str:
        return re.sub(r"\[\d+\]", "", re.sub(r"\d+", "#", name.split("$")[0] if not name.startswith("$") else name))

    starts: dict[int, int] = {}

    def start(bit: int) -> int:
        way = [bit]
        while way[-1] not in starts and depth[way[-1]][1] is not None:
            way.append(depth[way[-1]][1])
        for at in way:
            starts[at] = starts.get(way[-1], way[-1])
        return starts[bit]

    classes = defaultdict(list)
    for bit, end in netlist.ends:
        begin = netlist.names.get(start(bit), "?")
        classes[plain(begin), plain(end)].append((depth[bit][0], begin, end))
    worst = {kind: max(of) for kind, of in classes.items()}
    return sorted((LogicPath(levels=levels, start=begin, end=end, kind=kind, ends=len(classes[kind]))
                   for kind, (levels, begin, end) in worst.items()), key=lambda p: (-p.levels, p.kind))
