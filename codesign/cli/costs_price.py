"""``codesign costs show --network`` and ``costs validate``: prices from a table, and how good a board's corrections
are."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CodesignError, require
from ..units import ranges
from .arguments import add_accelerator, add_command, add_json, read_accelerator, read_network_or_model
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..accelerator import AcceleratorConfig
    from ..costs import CostTable, Price, Question
    from ..costs.correction import Correction
    from ..costs.runs import Origin
    from ..costs.validation import Validation

__all__ = ["add", "add_price", "refuse_without_network", "show_price"]

ONLY_WITH_NETWORK = ("accelerator", "board", "stale")
PLACES_SHOWN = 4


def add(actions) -> None:
    validate = add_command(actions, "validate", _validate, "Show how a board's rows correct the cost model",
                           "And how well: each network in turn is held out, whole, and priced by rows of the others.")
    validate.add_argument("table", metavar="TABLE", help="a sweep's directory, or a cost table's SQLite file")
    validate.add_argument("--method", choices=("measured", "synthetic"), default="measured", help="of the rows")
    _add_level(validate)
    add_json(validate)


def add_price(show: argparse.ArgumentParser) -> None:
    """The options with which ``costs show`` prints a price."""
    price = show.add_argument_group("price", "With --network, print what it costs instead: from rows of the network; "
                                    "else from the cost model as a board's rows correct it; else from rows of layers, "
                                    "and the model. --method picks the rows; unasked, those measured, else simulated. "
                                    "--accelerator may also name one of the table's runs, or begin its digest.")
    price.add_argument("--network", metavar="N", help="price this network: a YAML file, a model's directory, or "
                                                      "diracdeltanet-116, diracdeltanet-128")
    add_accelerator(price)
    price.add_argument("--stale", action="store_true", help="use rows of other Verilog where there are no fresh ones")
    _add_level(price)


def _add_level(parser) -> None:
    parser.add_argument("--level", type=float, default=0.9, metavar="P", help="of the intervals, between 0 and 1")


def refuse_without_network(args: argparse.Namespace) -> None:
    """Raise if there are options that only count with ``--network``."""
    for name in ONLY_WITH_NETWORK:
        require(not getattr(args, name), f"Network must be given by --network where --{name} is")


def show_price(args: argparse.Namespace) -> None:
    """Print the price of ``args.network``."""
    from codesign.sim.build import rtl_digest

    from .. import costs
    from ..cycles import predict
    from .costs import sweep_questions, table_path, verilog_digests

    require(0 < args.level < 1, f"Level must be between 0 and 1, not {args.level:g}")
    require(args.operator is None, "Operator must not be given with --network")
    network, _ = read_network_or_model(
        argparse.Namespace(network=args.network, resolution=None, classes=None, random_weights=None), None)
    with costs.CostTable(table_path(args.table), read_only=True) as table:
        config, board = _place(args, table, [*table.questions().values(), *sweep_questions(Path(args.table))])
        rows = [row for row in table.rows() if row.key.board == board]
        today = verilog_digests(rows, [*table.questions().values(), *sweep_questions(Path(args.table))])
        digest = rtl_digest(config) if table.rows(accelerator=config.digest()) else None  # it takes seconds
        answer = costs.price(network.graph(), config, predict=predict, board=board, table=table, method=args.method,
                             verilog_digest=digest, others=today, stale=args.stale, level=args.level)
    if args.json:
        print_json({"network": network.name, "accelerator": config.name, "accelerator_digest": config.digest(),
                    "board": board, "clock_hz": config.clock_hz, **answer.to_dict()})
        return
    print(f"{network.name} on {config.name}, board {board}: {answer.cycles:,.0f} cycles, "
          f"{answer.cycles / config.clock_hz * 1e6:,.2f} us at {config.clock_hz / 1e6:g} MHz")
    print(_certainty(answer) + "\n")
    print_table(("part", "cycles", "model", "source", "rows"),
                ((p.name, round(p.cycles, 1), p.model_cycles, p.source, ranges(p.rows)) for p in answer.parts))
    mix = ", ".join(f"{source} {cycles / answer.cycles:.1%}" for source, cycles in answer.mix.items())
    print(f"\nsources: {mix}\nrows used: {ranges(answer.rows)}; {answer.stale_rows} stale rows left out")


def _certainty(answer: "Price") -> str:
    """What is known of the price, in a line."""
    if answer.interval:
        i = answer.interval
        label = "synthetic, about no real board: " if answer.method == "synthetic" else ""
        return f"{label}{i.level:.0%} of runs within {i.low:,.0f} .. {i.high:,.0f} cycles"
    if answer.method in ("model", "simulated"):
        return f"{answer.method}: exact for the RTL; no interval about a board, of which no rows tell"
    return f"{answer.method}, layers only: no interval, since no run of a whole network tells what surrounds it"


def _place(args: argparse.Namespace, table: "CostTable",
           questions: Sequence["Question"]) -> tuple["AcceleratorConfig", str]:
    """The accelerator and the name of the board that the price is for: of the table's runs those that --accelerator
    names, or their only ones; else what the options say by themselves."""
    places = {(q.accelerator.digest(), q.board): q.accelerator for q in questions}
    if args.accelerator is not None or args.board is None:
        named = [(config, board) for (digest, board), config in places.items() if args.board in (None, board)
                 and (args.accelerator in (None, config.name) or _begins(digest, args.accelerator))]
        if len(named) == 1:
            return named[0]
    if args.accelerator is None and args.board is None:
        some = "; ".join(f"{config.name} ({digest[:8]}) on {board}"
                         for (digest, board), config in list(places.items())[:PLACES_SHOWN])
        raise CodesignError("Price's accelerator must be given by --accelerator or --board, since the table's runs are "
                            f"of {len(places)} pairs: {some}{'; ...' if len(places) > PLACES_SHOWN else ''}")
    config, placed = read_accelerator(args)
    if placed is not None:
        return config, placed.name
    boards = sorted({row.key.board for row in table.rows(accelerator=config.digest())})
    require(len(boards) <= 1, f"Price's board must be given by --board, since {config.name} has rows of "
                              f"{', '.join(boards)}")
    return config, boards[0] if boards else "none"


def _begins(digest: str, text: str) -> bool:
    """Whether ``text`` is the first 6 or more digits of ``digest``."""
    return len(text) >= 6 and digest.startswith(text)


def _validate(args: argparse.Namespace) -> None:
    from ..costs import CostTable
    from ..costs.fitting import fit_pool
    from ..costs.runs import Origin, runs_of
    from ..costs.validation import cross_validate_runs
    from .costs import row_state, sweep_questions, table_path, verilog_digests

    require(0 < args.level < 1, f"Level must be between 0 and 1, not {args.level:g}")
    with CostTable(table_path(args.table), read_only=True) as table:
        rows = [row for row in table.rows(method=args.method) if row.key.quantity == "cycles"]
        questions = table.questions()
    today = verilog_digests(rows, [*questions.values(), *sweep_questions(Path(args.table))])
    names = {row.key.shape: questions[row.run_id].network.name for row in rows
             if row.key.operator == "network" and row.run_id in questions}
    found, runs, states = [], {}, {}
    for origin in dict.fromkeys(map(Origin.of, rows)):
        own = [row for row in rows if Origin.of(row) == origin]
        states[origin] = row_state(own[0], today)
        if some := runs_of(own):
            runs[origin] = some
    for origin, own_runs in runs.items():  # as prices have it: fresh rows of other accelerators lend what they know
        others = {other: some for other, some in runs.items() if other.accelerator != origin.accelerator
                  and other.place == origin.place and states[other] == states[origin]}
        several = len({run.network for some in (own_runs, *others.values()) for run in some}) > 1
        found.append((origin, states[origin], fit_pool({**others, origin: own_runs}).correction(origin),
                      cross_validate_runs(own_runs, origin, level=args.level, others=others) if several else None))
    require(bool(found), f"Cost table of {args.table!r} must have rows of whole {args.method} runs to validate, and "
                         "their layers'")
    if args.json:
        print_json({"boards": [{"board": origin.board, "accelerator_digest": origin.accelerator,
                                "clock_hz": origin.clock_hz, "memory": origin.memory, "state": state,
                                "correction": correction.to_dict(),
                                "validation": validation.to_dict() if validation else None}
                               for origin, state, correction, validation in found]})
        return
    for number, (origin, state, correction, validation) in enumerate(found):
        print("\n" * bool(number) + f"{origin.method} rows on {origin.board}, accelerator {origin.accelerator[:8]}, "
              f"Verilog {(origin.verilog_digest or '-')[:8]} ({state})\n")
        _print_correction(origin, correction)
        _print_validation(validation, names)


def _print_correction(origin: "Origin", correction: "Correction") -> None:
    print_table(("fitted", "value", "std. error", "rows"), [
        ("overhead, cycles", f"{correction.overhead.value:,.0f}", f"{correction.overhead.error:,.0f}",
         ranges(correction.network_rows)),
        *((f"board / model, {name}", f"{ratio.value:.4f}", f"{ratio.error:.4f}", ranges(correction.class_rows[name]))
          for name, ratio in correction.ratios.items())])
    layers, besides = correction.layer_spread.scale, correction.overhead_spread.scale
    others = f", {correction.own_runs} of them on this accelerator" if correction.accelerators > 1 else ""
    print(f"\n{correction.runs} runs of {correction.networks} networks{others}; noise of a run: {layers:.2%} "
          f"of its layers, {besides:,.0f} cycles besides\n")


def _print_validation(validation: "Validation | None", names: dict[str, str]) -> None:
    if validation is None:
        print("not validated: that takes runs of at least 2 networks")
        return
    print_table(("held out", "runs", "price", "low", "high", "board", "error", "within", "model", "rows"),
                ((names.get(h.network, h.network[:8]), h.runs, round(h.predicted.value), round(h.predicted.low),
                  round(h.predicted.high), round(h.actual), f"{h.error:+.2%}", "yes" if h.covered else "no",
                  round(h.model), ranges(h.rows)) for h in validation.held_out))
    print(f"\nmean absolute error {validation.mape:.2%} (the model alone {validation.model_mape:.2%}); "
          f"{validation.coverage:.0%} within their {validation.level:.0%} intervals")
