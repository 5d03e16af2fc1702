"""``codesign costs export`` and ``import``: rows from and to files."""

import argparse
import io
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CodesignError, require
from .arguments import add_command, add_json
from .output import print_json

if TYPE_CHECKING:
    from ..costs import Question, Row

__all__ = ["add"]

SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".yaml": "ofa", ".json": "fbnet"}
FBNET_NAME = "-op_lut_database.json"  # after the device's name: what readers of that format look for


def add(actions) -> None:
    from .costs import add_table

    export = add_command(actions, "export", _export, "Write rows to a file",
                         "csv and jsonl hold all fields, jsonl also what the runs were asked. ofa and fbnet are lookup "
                         "tables of layers' latencies for searches that read them, of fresh rows of one method and "
                         f"accelerator; call fbnet's DEVICE{FBNET_NAME}.")
    add_table(export)
    export.add_argument("--out", required=True, metavar="FILE",
                        help="a file to write: .csv, .jsonl, .yaml (ofa) or .json (fbnet)")
    export.add_argument("--format", choices=tuple(SUFFIXES.values()), help="if the file's name does not say it")
    export.add_argument("--accelerator", metavar="A", help="only rows of this accelerator: a YAML file, a preset, or "
                                                           "the first 6 or more digits of its digest")
    export.add_argument("--board", metavar="B", help="only rows of the board of this name")
    export.add_argument("--verilog", metavar="DIGEST", help="only rows of the Verilog whose digest begins so")

    import_ = add_command(actions, "import", _import, "Add a file's rows to a table, all or none",
                          "Rows of other Verilog, or that contradict the table's, are refused.")
    import_.add_argument("table", metavar="TABLE", help="a cost table's SQLite file, made if it is not there")
    import_.add_argument("file", metavar="FILE", help="a .jsonl or .csv file as costs export writes it")
    import_.add_argument("--stale", action="store_true", help="take rows of other Verilog, too; they stay stale")
    add_json(import_)


def _export(args: argparse.Namespace) -> None:
    from ..costs import export_csv, export_jsonl
    from .costs import read_table

    path = Path(args.out)
    kind = args.format or SUFFIXES.get(path.suffix)
    require(kind is not None, "Export must be a .csv, .jsonl, .yaml (ofa) or .json (fbnet) file, or have a --format, "
                              f"not {args.out!r}")
    beside = path.with_name(f"{path.name}.source.json")
    for file in (path, beside):
        require(not file.exists(), f"Export must not exist yet, not {str(file)!r} which does")
    rows, questions = read_table(args)
    rows = _picked(rows, args)
    if kind in ("ofa", "fbnet"):
        texts = _lookup(kind, rows, questions, args, path, beside)
    else:
        text = io.StringIO()
        if kind == "csv":
            export_csv(rows, text)
        else:
            export_jsonl(rows, text, questions)
        texts = {path: text.getvalue()}
        print(f"{len(rows)} rows: {path}", file=sys.stderr)
    _write(texts)


def _picked(rows: list["Row"], args: argparse.Namespace) -> list["Row"]:
    """The rows that the options of export pick."""
    accelerator = args.accelerator or ""
    if accelerator and not re.fullmatch("[0-9a-f]{6,64}", accelerator):
        from ..accelerator import load_accelerator

        accelerator = load_accelerator(accelerator).digest()
    return [row for row in rows if row.key.accelerator.startswith(accelerator)
            and args.board in (None, row.key.board) and (row.verilog_digest or "").startswith(args.verilog or "")]


def _lookup(kind: str, rows: list["Row"], questions: Mapping[str, "Question"], args: argparse.Namespace, path: Path,
            beside: Path) -> dict[Path, str]:
    """The texts of a lookup table and of what goes beside it."""
    import json

    from ..costs.lookup import layer_costs, one_source, to_fbnet, to_ofa
    from .costs import row_state, sweep_questions, verilog_digests

    rows = [row for row in rows if row.key.quantity == "cycles" and row.key.operator != "network"]
    if args.verilog is None:
        today = verilog_digests(rows, [*questions.values(), *sweep_questions(Path(args.table))])
        rows = [row for row in rows if row.method == "model" or row_state(row, today) == "fresh"]
    source = one_source(rows)
    costs = layer_costs(rows, questions)
    source |= {"table": args.table, "layers": len(costs), "rows": f"{len(rows)}, from {rows[0].id} to {rows[-1].id}"}
    print(f"{len(costs)} layers, {len(rows)} rows: {path}", file=sys.stderr)
    if kind == "ofa":
        return {path: to_ofa(costs, source)}
    device = (path.name.removesuffix(FBNET_NAME) if path.name.endswith(FBNET_NAME)
              else f"{source['board']}-{str(source['accelerator'])[:8]}")
    return {path: to_fbnet(costs, device), beside: json.dumps({**source, "device": device}, indent=1) + "\n"}


def _write(texts: Mapping[Path, str]) -> None:
    """Write files whole or not at all, the first last."""
    temporaries = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in texts}
    try:
        for path, text in texts.items():
            with open(temporaries[path], "w", newline="", encoding="utf-8") as file:
                file.write(text)
        for path in reversed(list(texts)):
            os.replace(temporaries[path], path)
    except OSError as e:
        raise CodesignError(f"Export {str(next(iter(texts)))!r} must be writable: {e.strerror or e}") from e
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def _import(args: argparse.Namespace) -> None:
    from ..costs import CostTable, import_rows, read_sheet
    from .costs import verilog_digests

    sheet = read_sheet(args.file)
    questions = [question for _, question, _ in sheet.questions]
    if Path(args.table).exists():
        with CostTable(args.table, read_only=True) as table:
            questions += table.questions().values()
    fresh = {} if args.stale else verilog_digests((row for _, row in sheet.rows), questions)
    count, new = import_rows(sheet, args.table, fresh=fresh, stale=args.stale)
    if args.json:
        print_json({"table": args.table, "rows": count, "new": new})
    else:
        print(f"{args.table}: {new} rows added, {count - new} were there")
