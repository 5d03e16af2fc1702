"""Cost rows as text: JSON Lines (complete: with what runs were asked) and CSV (flat, rows alone, for spreadsheets)."""

import csv
import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ..errors import CodesignError, require
from .question import Question
from .row import CostKey, Row

__all__ = ["FORMATS", "Sheet", "export_csv", "export_jsonl", "read_sheet"]

FORMATS = (".jsonl", ".csv")
KEY_FIELDS = tuple(f.name for f in dataclasses.fields(CostKey))
ROW_FIELDS = tuple(f.name for f in dataclasses.fields(Row) if f.name not in ("key", "id"))
MAPPINGS = ("quantiles", "counters", "rails", "tool_versions")
HEADER = ["id", *(f"key.{k}" for k in KEY_FIELDS), *ROW_FIELDS]
HEADERS = (HEADER, [name for name in HEADER if name != "rails"])  # today's, and from before rows had rails
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a file holds: (where it stands, row) of each row, and (where, question, runs) of each question."""

    rows: tuple[tuple[str, Row], ...] = ()
    questions: tuple[tuple[str, Question, tuple[str, ...]], ...] = ()


def export_jsonl(rows: Iterable[Row], file: TextIO, questions: Mapping[str, Question] | None = None) -> None:
    """One row a line, all fields; then, one a line, the ``questions`` (by run id) of the rows' runs."""
    runs: dict[str, list[str]] = {}
    asked: dict[str, Question] = {}
    seen = set()
    for row in rows:
        file.write(json.dumps(row.to_dict(), sort_keys=True) + "\n")
        question = (questions or {}).get(row.run_id)
        if question is not None and row.run_id not in seen:
            seen.add(row.run_id)
            digest = question.digest()
            asked[digest] = question
            runs.setdefault(digest, []).append(row.run_id)
    for digest, question in asked.items():
        file.write(json.dumps({"question": question.to_dict(), "runs": runs[digest]}, sort_keys=True) + "\n")


def export_csv(rows: Iterable[Row], file: TextIO) -> None:
    """A header, then one row a line: the key's fields as ``key.*``, mappings as JSON, None as nothing."""
    writer = csv.writer(file)  # lines end as in RFC 4180; a lone carriage return in a field is then quoted, too
    writer.writerow(HEADER)
    for row in rows:
        values = row.to_dict()
        flat = {k: json.dumps(v, sort_keys=True) if isinstance(v, dict) else v for k, v in values.items()}
        writer.writerow([row.id, *(values["key"][k] for k in KEY_FIELDS), *(flat.get(k) for k in ROW_FIELDS)])


def read_sheet(path: str | Path) -> Sheet:
    """What :func:`export_jsonl` or :func:`export_csv` wrote. Raises :class:`CodesignError` naming file and line."""
    path = Path(path)
    require(path.suffix in FORMATS, f"Cost rows file must be a {' or '.join(FORMATS)} file, not {str(path)!r}")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return _read_csv(path, file) if path.suffix == ".csv" else _read_jsonl(path, file)
    except (OSError, UnicodeDecodeError) as e:
        raise CodesignError(f"Cost rows file {str(path)!r} must be readable: {e}") from None


def _row(values: dict) -> Row:
    """A row of a file; its id there means nothing elsewhere."""
    require("created" in values, "Cost row must give created")  # now would be a lie
    return dataclasses.replace(Row.from_dict(values), id=None)


def _read_jsonl(path: Path, file: TextIO) -> Sheet:
    rows, questions = [], []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            values = _json("row", line)
            if isinstance(values, dict) and "question" in values:
                runs = values.get("runs", ())
                require(set(values) == {"question", "runs"} and isinstance(runs, list) and runs != []
                        and all(isinstance(run, str) and run for run in runs),
                        "Cost question must be a mapping of question and runs, a list of run ids")
                questions.append((where, Question.from_dict(values["question"]), tuple(runs)))
            else:
                require(isinstance(values, dict), f"Cost row must be a mapping with a key, not {line.strip()[:80]!r}")
                rows.append((where, _row(values)))
        except (CodesignError, TypeError) as e:
            raise CodesignError(f"{where}: {' '.join(str(e).split())}") from None
    return Sheet(rows=tuple(rows), questions=tuple(questions))


def _read_csv(path: Path, file: TextIO) -> Sheet:
    reader = csv.reader(file, strict=True)
    rows = []
    try:
        header = next(reader, [])
        require(header in HEADERS, f"{path}:1: Cost rows file must begin with the columns {','.join(HEADER)}")
        for cells in reader:
            try:
                require(len(cells) == len(header), f"Cost row must have {len(header)} columns, not {len(cells)}")
                rows.append((f"{path}:{reader.line_num}", _row(_unflatten(dict(zip(header, cells, strict=True))))))
            except (CodesignError, TypeError) as e:
                raise CodesignError(f"{path}:{reader.line_num}: {' '.join(str(e).split())}") from None
    except csv.Error as e:
        raise CodesignError(f"{path}:{reader.line_num}: Cost rows file must be CSV: {e}") from None
    return Sheet(rows=tuple(rows))


def _unflatten(cells: dict[str, str]) -> dict:
    """A line's cells as :meth:`Row.from_dict` takes them."""
    numbers = {"value", "model_value", "n", "key.clock_hz"}
    given: dict[str, object] = {k: _number(k, v) if k in numbers else v for k, v in cells.items() if v != ""}
    key = {k: given.get(f"key.{k}", "") for k in KEY_FIELDS}
    row = {k: given[k] for k in ROW_FIELDS if k in given}
    return {**row, **{k: _json(f"row's {k}", cells[k]) for k in MAPPINGS if cells.get(k)}, "key": key}


def _json(what: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as e:
        raise CodesignError(f"Cost {what} must be JSON: {e}") from None


def _number(name: str, text: str) -> int | float:
    require(NUMBER.fullmatch(text) is not None, f"Cost row's {name} must be a number, not {text!r}")
    return float(text) if set(text) & set(".e") else int(text)
