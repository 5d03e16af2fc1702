"""``codesign costs build`` and ``check``: rows from runs."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CodesignError, require
from .arguments import add_accelerator, add_command, add_json, integer, read_accelerator
from .output import print_json, print_table, tell_of_simulator

if TYPE_CHECKING:
    from ..accelerator import AcceleratorConfig
    from ..costs import Question
    from ..network import Network

__all__ = ["add"]


def add(actions) -> None:
    from .costs import add_table

    build = add_command(actions, "build", _build, "Make a table for a board: simulate networks, a row for each layer",
                        "Each run is held against the reference, bit for bit, and the cost model. The same command "
                        "continues what was interrupted, and does nothing where all rows are there and fresh.")
    add_accelerator(build)
    what = build.add_mutually_exclusive_group()
    what.add_argument("--space", metavar="S", default="digits",
                      help="run networks of this search space (a YAML file, or digits), within its budget, that "
                           "together hold every class of layer found in it")
    what.add_argument("--network", metavar="N", action="append", help="run this network; may be given several times")
    build.add_argument("--out", default="costs.db", metavar="TABLE", help="the table, new or to be added to")
    build.add_argument("--method", choices=("simulated",), default="simulated", help="of the rows")
    build.add_argument("--workers", type=integer(1, 1024), default=2, help="runs at a time")
    build.add_argument("--seed", type=integer(0), default=0, help="of the draw from the space")
    add_json(build)

    check = add_command(actions, "check", _check, "Simulate rows of a table again",
                        "Exit status 1 if any differs by more than the tolerance.")
    add_table(check)
    check.add_argument("--sample", type=integer(1), default=20, metavar="N", help="rows to check, drawn at random")
    check.add_argument("--seed", type=integer(0), default=0, help="of the draw")
    check.add_argument("--tolerance", type=float, default=0.0, help="allowed relative difference; 0: none at all")
    add_json(check)


def _build(args: argparse.Namespace) -> None:
    from ..costs import CostTable, Question
    from ..costs.build import Target, build, unanswered

    config, board = read_accelerator(args)
    if board is None:
        raise CodesignError("Board must be given by --board: its name, clock and memory are part of a row's key")
    _check_writable(Path(args.out))
    networks, classes = _networks(args, config)
    questions = [Question(network=network, accelerator=config, board=board.name) for network in networks]

    from tqdm import tqdm

    from codesign.sim.build import build_simulator, rtl_digest
    from codesign.sim.toolchain import simulator_versions
    from codesign.sim.verilated import VerilatorDevice

    tell_of_simulator(config.name)
    build_simulator(config)  # once, before several workers ask for it
    target = Target(open_device=VerilatorDevice, method=args.method, verilog_digest=rtl_digest(config),
                    tool_versions=simulator_versions())
    rows = runs = 0
    with CostTable(args.out) as table:
        done = len(questions) - len(unanswered(table, questions, target))
        with tqdm(total=len(questions), initial=done, desc=f"{config.name} on {board.name}", unit="run",
                  file=sys.stderr) as bar:
            for question, ids in build(table, questions, target, workers=args.workers):
                runs, rows = runs + 1, rows + len(ids)
                bar.set_postfix_str(question.network.name)
                bar.update()
    values = {"table": args.out, "board": board.name, "accelerator": config.name, "method": args.method,
              "networks": len(questions), "layer_classes": classes, "runs": runs, "rows": rows, "there_before": done}
    if args.json:
        print_json(values)
    else:
        print(f"{args.out}: {rows} {args.method} rows of {runs} runs added, {done} runs were there"
              + (f"; {classes} classes of layers in {len(questions)} networks" if classes else ""))


def _check_writable(path: Path) -> None:
    """What cannot be written is better told now than after the runs."""
    from ..costs import CostTable

    if path.exists():
        CostTable(path).close()
    else:
        require(path.absolute().parent.is_dir() and os.access(path.absolute().parent, os.W_OK),
                f"Cost table {str(path)!r} must be in a writable directory, not {str(path.parent)!r}")


def _networks(args: argparse.Namespace, config: "AcceleratorConfig") -> tuple[list["Network"], int | None]:
    """What to run; for a space also how many classes of layers that covers. All of it fits ``config``."""
    from ..cycles import predict
    from ..network import load_network

    if args.network:
        networks = [load_network(reference) for reference in args.network]
        for network in networks:
            predict(network.graph(), config)
        return networks, None
    from tqdm import tqdm

    from ..costs.cover import cover
    from ..search.space import load_space

    space = load_space(args.space)
    with tqdm(desc=f"networks of {space.name}", unit=" classes of layers", file=sys.stderr) as bar:
        found = cover(lambda choose: space.build(space.propose(choose)), config, max_cycles=space.max_cycles,
                      seed=args.seed, progress=lambda n: bar.update(n - bar.n))
    require(bool(found.networks), f"Space {space.name} must have a network that fits {config.name} and its budget, "
                                  f"not none in {found.proposals} drawn")
    return list(found.networks), found.classes


def _check(args: argparse.Namespace) -> int:
    from ..costs import check
    from ..costs.checking import Again
    from .costs import read_table, row_state, sweep_questions, verilog_digests

    require(args.tolerance >= 0, f"Tolerance must be at least 0, not {args.tolerance}")
    rows, questions = read_table(args)
    others: list[Question] = sweep_questions(Path(args.table))
    require(bool(questions or others), f"Cost table {args.table!r} must know the networks of its runs to be checked "
                                       "(as costs build and sweeps make it)")
    rows = [row for row in rows if row.key.quantity == "cycles" and row.method == "simulated"]
    require(bool(rows), f"Cost table of {args.table!r} must have simulated rows to check")

    from codesign.sim.verilated import VerilatorDevice

    drifts = check(rows, Again(VerilatorDevice, questions, others), sample=args.sample, seed=args.seed)
    today = verilog_digests((drift.row for drift in drifts), [*questions.values(), *others])
    off = [drift for drift in drifts if not drift.within(args.tolerance)]
    if args.json:
        print_json({"ok": not off, "tolerance": args.tolerance,
                    "rows": [{**drift.to_dict(), "state": row_state(drift.row, today)} for drift in drifts]})
    else:
        print_table(("row", "operator", "value", "again", "relative", "state"),
                    ((str(d.row.id), d.row.key.operator, d.row.value, "no such layer" if d.again is None else d.again,
                      "-" if d.relative is None else f"{d.relative:+.2%}", row_state(d.row, today)) for d in drifts))
        print(f"\n{len(drifts)} rows checked, {len(off)} off by more than {args.tolerance:.2%}")
    return int(bool(off))
