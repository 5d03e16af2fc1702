"""``codesign boards``: which boards are known, and what can be done for each of them here."""

import argparse
from typing import TYPE_CHECKING

from .arguments import add_command, add_json
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..board import Board

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "boards", run, "List boards, and what can be done for each of them here",
                         "That is: simulate the accelerator, run the board's firmware before it, build an image, and "
                         "the serial ports at which such a board seems to be.")
    parser.add_argument("file", nargs="*", metavar="FILE.yaml", help="a board's file, beside the boards that are known")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from codesign.boards.abilities import abilities, plugged_in
    from codesign.sim.toolchain import tools

    from ..board import board_names, load_board

    boards = [load_board(name) for name in [*board_names(), *args.file]]
    found = {tool.name: tool for tool in tools()}
    can = [abilities(board, found) for board in boards]
    ports = [plugged_in(board) for board in boards]
    if args.json:
        print_json([{**board.to_dict(), "can": {
            name: {"ok": ability.is_there, "tools": ability.tools, "problems": ability.problems}
            for name, ability in able.items()}, "ports": at}
            for board, able, at in zip(boards, can, ports, strict=True)])
        return
    print_table(("board", "part", "LUT", "FF", "DSP", "BRAM18", "MHz", "memory", "toolchain"),
                ((b.name, b.part, b.luts, b.ffs, b.dsps, b.bram18, f"{b.clock_hz / 1e6:g}", _memory(b),
                  b.toolchain["name"] if b.toolchain else None) for b in boards))
    print()
    print_table(("board", *can[0], "serial port"),
                ((board.name, *("yes" if ability.is_there else "no" for ability in able.values()),
                  ", ".join(at) or ("none here" if board.serial and board.serial.usb else "its USB name is not known"))
                 for board, able, at in zip(boards, can, ports, strict=True)))
    missing: dict[str, list[str]] = {}
    for board, able in zip(boards, can, strict=True):
        for name, ability in able.items():
            for problem in ability.problems:
                missing.setdefault(problem, []).append(f"{name} ({board.name})")
    for problem, without in missing.items():
        print(f"\n{problem}\n  for: {', '.join(without)}")


def _memory(board: "Board") -> str:
    size = board.memory_bytes
    if size is None:
        return board.memory_kind
    text = f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
    kind = board.dram if board.memory_kind == "dram" else board.memory_kind
    return f"{text} {kind}, {board.memory.bytes_per_cycle:g} B/cycle"
