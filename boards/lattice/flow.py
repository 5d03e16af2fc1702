"""From a system's Verilog to an ECP5 image: synthesis, place and route, packing. Each step is kept by its inputs."""

import contextlib
import gzip
import hashlib
import inspect
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codesign.board import Board
from codesign.directories import built_once, cache_directory
from codesign.errors import CodesignError, require
from codesign.resources import Resources, excess
from codesign.rtl.system.emit import SystemSource
from codesign.sim.open_tools import OpenTool, find_open_tool, run_tool
from codesign.sim.synthesis import ECP5_OPTIONS, cell_statistics, count_cells
from codesign.sim.yosys_verilog import for_yosys

from . import output_registers
from .constraints import board_pins, constraints
from .report import Placement, parse_report
from .settings import LatticeSettings

__all__ = ["SEEDS", "Image", "TimingError", "TooLargeError", "implement", "place", "synthesize", "tool_versions"]

SEEDS = (1, 2, 3, 4, 5)
#: nextpnr's first router was not done with a 4x4 system's 52,371 connections after twice the time that this one takes.
#: Its analytical placer with electrostatic spreading ("static") leaves an 8x8 system with 3/4 of the wires' length that
#: its other one ("heap") does.
NEXTPNR_OPTIONS = ("--placer", "static", "--router", "router2")
STALLED = 40  # rounds of the router without a new least number of wires in use twice: from there on they grow
UNROUTED = "unrouted"  # the file that says so, with that number, in place of a report
_STEPS = {"yosys": "synthesis", "nextpnr-ecp5": "place and route", "ecppack": "packing"}

Progress = Callable[[str], None]


class _StalledError(Exception):
    """The router gets nowhere."""


class TooLargeError(CodesignError):
    """The part has not what the design needs; ``resources`` are those."""

    def __init__(self, message: str, resources: Resources):
        super().__init__(message)
        self.resources = resources


