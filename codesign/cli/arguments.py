"""Arguments that several commands share, and what they mean."""

import argparse
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ..errors import CodesignError, require

if TYPE_CHECKING:
    from ..accelerator import AcceleratorConfig
    from ..board import Board
    from ..integer import IntegerNetwork
    from ..network import Network

__all__ = ["BOARD", "Parser", "add_accelerator", "add_command", "add_json", "add_model", "add_network",
           "fitted_accelerator", "integer", "new_path", "read_accelerator", "read_model", "read_network",
           "read_network_or_model"]

BOARD = "a board: a YAML file, or one that codesign boards lists"


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Shows defaults in its help, and errors in one line."""

    def __init__(self, **kwargs):
        super().__init__(formatter_class=_Help, allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)


def add_command(commands, name: str, run: Callable[[argparse.Namespace], int | None], text: str,
                more: str = "") -> Parser:
    """A subcommand; ``run(args)`` does it and may return an exit status. ``more`` is only in its own help."""
    parser = commands.add_parser(name, help=text[0].lower() + text[1:], description=f"{text}. {more}")
    parser.set_defaults(run=run)
    parser.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS,
                        help="show the traceback of an error")
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def integer(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    """An argument's type: an integer in ``low``..``high``."""
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,18}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be an integer in {low}..{high}, not {text!r}")
        return int(text)
    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """An argument's type: a number in ``low``..``high``."""
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a number in {low:g}..{high:g}, not {text!r}")
        return value
    return parse


def new_path(text: str) -> Path:
    """A path to be made. Raises :class:`CodesignError` where it exists, or nothing can be made there: better now than
    after the work."""
    path = Path(text)
    require(text != "" and path.name != "", f"Output directory must be a path that can be made, not {text!r}")
    require(not path.exists() and not path.is_symlink(),
            f"Output directory must not exist yet, not {text!r} which does")
    parent = next(p for p in path.absolute().parents if p.exists())
    require(parent.is_dir(), f"Output directory must be within a directory, not {str(parent)!r}")
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".", dir=parent))
    except OSError as e:
        raise CodesignError(f"Output directory must be within a writable directory, not {str(parent)!r}: "
                            f"{e.strerror}") from None
    return path


def add_network(parser: argparse.ArgumentParser, name: str = "NETWORK", text: str = "", optional: bool = False) -> None:
    parser.add_argument("network", metavar=name, nargs="?" if optional else None,
                        help=text or "a network: a YAML file, diracdeltanet-116, diracdeltanet-128, or a trained "
                                     "model's directory")
    parser.add_argument("--resolution", type=integer(1, 4096), metavar="N",
                        help="pixels on a side, instead of the network's own")
    parser.add_argument("--classes", type=integer(1, 1_000_000), metavar="N",
                        help="outputs of the linear layer, instead of the network's own")


def read_network(args: argparse.Namespace) -> "Network":
    """The network that the command is about, a trained model's among them."""
    if Path(args.network).is_dir():
        return read_network_or_model(args, None)[0]
    from ..network import load_network

    return load_network(args.network, resolution=args.resolution, classes=args.classes)


def add_model(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    add_network(parser, "MODEL", "a trained model's directory, or (with --random-weights) a network: a YAML file, "
                                 "diracdeltanet-116 or diracdeltanet-128", optional)
    parser.add_argument("--random-weights", type=integer(0), metavar="SEED", help="draw the network's weights")


def read_model(args: argparse.Namespace,
               config: "AcceleratorConfig | None") -> tuple["Network", "IntegerNetwork"]:
    """The trained model or the network with random weights that the command is about, to be run on ``config``, if any.

    Raises :class:`CodesignError` where it cannot run there.
    """
    network, integers = read_network_or_model(args, config)
    if integers is None:
        raise CodesignError("Model must be a trained model's directory, or a network with --random-weights SEED, "
                            f"not {args.network!r}")
    return network, integers


def read_network_or_model(args: argparse.Namespace,
                          config: "AcceleratorConfig | None") -> tuple["Network", "IntegerNetwork | None"]:
    """As :func:`read_model`, but a network without weights will do, too: its integers are None."""
    if Path(args.network).is_dir():
        require(getattr(args, "random_weights", None) is None and args.resolution is None and args.classes is None,
                f"Trained model {args.network!r} must be taken as it is, not with --random-weights, --resolution or "
                "--classes")
        from ..model import load_model

        return load_model(args.network)
    network = read_network(args)
    if args.random_weights is None:
        return network, None
    from ..random_weights import random_network
    from ..schedule import schedule

    if config is not None:  # what does not fit is told before weights are drawn, which may take long
        schedule(network.graph(), config)
    return network, random_network(network.graph(), args.random_weights)


def add_accelerator(parser: argparse.ArgumentParser | argparse._ArgumentGroup, fitted: bool = False) -> None:
    """``fitted`` : what a board alone means, as in :func:`read_accelerator`."""
    alone = "the fastest for the network that fits it (see codesign fit)" if fitted else "the one its file names"
    parser.add_argument("--accelerator", metavar="A",
                        help="an accelerator: a YAML file, or tiny, ulx3s, ultra96, zcu102")
    parser.add_argument("--board", metavar="B", help=f"{BOARD}; without --accelerator, it means {alone}; with it, the "
                                                     "board's clock and memory count")


def fitted_accelerator(args: argparse.Namespace, board: "Board") -> "AcceleratorConfig":
    """The fastest accelerator for the command's network on ``board``, said on stderr."""
    from ..search.fit import SHARE, fastest

    network = read_network(args)
    best = fastest(network.graph(), board)
    print(f"accelerator: {best.config.rows}x{best.config.cols}, the fastest for {network.name} within {SHARE:.0%} of "
          f"{board.name} (codesign fit shows others)", file=sys.stderr)
    return best.config


def read_accelerator(args: argparse.Namespace, fitted: bool = False) -> tuple["AcceleratorConfig", "Board | None"]:
    """The accelerator that the command is about, and its board, if any; it must be likely to fit the board.

    A board alone means the accelerator that its file names, or (``fitted``) the fastest for the command's network.
    """
    from ..accelerator import load_accelerator
    from ..board import load_board
    from ..fitting import require_fit

    if args.accelerator is None and args.board is None:
        raise CodesignError("Accelerator must be given by --accelerator or --board")
    if args.board is None:
        return load_accelerator(args.accelerator), None
    board = load_board(args.board)
    if args.accelerator is None and fitted:
        return fitted_accelerator(args, board), board
    config = board.preset() if args.accelerator is None else board.place(load_accelerator(args.accelerator))
    require_fit(config, board)
    return config, board
