"""What a cost table holds of one board, to be taken elsewhere."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import require
from .question import Question
from .row import Row, canonical, rows_digest
from .runs import BOARD_METHODS, Origin, runs_of
from .table import CostTable

__all__ = ["Excerpt", "read_excerpt"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Excerpt:
    """rows : in the order in which they were stored; questions : what their runs were asked, by run id, if known"""

    rows: tuple[Row, ...]
    questions: Mapping[str, Question]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all of it, hexadecimal; wherever its table lies, and whatever else is there."""
        asked = {run: question.digest() for run, question in self.questions.items()}
        return hashlib.sha256(canonical({"rows": rows_digest(self.rows), "asked": asked}).encode()).hexdigest()

    def add_to(self, table: CostTable) -> None:
        """Store it in ``table``, all or nothing."""
        with table.writing():
            table.add(self.rows)
            for run, question in self.questions.items():
                table.add_question(question, [run])

    def fresh_cycles(self, verilog: Callable[[str], str | None]) -> tuple[Row, ...]:
        """The rows of cycles that ran today's Verilog, by ``verilog`` its digest by the accelerator's."""
        return tuple(row for row in self.rows if row.key.quantity == "cycles" and row.verilog_digest is not None
                     and row.verilog_digest == verilog(row.key.accelerator))


def read_excerpt(path: str | Path, board: str) -> Excerpt:
    """What the table in the file ``path`` holds of the board of this name.

    Raises :class:`CodesignError` where there is no such table, no such row, a row or question is damaged, or rows are
    no runs that a correction can be fitted to (:func:`~codesign.costs.runs.runs_of`).
    """
    with CostTable(path, read_only=True) as table:
        stored, questions = table.rows(), table.questions()
    rows = tuple(row for row in stored if row.key.board == board)
    others = ", ".join(sorted({row.key.board for row in stored})) or "no board"
    require(bool(rows), f"Cost table {str(path)!r} must have rows of {board}, not of {others}")
    by_origin: dict[Origin, list[Row]] = {}
    for row in rows:
        if row.method in BOARD_METHODS:
            by_origin.setdefault(Origin.of(row), []).append(row)
    for some in by_origin.values():
        runs_of(some)
    runs = {row.run_id for row in rows}
    return Excerpt(rows=rows, questions={run: question for run, question in questions.items() if run in runs})