class TimingError(CodesignError):
    """The clock that was asked for is not reached; ``placement`` is the best that was."""

    def __init__(self, message: str, placement: Placement):
        super().__init__(message)
        self.placement = placement


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that meets its clock, and how it came about.

    seed : of the placement; missed : what earlier seeds reached, in Hz, by seed; None: they could not be routed
    seconds : run time by step, of the run that made it, however long ago; tools : versions; log : all they said
    """

    bit: bytes
    svf: bytes
    placement: Placement
    seed: int
    missed: dict[int, float | None]
    resources: Resources
    seconds: dict[str, float]
    tools: dict[str, str]
    log: str


def _kept(tool: OpenTool, inputs: Sequence[str], run: Callable[[Path], float]) -> Path:
    """The directory with what ``run`` made there of ``inputs`` with ``tool``, now or before."""
    key = hashlib.sha256("\0".join([tool.version, *inputs]).encode()).hexdigest()[:32]

    def build(directory: Path) -> None:
        try:
            seconds = run(directory)
        except CodesignError as e:
            kept = cache_directory() / "images" / f"{tool.name}-{key}.log"
            shutil.copyfile(directory / "log", kept)
            raise CodesignError(f"{e} ({kept})") from None
        (directory / "seconds").write_text(f"{seconds:.3f}")

    return built_once(cache_directory() / "images" / f"{tool.name}-{key}", build)


def _compress(path: Path) -> None:
    with open(path, "rb") as source, gzip.open(f"{path}.gz", "wb", 1) as target:
        shutil.copyfileobj(source, target)
    path.unlink()


def _extract(path: Path, target: Path) -> None:
    with gzip.open(path, "rb") as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out)


def synthesize(source: SystemSource, progress: Progress) -> Path:
    """Netlist and Yosys' statistics. The hierarchy is flattened; names of wires and registers stay; none has two
    drivers. Registers whose wires say ``keep`` are not made one. Block RAMs then take the registers behind them for
    their own."""
    yosys = find_open_tool("yosys")
    files = {name: for_yosys(text) for name, text in source.files.items()}
    script = (f"read_verilog {' '.join(sorted(files))}\nhierarchy -top {source.top}\nproc\n"
              "setattr -set keep 1 a:keep %ci1 t:$dff %i\n"  # Yosys itself keeps the wire only
              f"synth_ecp5 -top {source.top}{ECP5_OPTIONS}\ncheck -assert\n"
              "tee -q -o cells.json stat -json\nwrite_json netlist.json\n")

    def run(work: Path) -> float:
        for name, text in files.items():
            (work / name).write_text(text)
        (work / "script.ys").write_text(script)
        seconds = run_tool(yosys, ["-q", "-s", "script.ys"], work, work / "log", lambda: progress("synthesis"))
        netlist = json.loads((work / "netlist.json").read_text())
        output_registers.use_output_registers(netlist["modules"][source.top])
        (work / "netlist.json").write_text(json.dumps(netlist))
        _compress(work / "netlist.json")
        return seconds

    texts = [part for name in sorted(files) for part in (name, files[name])]
    return _kept(yosys, [script, inspect.getsource(output_registers), *texts], run)


def place(netlist: Path, lpf: str, settings: LatticeSettings, clock_hz: int, seed: int, progress: Progress) -> Path:
    """Configuration and report of ``netlist``, placed and routed, whether or not it reaches the clock; the file
    :data:`UNROUTED` alone where the router, which would go on for ever, gets nowhere."""
    nextpnr = find_open_tool("nextpnr-ecp5")
    options = [*settings.device_options(), *NEXTPNR_OPTIONS, "--seed", str(seed), "--freq", f"{clock_hz / 1e6:.6f}"]

    def run(work: Path) -> float:
        _extract(netlist / "netlist.json.gz", work / "netlist.json")
        (work / "image.lpf").write_text(lpf)
        words = ["--json", "netlist.json", "--lpf", "image.lpf", "--textcfg", "image.config", "--report",
                 "report.json", "--timing-allow-fail", *options]
        begun, log = time.monotonic(), work / "log"

        def tick() -> None:
            progress(f"place and route, seed {seed}")
            if least_overused(log.read_text(errors="replace")) is not None:
                raise _StalledError

        with contextlib.suppress(_StalledError):
            run_tool(nextpnr, words, work, log, tick)
        overused = least_overused(log.read_text(errors="replace"))
        (work / "netlist.json").unlink()
        if overused is None:
            _compress(work / "image.config")
        else:  # whenever that was noticed
            (work / UNROUTED).write_text(f"{overused}\n")
        return time.monotonic() - begun

    return _kept(nextpnr, [netlist.name, lpf, *options], run)


def least_overused(log: str) -> int | None:
    """Where the router's ``log`` shows that it gets nowhere, the least number of wires that were in use twice after any
    of its rounds; else None."""
    least, age = None, 0
    for text in re.findall(r"\boverused=(\d+)", log):
        if least is None or int(text) < least:
            least, age = int(text), 0
        else:
            age += 1
        if age == STALLED:
            return least
    return None


def _pack(placed: Path, progress: Progress) -> Path:
    ecppack = find_open_tool("ecppack")
    options = ["--compress"]

    def run(work: Path) -> float:
        _extract(placed / "image.config.gz", work / "image.config")
        seconds = run_tool(ecppack, [*options, "image.config", "image.bit", "--svf", "image.svf"], work, work / "log",
                           lambda: progress("packing"))
        (work / "image.config").unlink()
        return seconds

    return _kept(ecppack, [placed.name, *options], run)


def tool_versions() -> dict[str, str]:
    """Of the tools of each step; raises :class:`CodesignError` where one is missing or too old."""
    return {step: find_open_tool(name).version for name, step in _STEPS.items()}


def implement(source: SystemSource, board: Board, *, clock_hz: int, seeds: Sequence[int] = SEEDS,
              progress: Progress = lambda step: None) -> Image:
    """The image of ``source``, which has a top, for ``board``: of the first of ``seeds`` whose placement reaches every
    clock.

    ``progress(step)`` is called now and then. The same inputs and tools give the same bytes. Raises
    :class:`TooLargeError` where the part is too small, :class:`TimingError` where no seed reaches the clocks, and
    :class:`CodesignError` where none can be routed, or a tool is missing or fails.
    """
    settings = LatticeSettings.of(board)
    lpf = constraints(source.ports, settings, board_pins(board, settings).reference_hz)
    require(len(seeds) > 0, "Seeds must be at least one")
    tools = tool_versions()
    netlist = synthesize(source, progress)
    resources = count_cells(cell_statistics((netlist / "cells.json").read_text(), source.top or ""), board.family)
    if excess(resources, board):
        raise TooLargeError(", ".join(excess(resources, board)), resources)
    tried, unrouted = dict[int, tuple[Path, Placement]](), dict[int, int]()
    for seed in seeds:
        placed = place(netlist, lpf, settings, clock_hz, seed, progress)
        if (placed / UNROUTED).exists():
            unrouted[seed] = int((placed / UNROUTED).read_text())
            continue
        tried[seed] = placed, parse_report(json.loads((placed / "report.json").read_text()))
        clocks = tried[seed][1].clocks
        require(any(abs(clock.asked_hz / clock_hz - 1) < 0.001 for clock in clocks),
                f"Design must have a clock of {clock_hz / 1e6:g} MHz, not only of "
                f"{', '.join(f'{clock.asked_hz / 1e6:g}' for clock in clocks)} MHz")
        if tried[seed][1].is_met:
            break
    else:
        _refuse({seed: placement for seed, (_, placement) in tried.items()}, unrouted)
    placed, placement = tried[seed]
    packed = _pack(placed, progress)
    kept = dict(zip(_STEPS.values(), (netlist, placed, packed), strict=True))
    return Image(
        bit=(packed / "image.bit").read_bytes(), svf=(packed / "image.svf").read_bytes(), placement=placement,
        seed=seed, resources=resources,
        missed={s: tried[s][1].worst.achieved_hz if s in tried else None for s in seeds[:seeds.index(seed)]},
        seconds={step: float((made / "seconds").read_text()) for step, made in kept.items()}, tools=tools,
        log="".join(f"---- {step}\n{(made / 'log').read_text(errors='replace')}" for step, made in kept.items()))


def _refuse(tried: Mapping[int, Placement], unrouted: Mapping[int, int]) -> None:
    """No seed will do. ``unrouted`` : by seed, wires that were left in use twice"""
    seeds = ", ".join(map(str, sorted([*tried, *unrouted])))
    if not tried:
        raise CodesignError(f"Wires must be in use once, not {min(unrouted.values())} of them twice (nextpnr's best of "
                            f"seeds {seeds}): a smaller array is easier to route")
    best = max(tried.values(), key=lambda p: p.worst.achieved_hz / p.worst.asked_hz)
    clock, path = best.worst, ""
    if best.path:
        steps = best.path.steps()
        path = (f"; worst path {steps[0][1]} to {steps[-1][1]}, {best.path.delay_ns():.2f} ns with "
                f"{best.path.levels} levels of logic")
    raise TimingError(f"Clock {clock.name} must reach {clock.asked_hz / 1e6:.2f} MHz, not "
                      f"{clock.achieved_hz / 1e6:.2f} (nextpnr's best of seeds {seeds}){path}", best)
