"""``codesign solve``: the accelerator for a network on a board."""

import argparse
import os
from pathlib import Path

from ..errors import CodesignError, require
from .arguments import BOARD, add_command, add_json, add_network, new_path, read_network
from .output import print_json, print_table

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "solve", run, "Find the accelerators for a network on a board",
                         "Prices the network, exactly, on every array of 4x4 to 64x64 elements (or on those of a "
                         "space), and prints those that no other beats in cycles and in the share of the board's "
                         "scarcest resource, which is estimated.")
    add_network(parser)
    parser.add_argument("--board", required=True, metavar="B", help=BOARD)
    parser.add_argument("--space", metavar="S", help="a search space's accelerators: a YAML file, or digits")
    parser.add_argument("--share", type=float, default=0.8, metavar="X", help="of the board, at most")
    parser.add_argument("--out", metavar="FILE", help="write the fastest as a .yaml file that --accelerator takes")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    require(0 < args.share <= 1, f"Share must be in 0..1, not {args.share}")
    out = None if args.out is None else new_path(args.out)
    require(out is None or out.suffix in (".yaml", ".yml"), f"Output must be a .yaml file, not {args.out!r}")

    from ..board import load_board
    from ..energy import estimate_energy
    from ..search.accelerators import board_configs, survey
    from ..search.space import load_space

    board, network = load_board(args.board), read_network(args)
    configs = load_space(args.space).configs(board) if args.space else board_configs(board)
    found = survey(network.graph(), board, configs, args.share)
    if out is not None:
        _write(out, found.front[0].config.to_dict())
    energies = [estimate_energy(c.config, c.counters, board) for c in found.front]
    if args.json:
        values = [{"accelerator": c.config.to_dict(), "cycles": c.cycles, "images_per_s": c.config.clock_hz / c.cycles,
                   "share": c.share, "resources": c.resources.to_dict(), "counters": c.counters,
                   "energy": energy.to_dict()} for c, energy in zip(found.front, energies, strict=True)]
        print_json({"network": network.name, "board": board.name, "method": "model", "considered": found.considered,
                    "too_large": found.too_large, "not_at_once": found.not_at_once, "front": values})
        return
    print(f"{network.name} on {board.name} at {board.clock_hz / 1e6:g} MHz: of {found.considered:,} accelerators, "
          f"{found.too_large:,} take more than {args.share:.0%} of the board,\n{found.not_at_once:,} cannot hold the "
          f"network's maps at once (codesign estimate prices them in bands),\nand these {len(found.front)} are beaten "
          "by no other\n")
    print_table(("array", "bank depth", "acc depth", "cycles", "images/s", "uJ/image*", "board*", "LUT*", "FF*", "DSP*",
                 "BRAM18*"),
                [(f"{c.config.rows}x{c.config.cols}", c.config.bank_depth, c.config.acc_depth, c.cycles,
                  c.config.clock_hz / c.cycles, energy.total_j * 1e6, f"{c.share:.1%}", c.resources.lut, c.resources.ff,
                  c.resources.dsp, c.resources.bram18) for c, energy in zip(found.front, energies, strict=True)])
    print("\n* estimates; cycles are the cost model's, which are the RTL's"
          + (f"\nthe fastest: {out}" if out else ""))


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
