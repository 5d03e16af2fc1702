"""``codesign build``: the image for a board, by its toolchain."""

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import require
from .arguments import BOARD, add_command, add_json, add_model, fitted_accelerator, integer, new_path, read_model
from .output import print_json

if TYPE_CHECKING:
    from ..accelerator import AcceleratorConfig
    from ..board import Board

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(
        commands, "build", run, "Build the image for a board",
        "For boards with open tools, placed, routed and timed: a bitstream that is a complete system. Nothing is "
        "written where it does not fit or misses its clock. For Zynq UltraScale+ boards: a Vivado project, which make "
        "builds and checks where Vivado is.")
    add_model(parser, optional=True)
    parser.add_argument("--board", required=True, metavar="B", help=BOARD)
    parser.add_argument("--accelerator", metavar="A", help="an accelerator: a YAML file, or a preset; else the "
                                                            "fastest for the model, and without one the board's")
    parser.add_argument("--clock", type=float, metavar="MHZ", help="the accelerator's clock, instead of the board's")
    parser.add_argument("--baud", type=integer(1), metavar="N", help="of the serial line: one of the board's rates; "
                                                                     "else its first")
    parser.add_argument("--embed", action="store_true", help="put the model's program and weights into the image, so "
                                                             "that only images go over the line")
    parser.add_argument("--seeds", type=integer(1, 100), default=5, metavar="N",
                        help="placements to try until one reaches the clock")
    parser.add_argument("--out", required=True, metavar="DIR", help="the directory to make")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from codesign.boards.job import BuildJob, Workload
    from codesign.boards.toolchains import load_toolchain

    out = new_path(args.out)
    board = _board(args)
    toolchain = load_toolchain(board)
    config, workload = _accelerator(args, board), None
    if args.network is not None:
        from ..compiler import compile_network

        network, integers = read_model(args, config)
        workload = Workload(network=network, integer=integers, program=compile_network(integers, config))
    job = BuildJob(board=board, config=config, workload=workload, embed=args.embed, baud=args.baud,
                   seeds=tuple(range(1, args.seeds + 1)))
    with tqdm(desc=board.name, bar_format="{desc} ({elapsed})", leave=False, file=sys.stderr, disable=None) as bar:
        built = toolchain.build(job, out, lambda step: bar.set_description_str(f"{board.name}: {step}"))
    print_json(built) if args.json else print(toolchain.describe(built, out), end="")


def _board(args: argparse.Namespace) -> "Board":
    import dataclasses

    from ..board import load_board

    board = load_board(args.board)
    if args.clock is None:
        return board
    require(1 <= args.clock <= 1000, f"Clock must be a number in 1..1000 MHz, not {args.clock:g}")
    return dataclasses.replace(board, clock_hz=round(args.clock * 1e6))


def _accelerator(args: argparse.Namespace, board: "Board") -> "AcceleratorConfig":
    from ..accelerator import load_accelerator
    from ..fitting import require_fit

    if args.accelerator is None and args.network is not None:
        return fitted_accelerator(args, board)
    config = board.preset() if args.accelerator is None else board.place(load_accelerator(args.accelerator))
    require_fit(config, board)
    return config
