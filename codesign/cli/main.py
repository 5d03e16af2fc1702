"""From the words of a command line to a command's exit status."""

import argparse
import errno
import os
import sys
import traceback
import warnings

from ..errors import CodesignError
from . import (
    analyze,
    boards,
    build,
    costs,
    doctor,
    energy,
    estimate,
    export,
    fit,
    generate,
    import_,
    metrics,
    pack,
    rebuild,
    report,
    run,
    sweep,
    train,
)
from .arguments import Parser

__all__ = ["main"]

COMMANDS = (doctor, boards, sweep, train, pack, import_, analyze, estimate, fit, energy, generate, build, export,
            run, metrics, costs, report, rebuild)
INTERRUPTED = 130  # what a shell reports after Ctrl-C


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="codesign", description="Search quantized shift networks together with the FPGA accelerator "
                                                 "that runs them.")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the traceback of an error")
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        command.add(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line ``arguments`` (default: this process's); returns the exit status.

    0: done; 1: an error, told in one line on stderr; 2: arguments that make no sense; 130: interrupted.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.version:
        from .. import __version__

        print(f"codesign {__version__}")
        return 0
    if args.command is None:
        parser.print_help()
        return 0
    if not args.verbose and not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' talk to developers
    try:
        status = args.run(args)
        sys.stdout.flush()
        return status or 0
    except KeyboardInterrupt:
        print("\ncodesign: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:
        if args.verbose:
            traceback.print_exc()
        print(f"codesign {args.command}: {_line(e)}", file=sys.stderr)
        return 1


def _line(error: Exception) -> str:
    """One line that says what is wrong."""
    message = " ".join(str(error).split())
    if isinstance(error, CodesignError):
        return message
    if isinstance(error, OSError) and error.errno is not None:
        hint = " (free some space and run it again)" if error.errno == errno.ENOSPC else ""
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}{hint}"
    if isinstance(error, ModuleNotFoundError):
        return f"Python package {error.name} must be installed: pip install {error.name}"
    return f"unexpected {type(error).__name__}: {message} (a bug; -v shows where)"
