"""``codesign costs``: make a cost table, look into it, take it elsewhere, ask its questions again."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from . import costs_files, costs_price, costs_runs
from .arguments import add_command, add_json
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..costs import Question, Row

__all__ = ["add", "read_table", "row_state", "sweep_questions", "table_path", "verilog_digests"]


def add(commands) -> None:
    parser = add_command(commands, "costs", _show, "Make, show, export, import or check a cost table")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    show = add_command(actions, "show", _show, "Print rows; a row is stale if its Verilog is not today's")
    add_table(show)
    costs_price.add_price(show)
    add_json(show)
    costs_price.add(actions)
    costs_runs.add(actions)
    costs_files.add(actions)


def add_table(parser: argparse.ArgumentParser) -> None:
    """The table, and which of its rows."""
    parser.add_argument("table", metavar="TABLE", help="a sweep's directory, or a cost table's SQLite file")
    parser.add_argument("--method", choices=("model", "simulated", "measured", "synthetic"),
                        help="only rows of this method")
    parser.add_argument("--operator", metavar="OP", help="only rows of this operator: network, conv, linear, ...")


def table_path(table: str) -> Path:
    """The SQLite file of a sweep's directory, or ``table`` itself."""
    from ..search.directory import SweepDirectory

    path = Path(table)
    return SweepDirectory(path).costs if path.is_dir() else path


def read_table(args: argparse.Namespace) -> tuple[list["Row"], dict[str, "Question"]]:
    """The rows asked for, and what the table's runs were asked, by run id."""
    from ..costs import CostTable

    with CostTable(table_path(args.table), read_only=True) as table:
        rows = [row for row in table.rows(method=args.method) if args.operator in (None, row.key.operator)]
        return rows, table.questions()


def sweep_questions(path: Path) -> list["Question"]:
    """A sweep's candidates, the measured ones first; none where ``path`` is no sweep's directory."""
    from ..accelerator import AcceleratorConfig
    from ..costs import Question
    from ..network import Network

    if not path.is_dir():
        return []
    from ..report import load_results

    results = load_results(path)
    return [Question(network=Network.from_dict(candidate["network"]), board=results["settings"]["board"]["name"],
                     accelerator=AcceleratorConfig.from_dict(candidate["accelerator"]))
            for candidate in sorted(results["candidates"], key=lambda c: "measured" not in c)]


def verilog_digests(rows: Iterable["Row"], questions: Iterable["Question"]) -> dict[str, str]:
    """Digest of today's Verilog of each accelerator in ``rows`` that is a preset or in ``questions``."""
    from codesign.sim.build import rtl_digest

    from ..accelerator import PRESETS

    configs = {config.digest(): config for config in (*PRESETS.values(), *(q.accelerator for q in questions))}
    return {digest: rtl_digest(configs[digest]) for digest in {r.key.accelerator for r in rows} & set(configs)}


def row_state(row: "Row", today: dict[str, str]) -> str:
    """``fresh``, ``stale``, or ``unknown`` where no Verilog ran or nothing says what today's is."""
    if row.verilog_digest is None or row.key.accelerator not in today:
        return "unknown"
    return "fresh" if row.verilog_digest == today[row.key.accelerator] else "stale"


def _show(args: argparse.Namespace) -> None:
    if args.network is not None:
        costs_price.show_price(args)
        return
    costs_price.refuse_without_network(args)
    rows, questions = read_table(args)
    today = verilog_digests(rows, [*questions.values(), *sweep_questions(Path(args.table))])
    if args.json:
        print_json({"rows": [{**row.to_dict(), "state": row_state(row, today)} for row in rows]})
        return
    print_table(("row", "operator", "shape", "schedule", "quantity", "method", "value", "model", "unit", "n",
                 "accelerator", "Verilog", "state"),
                ((str(r.id), r.key.operator, r.key.shape[:20], r.key.schedule, r.key.quantity, r.method,
                  *_in_unit(r), r.n, r.key.accelerator[:8], (r.verilog_digest or "-")[:8], row_state(r, today))
                 for r in rows))


def _in_unit(row: "Row") -> tuple[float, float | None, str]:
    """Value, the model's word, and the unit they are shown in: an image takes little of a joule."""
    if row.unit != "J":
        return row.value, row.model_value, row.unit
    return row.value * 1e6, None if row.model_value is None else row.model_value * 1e6, "uJ"
