"""What nextpnr's report (``--report``) says of an image: clocks, cells, and the path that is worst."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from codesign.errors import require

__all__ = ["Clock", "Hop", "Placement", "WorstPath", "parse_report"]

_CELLS = {"LUT4": "TRELLIS_COMB", "FF": "TRELLIS_FF", "EBR": "DP16KD", "MULT18": "MULT18X18D"}
#: What synthesis appends to the name of the wire or register that a cell was made for.
_SUFFIX = re.compile(r"(_(LUT4|CCU2C|PFUMX|L6MUX21|TRELLIS_\w+?|DP16KD|MULT18X18D|INV)_[A-Z0-9]+.*|\$TRELLIS_IO_IN)$")


def design_name(name: str) -> str:
    """The name in the design that ``name``, of a net or cell in the netlist, was made from."""
    return _SUFFIX.sub("", name.removeprefix("$glbnet$")) or name


@dataclass(frozen=True)
class Clock:
    """A clock of the design: what nextpnr's timing analysis allows, and what was asked, in Hz."""

    name: str
    achieved_hz: float
    asked_hz: float

    @property
    def is_met(self) -> bool:
        return self.achieved_hz >= self.asked_hz


@dataclass(frozen=True)
class Hop:
    """A part of a path: ``kind`` is clk-to-q, logic, routing or setup; ``net`` of a routing; ``cell`` where it ends."""

    kind: str
    delay_ns: float
    cell: str
    net: str | None


@dataclass(frozen=True)
class WorstPath:
    """The slowest path from register to register of the clock that is furthest behind, or least ahead."""

    clock: str
    hops: tuple[Hop, ...]

    def delay_ns(self, *kinds: str) -> float:
        """Of all hops, or those of ``kinds``."""
        return sum(hop.delay_ns for hop in self.hops if not kinds or hop.kind in kinds)

    @property
    def levels(self) -> int:
        """Of logic between the registers."""
        return sum(hop.kind == "logic" for hop in self.hops)

    def steps(self) -> list[tuple[float, str]]:
        """Nanoseconds since the clock's edge, and what is reached then, by the design's names, one after another."""
        steps, at = list[tuple[float, str]](), 0.0
        for hop in self.hops:
            at += hop.delay_ns
            name = design_name(hop.net if hop.kind == "routing" and hop.net else hop.cell)
            if steps and steps[-1][1] == name:
                steps.pop()
            steps.append((at, name))
        return steps


@dataclass(frozen=True)
class Placement:
    """A placed and routed design. ``cells``: used and available, by kind."""

    clocks: tuple[Clock, ...]
    cells: dict[str, tuple[int, int]]
    path: WorstPath | None

    @property
    def worst(self) -> Clock:
        """The clock that is furthest behind what was asked, or least ahead."""
        return min(self.clocks, key=lambda c: c.achieved_hz / c.asked_hz)

    @property
    def is_met(self) -> bool:
        return all(clock.is_met for clock in self.clocks)

    def to_dict(self) -> dict:
        """JSON-compatible."""
        path = self.path and {
            "clock": self.path.clock, "delay_ns": self.path.delay_ns(), "levels": self.path.levels,
            "routing_ns": self.path.delay_ns("routing"), "hops": [asdict(hop) for hop in self.path.hops],
            "steps": [{"ns": ns, "name": name} for ns, name in self.path.steps()]}
        return {"clocks": [{**asdict(clock), "is_met": clock.is_met} for clock in self.clocks],
                "cells": {kind: {"used": used, "available": there} for kind, (used, there) in self.cells.items()},
                "worst_path": path}


def parse_report(report: Mapping) -> Placement:
    """nextpnr-ecp5's report as a placement. Raises :class:`CodesignError` where it has no clock or counts no cells."""
    require(bool(report.get("fmax")), "Report of nextpnr must have a clock, not none")
    require({*_CELLS.values()} <= set(report.get("utilization", {})),
            f"Report of nextpnr must count {', '.join(_CELLS.values())}")
    clocks = tuple(Clock(design_name(name), round(f["achieved"] * 1e6), round(f["constraint"] * 1e6))
                   for name, f in sorted(report["fmax"].items()))
    cells = {kind: (report["utilization"][cell]["used"], report["utilization"][cell]["available"])
             for kind, cell in _CELLS.items()}
    worst = min(report["fmax"], key=lambda name: report["fmax"][name]["achieved"] / report["fmax"][name]["constraint"])
    own = [p for p in report.get("critical_paths", ())
           if p["from"].split()[-1] == p["to"].split()[-1] == worst and p["path"]]
    slowest = max(own, key=lambda p: sum(hop["delay"] for hop in p["path"]), default=None)
    path = slowest and WorstPath(design_name(worst), tuple(
        Hop(hop["type"], round(hop["delay"], 4), hop["to"]["cell"], hop.get("net")) for hop in slowest["path"]))
    return Placement(clocks, cells, path)
