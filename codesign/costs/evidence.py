"""What a cost table says, today, of networks on a board: rows that may answer, and corrections fitted to them."""

import dataclasses
from collections.abc import Callable

from .correction import Correction
from .fitting import Pool, fit_pool
from .row import Row
from .runs import BOARD_METHODS, Origin, Run, runs_of
from .table import CostTable

__all__ = ["Evidence"]


class Evidence:
    """``table`` as it is: it is read, and corrections are fitted, once, and again only when it has more rows. So all
    prices between two measurements rest on the same.

    board : its name
    verilog : digest of today's Verilog of the accelerator with a digest, or None where nobody knows it: rows of another
        are stale
    """

    def __init__(self, table: CostTable, board: str, verilog: Callable[[str], str | None]):
        self.table, self.board, self._verilog = table, board, verilog
        self._last, self._rows, self._pools = -1, dict[str, dict[str, list[Row]]](), dict[tuple, Pool | None]()
        self._answers = dict[tuple[Origin, bool], tuple[list[Row], int]]()
        self._corrections = dict[tuple, Correction]()

    def origin(self, of: Origin) -> Origin:
        """``of`` with today's Verilog."""
        return dataclasses.replace(of, verilog_digest=self._verilog(of.accelerator))

    def rows(self, origin: Origin, stale: bool) -> tuple[list[Row], int]:
        """Rows that may answer, all of one origin: ``origin``, or if ``stale`` and there are none, that of the newest
        row whose Verilog alone differs. And how many of the latter were left out."""
        all_rows = self._all(origin.method)
        if (origin, stale) not in self._answers:
            here = [row for row in all_rows.get(origin.accelerator, ())
                    if dataclasses.replace(Origin.of(row), verilog_digest=origin.verilog_digest) == origin]
            fresh = [row for row in here if row.verilog_digest == origin.verilog_digest]
            used = fresh or [row for row in here if stale and row.verilog_digest == here[-1].verilog_digest]
            self._answers[origin, stale] = used, len(here) - len(used)
        return self._answers[origin, stale]

    def correction(self, origin: Origin, own: list[Row]) -> Correction | None:
        """For ``origin``, of which ``own`` are the rows that may answer, from these and from fresh rows of other
        accelerators on the board; None where no board's run is among them."""
        if origin.method not in BOARD_METHODS:
            return None
        rows = self._all(origin.method)
        used = Origin.of(own[0]) if own else origin
        key = origin.place, None if used == origin else used  # alike for all accelerators, but where one's are stale
        if key not in self._pools:
            fresh: dict[Origin, list[Row]] = {} if used == origin else {used: own}
            for row in (row for some in rows.values() for row in some):
                other = Origin.of(row)
                if other.place == origin.place and self.origin(other) == other:
                    fresh.setdefault(other, []).append(row)
            runs: dict[Origin, list[Run]] = {other: found for other, some in fresh.items() if (found := runs_of(some))}
            self._pools[key] = fit_pool(runs) if runs else None
        pool = self._pools[key]
        if pool and (key, used) not in self._corrections:
            self._corrections[key, used] = pool.correction(used)
        return self._corrections.get((key, used))

    def _all(self, method: str) -> dict[str, list[Row]]:
        """All rows of cycles on the board, by accelerator."""
        if (last := self.table.last_id()) != self._last:
            self._last, self._rows, self._pools, self._answers, self._corrections = last, {}, {}, {}, {}
        if method not in self._rows:
            found = self._rows[method] = {}
            for row in self.table.rows(method=method):
                if row.key.board == self.board and row.key.quantity == "cycles":
                    found.setdefault(row.key.accelerator, []).append(row)
        return self._rows[method]
