"""``codesign fit``: the accelerators for a network on a board."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CodesignError, require
from .arguments import BOARD, add_command, add_json, add_network, integer, new_path, read_network
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..board import Board
    from ..search.fit import Candidate, Fit

__all__ = ["add"]

LIMITS = {"luts": "lut", "ffs": "ff", "dsps": "dsp", "bram18": "bram18"}


def add(commands) -> None:
    parser = add_command(commands, "fit", run, "Find the accelerators for a network on a board",
                         "Enumerates arrays of 4x4 to 128x128 elements with memories of several sizes (or those of a "
                         "space), as far as the board has room for them, prices the network on them, exactly, and "
                         "prints the fastest, the smallest that reaches a rate, and all that no other beats in cycles "
                         "and in the share of the board's scarcest resource. Look-up tables and flip-flops are "
                         "estimated; block RAMs and multipliers are what synthesis with Yosys takes.")
    add_network(parser)
    parser.add_argument("--board", required=True, metavar="B", help=BOARD)
    parser.add_argument("--fps", type=float, metavar="F", help="images/s that the smallest must reach")
    parser.add_argument("--share", type=float, default=0.8, metavar="X",
                        help="of the board's look-up tables and flip-flops, at most")
    for name in LIMITS:
        parser.add_argument(f"--max-{name}", type=integer(0), metavar="N", help=f"{name} of the accelerator, at most")
    parser.add_argument("--space", metavar="S", help="a search space's accelerators: a YAML file, or digits")
    parser.add_argument("--out", metavar="FILE", help="write the best as a .yaml file that --accelerator takes: the "
                                                      "smallest that reaches --fps, else the fastest")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = None if args.out is None else new_path(args.out)
    require(out is None or out.suffix in (".yaml", ".yml"), f"Output must be a .yaml file, not {args.out!r}")
    require(args.fps is None or 0 < args.fps < float("inf"), f"Rate must be above 0 images/s, not {args.fps}")

    from ..board import load_board
    from ..search.fit import fit, limits
    from ..search.space import load_space

    board, network = load_board(args.board), read_network(args)
    most = {kind: getattr(args, f"max_{name}") for name, kind in LIMITS.items()
            if getattr(args, f"max_{name}") is not None}
    configs = load_space(args.space).configs(board) if args.space else None
    found = fit(network.graph(), board, limits(board, args.share, most), configs, args.fps)
    if out is not None:
        _write(out, (found.smallest or found.fastest).config.to_dict())
    if args.json:
        print_json(_values(network.name, board, found))
    else:
        _print(network.name, board, found, args, out)


def _values(network: str, board: "Board", found: "Fit") -> dict:
    from ..energy import estimate_energy
    from ..resources import coefficients, system_resources

    def values(c: "Candidate") -> dict:
        return {"accelerator": c.config.to_dict(), "cycles": c.cycles, "images_per_s": c.images_per_s, "share": c.share,
                "memory_bytes": c.memory_bytes, "resources": c.resources.to_dict(), "counters": c.counters,
                "energy": estimate_energy(c.config, c.counters, board).to_dict()}

    return {"network": network, "board": board.name, "method": "model", "limits": found.limits,
            "system": system_resources(board), "resource_model": dict(coefficients(board.family).made),
            "considered": found.considered, "too_large": found.too_large, "priced": found.priced,
            "fastest": values(found.fastest), "smallest": values(found.smallest) if found.smallest else None,
            "front": [values(c) for c in found.front]}


def _print(network: str, board: "Board", found: "Fit", args: argparse.Namespace, out: Path | None) -> None:
    from ..energy import estimate_energy
    from ..resources import KINDS, system_resources

    whole = {"lut": board.luts, "ff": board.ffs, "dsp": board.dsps, "bram18": board.bram18}
    system = system_resources(board)
    around = ("the soft core, memory and serial line besides it" if any(system.values()) else
              "the interconnect of a processor, which is not known here")
    print(f"{network} on {board.name} at {board.clock_hz / 1e6:g} MHz: {found.considered:,} accelerators considered, "
          f"{found.too_large:,} too large, {found.priced:,} priced\n"
          + ", ".join(f"{limit:,} of {whole[kind]:,} {KINDS[kind]}" for kind, limit in found.limits.items())
          + f" may be taken;\nthe rest is for {around}, and for routing\n")

    def row(c: "Candidate") -> tuple:
        marks = [*(["fastest"] if c is found.fastest else []),
                 *([f"smallest with {args.fps:g}/s"] if c is found.smallest else [])]
        k, energy = c.config, estimate_energy(c.config, c.counters, board)
        return (f"{k.rows}x{k.cols}", k.wide_rows, k.weight_rows, k.bank_depth, k.acc_depth, k.bus_bits,
                f"{k.fifo_bursts}x{k.burst_beats}", c.cycles, c.images_per_s, energy.total_j * 1e6, f"{c.share:.1%}",
                c.resources.lut, c.resources.ff, c.resources.dsp, c.resources.bram18, ", ".join(marks))

    print_table(("array", "wide", "weight rows", "bank", "acc", "bus", "fifo", "cycles", "images/s", "uJ/image*",
                 "board*", "LUT*", "FF*", "DSP", "BRAM18", ""), map(row, found.front))
    print("\n* estimates; cycles are the cost model's, which are the RTL's" + (f"\nwritten: {out}" if out else ""))


def _write(path: Path, values: dict) -> None:
    import yaml

    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(yaml.safe_dump(values, sort_keys=False))
        os.replace(temporary, path)
    except OSError as e:
        raise CodesignError(f"Output {str(path)!r} must be writable: {e.strerror or e}") from None
    finally:
        temporary.unlink(missing_ok=True)
