"""Logic depth of a mapped netlist: the longest ways from register to register, in levels, by class of path.

Counted as AMD's rule for UltraScale+ counts them before placement, which also says what a level may take (script
``report_failfast`` of the Xilinx Tcl Store, commit 8a50b5c8; Vivado's ``report_qor_assessment`` budgets LUTs and nets,
too: UG906). A level is a LUT and the net before it. What multiplexes in a LUT's own slice (MUXF7 and on) is none. Ways
begin and end at registers, block memories and DSPs; one more level is counted where a way does not begin at a register,
and where it does not end at a register's data input by a net of its own from a LUT. The accelerator's ports count as
registers.

More strictly than the rule, a carry chain, however long, is a level, too. A path of 10 LUTs and two chains took 4.51 ns
in an XCZU3EG-1, routed by Vivado 2021.2 (github.com/gussmith23/lakeroad-evaluation, commit 5dcc8459, its report
``lpm.futil-ultrascale-timing-route.v``): 0.376 ns a level, counted so; without the chains it would be 0.451 ns.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

__all__ = ["CEILINGS", "LEVEL_S", "LogicPath", "allowed_levels", "longest_paths", "speed_grade"]

#: By family: what its cells can do at best, from the vendor's data sheet.
CEILINGS = {"xcup": "DSP48E2 645 MHz with all its registers (456 without MREG, 338 without any), by AMD's DS925, speed "
                    "grade -1"}

#: By speed grade of UltraScale+: what AMD's rule plans for a level; clock to output and setup are in it.
LEVEL_S = {"1": 0.35e-9, "2": 0.3e-9, "3": 0.25e-9}
_UNCERTAINTY_S = 0.1e-9  # of the clock: an assumption
_LUT = re.compile(r"LUT[1-6]$|INV$|LUT4$|RAM\d+M?\w*$|TRELLIS_DPR16X4$")
_WIDE_MUX = re.compile(r"MUXF[789]$|PFUMX$|L6MUX21$")
_CARRY = {"CARRY4": "CI", "CARRY8": "CI", "CCU2C": "CIN"}  # and the input that a chain goes on by
_FLIP_FLOPS = ("FD", "TRELLIS_FF")
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


def speed_grade(part: str | None) -> str:
    """Of an UltraScale+ ``part`` as Vivado names it (``xczu3eg-sbva484-1-e``); the slowest where nobody says which."""
    grade = re.search(r"-([123])\w*-\w$", part or "")
    return grade[1] if grade else "1"


def allowed_levels(clock_hz: float, grade: str) -> int:
    """Levels that a cycle at ``clock_hz`` has time for, by the rule."""
    return int((1 / clock_hz - _UNCERTAINTY_S) / LEVEL_S[grade])


class _Netlist:
    """All instances of all modules in one graph. A net's bit is its number in the flat design."""

    def __init__(self, modules: dict, top: str):
        self.modules = modules
        self.drivers: dict[int, tuple[str, dict]] = {}  # by bit: cell's type, its inputs by port if combinational
        self.ends: list[tuple[int, str, bool]] = []  # (bit, what takes it, whether as a register's data)
        self.loads: Counter[int] = Counter()
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
        self.loads.update(bit for of in inputs.values() for bit in of)
        for bit in outputs:
            self.drivers[bit] = (kind, inputs if combinational else {})
            self.names[bit] = own.get(bit, label)
        if not combinational or kind.startswith("RAM"):
            flip_flop = bool(kind.startswith(_FLIP_FLOPS) and outputs)
            name = own.get(outputs[0], label) if flip_flop else label
            for port, of in inputs.items():
                if "CLK" not in port and port != "C":
                    data = flip_flop and port in ("D", "DI")
                    self.ends += [(bit, name if data else f"{name}.{port}", data) for bit in of]

    def begins_late(self, bit: int) -> bool:
        """Whether ``bit``, where a way begins, is no register's."""
        return bit in self.drivers and not self.drivers[bit][0].startswith(_FLIP_FLOPS)

    def ends_late(self, bit: int, data: bool) -> bool:
        """Whether a way that ends with ``bit`` ends elsewhere than at a register beside the LUT that drives it."""
        kind = self.drivers.get(bit, ("", {}))[0]
        return not (data and self.loads[bit] == 1 and (_LUT.match(kind) or _WIDE_MUX.match(kind)))


def longest_paths(modules: dict, top: str) -> list[LogicPath]:
    """``modules`` as in Yosys' JSON, mapped to cells; the deepest first, one for each class."""
    cells = {name for name, module in modules.items() if {"blackbox", "whitebox"} & set(module.get("attributes", {}))}
    netlist = _Netlist({name: module for name, module in modules.items() if name not in cells}, top)
    depth: dict[int, tuple[int, int | None]] = {}  # of a bit: levels, and the bit before it on the longest way

    def arcs(bit: int) -> Iterator[tuple[int, int]]:
        kind, inputs = netlist.drivers.get(bit, ("", {}))
        for port, of in inputs.items():
            on = port == _CARRY.get(kind) or _WIDE_MUX.match(kind) or (kind.startswith("RAM") and "ADDR" not in port)
            yield from ((before, 0 if on else 1) for before in of)

    for bit, _, _ in netlist.ends:
        stack = [bit]
        while stack:
            at = stack[-1]
            missing = [before for before, _ in arcs(at) if before not in depth]
            if missing and at not in depth:
                depth[at] = (0, None)  # until it is known; also where a way would come back to itself
                stack += missing
                continue
            stack.pop()
            depth[at] = max(((depth[before][0] + more, before) for before, more in arcs(at)),
                            default=(int(netlist.begins_late(at)), None))
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
    for bit, end, data in netlist.ends:
        begin = netlist.names.get(start(bit), "?")
        classes[plain(begin), plain(end)].append((depth[bit][0] + netlist.ends_late(bit, data), begin, end))
    worst = {kind: max(of) for kind, of in classes.items()}
    return sorted((LogicPath(levels=levels, start=begin, end=end, kind=kind, ends=len(classes[kind]))
                   for kind, (levels, begin, end) in worst.items()), key=lambda p: (-p.levels, p.kind))
