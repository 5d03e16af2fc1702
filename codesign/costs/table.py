"""The cost table: immutable rows in an SQLite file that several processes may write and none can leave half-written."""

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import CodesignError, require
from .row import METHODS, CostKey, Row, canonical
from .schema import migrate

__all__ = ["CostTable"]

BUSY_TIMEOUT_S = 30


def _write_ahead(db: sqlite3.Connection) -> None:
    """Switch to write-ahead logging. SQLite does not wait for others to let it, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


class CostTable:
    """Rows in the SQLite file ``path``, made if it is not there (``read_only`` then raises instead).

    A row is stale when the Verilog that ran is not today's: its ``verilog_digest`` differs from the one the
    caller gives. Stale rows stay, are shown, and answer nothing unless asked for. Writers wait for one another
    up to 30 s; each :meth:`add` is one transaction. Not to be shared between threads.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False):
        self.path = Path(path)
        require(not read_only or self.path.is_file(), f"Cost table {str(path)!r} must exist")
        with self._errors():
            self._db = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            try:
                _write_ahead(self._db)
                self._db.execute("PRAGMA synchronous = FULL")
                migrate(self._db, str(path))
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> "CostTable":
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()

    def add(self, rows: Iterable[Row]) -> list[int]:
        """Store ``rows``, all or none; returns their ids. A row stored before (same content) keeps its id."""
        ids = []
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for row in rows:
                    content = canonical(row.content())
                    digest = hashlib.sha256(content.encode()).hexdigest()
                    self._db.execute(
                        "INSERT INTO rows (key_digest, content_digest, accelerator, method, verilog_digest, content) "
                        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (content_digest) DO NOTHING",
                        (row.key.digest(), digest, row.key.accelerator, row.method, row.verilog_digest, content))
                    stored = self._db.execute("SELECT id FROM rows WHERE content_digest = ?", (digest,))
                    ids.append(stored.fetchone()[0])
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return ids

    def rows(self, key: CostKey | None = None, *, method: str | None = None, accelerator: str | None = None,
             verilog_digest: str | None = None) -> list[Row]:
        """Rows in the order they were stored, of the key, method, accelerator and Verilog given."""
        wanted = {"key_digest": key.digest() if key else None, "method": method, "accelerator": accelerator,
                  "verilog_digest": verilog_digest}
        wanted = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in wanted) or "1"
        with self._errors():
            found = self._db.execute(f"SELECT id, content FROM rows WHERE {where} ORDER BY id",
                                     tuple(wanted.values())).fetchall()
        return [Row.from_dict({"id": id, **json.loads(content)}) for id, content in found]

    def newest(self, key: CostKey, *, method: str, verilog_digest: str | None, stale: bool = False) -> Row | None:
        """The latest row of ``key`` by ``method`` from the Verilog ``verilog_digest`` (any, if ``stale``), or None."""
        require(method in METHODS, f"Cost method must be one of {', '.join(METHODS)}, not {method!r}")
        found = [r for r in self.rows(key, method=method) if stale or r.verilog_digest == verilog_digest]
        return found[-1] if found else None

    def lookup(self, key: CostKey, *, method: str, verilog_digest: str | None, stale: bool = False) -> Row:
        """As :meth:`newest`, but no row is an error that says whether stale ones are there."""
        row = self.newest(key, method=method, verilog_digest=verilog_digest, stale=stale)
        if row is None:
            others = len(self.rows(key, method=method))
            raise CodesignError(f"Cost table must have a fresh {method} row for {key.operator} {key.shape[:16]} on "
                                f"accelerator {key.accelerator[:12]}, not {others} stale ones")
        return row

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as e:
            raise CodesignError(
                f"Cost table {str(self.path)!r} must be a readable, writable SQLite file: {e}") from None
