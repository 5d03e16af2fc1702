"""Cost rows as text: JSON Lines (complete, importable) and CSV (flat, for spreadsheets)."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import TextIO

from ..errors import CodesignError
from .row import CostKey, Row
from .table import CostTable

__all__ = ["export_csv", "export_jsonl", "import_jsonl"]


def export_jsonl(rows: list[Row], file: TextIO) -> None:
    """One row a line, all fields."""
    for row in rows:
        file.write(json.dumps(row.to_dict(), sort_keys=True) + "\n")


def export_csv(rows: list[Row], file: TextIO) -> None:
    """A header, then one row a line: the key's fields as ``key.*``, mappings as JSON."""
    keys = [f.name for f in dataclasses.fields(CostKey)]
    rest = [f.name for f in dataclasses.fields(Row) if f.name not in ("key", "id")]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", *(f"key.{k}" for k in keys), *rest])
    for row in rows:
        values = row.to_dict()
        flat = {k: json.dumps(v, sort_keys=True) if isinstance(v, dict) else v for k, v in values.items()}
        writer.writerow([row.id, *(values["key"][k] for k in keys), *(flat[k] for k in rest)])


def import_jsonl(table: CostTable, path: str | Path) -> list[int]:
    """Add the rows of a JSON Lines file, all or none; rows already there keep their ids. Returns the ids."""
    rows = []
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise CodesignError(f"Cost rows file {str(path)!r} must be readable: {e}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append(Row.from_dict(json.loads(line)))
            except (CodesignError, json.JSONDecodeError, TypeError) as e:
                raise CodesignError(f"{path}:{number}: {e}") from None
    return table.add(rows)
