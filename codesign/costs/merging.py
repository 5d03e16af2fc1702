"""Rows from elsewhere into a table: all or none, and none that contradicts what is there."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import CodesignError, require
from .exchange import Sheet
from .question import Question
from .row import CostKey, Row, canonical
from .table import CostTable

__all__ = ["import_rows"]


def import_rows(sheet: Sheet, table_path: str | Path, *, fresh: Mapping[str, str] | None = None,
                stale: bool = False) -> tuple[int, int]:
    """Add what a file holds (see :func:`~codesign.costs.exchange.read_sheet`) to a table, made if it is not there.

    fresh : digest of today's Verilog by accelerator, as far as known; else the newest row's in the table counts,
        else the file's first
    stale : take rows of other Verilog, too

    A run gives one answer to a question: a row whose run has another answer to the same key in the table is refused.
    Returns (rows in the file, rows that were new). Raises :class:`CodesignError` naming line and row; then nothing
    has changed.
    """
    _check_within(sheet)
    if not Path(table_path).exists():
        _check_verilog(sheet, dict(fresh or {}), set(), stale)  # before a file is made for it
    with CostTable(table_path) as table, table.writing():
        stored = table.rows()
        verilog = {row.key.accelerator: row.verilog_digest for row in stored if row.verilog_digest}
        _check_verilog(sheet, {**verilog, **(fresh or {})}, {canonical(row.content()) for row in stored}, stale)
        _check_against(sheet, stored, str(table_path))
        ids = table.add(row for _, row in sheet.rows)
        for where, question, runs in sheet.questions:
            try:
                table.add_question(question, runs)
            except CodesignError as e:
                raise CodesignError(f"{where}: {e}") from None
        return len(sheet.rows), len(set(ids) - {row.id for row in stored})


def _name(row: Row) -> str:
    return f"{row.key.quantity} of {row.key.operator} {row.key.shape[:20]}, run {row.run_id[:12]}"


def _check_within(sheet: Sheet) -> None:
    """The file's rows must not contradict each other. One run may ask the same twice, of equal layers."""
    first: dict[tuple[str, CostKey, str], tuple[str, Row]] = {}
    for where, row in sheet.rows:
        other_where, other = first.setdefault((row.run_id, row.key, row.created), (where, row))
        require(other == row, f"{where}: Cost row ({_name(row)}) must be as in {other_where}, {other.value:g}, "
                              f"not {row.value:g}")
    asked: dict[str, tuple[str, Question]] = {}
    for where, question, runs in sheet.questions:
        for run in runs:
            other_where, other_question = asked.setdefault(run, (where, question))
            require(other_question == question, f"{where}: Run {run!r} must have one question, as in {other_where}")


def _check_against(sheet: Sheet, stored: Iterable[Row], table: str) -> None:
    answers: dict[tuple[str, CostKey], list[Row]] = {}
    for row in stored:
        answers.setdefault((row.run_id, row.key), []).append(row)
    for where, row in sheet.rows:
        there = answers.get((row.run_id, row.key), [])
        if there and row not in there:
            raise CodesignError(f"{where}: Cost row ({_name(row)}) must be as row {there[0].id} in {table!r}, "
                                f"{there[0].value:g} {there[0].unit}, not {row.value:g}")


def _check_verilog(sheet: Sheet, expected: dict[str, str], there: set[str], stale: bool) -> None:
    if stale:
        return
    for where, row in sheet.rows:
        if row.verilog_digest is None or canonical(row.content()) in there:
            continue
        wanted = expected.setdefault(row.key.accelerator, row.verilog_digest)
        require(row.verilog_digest == wanted,
                f"{where}: Cost row ({_name(row)}) must be of Verilog {wanted[:12]} of accelerator "
                f"{row.key.accelerator[:12]}, not {row.verilog_digest[:12]} (--stale takes such rows, too)")
