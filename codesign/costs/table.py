"""The cost table: immutable rows in an SQLite file that several processes may write and none can leave half-written."""

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import CodesignError, require
from .question import Question
from .row import METHODS, CostKey, Row, canonical
from .schema import MIGRATIONS, inspect, migrate, rollback

__all__ = ["CostTable"]

BUSY_TIMEOUT_S = 30

#: What SQLite's primary result codes mean here: the rule that the file breaks.
_RULES = {
    sqlite3.SQLITE_BUSY: "let go by whoever writes it within {timeout_s:g} s",
    sqlite3.SQLITE_CORRUPT: "an intact SQLite file, not a damaged one",
    sqlite3.SQLITE_NOTADB: "an intact SQLite file, not a damaged or another one",
    sqlite3.SQLITE_FULL: "on a disk with free space (nothing was stored)",
    sqlite3.SQLITE_IOERR: "on a disk that can be read and written (nothing was stored)",
    sqlite3.SQLITE_READONLY: "a writable file in a writable directory",
    sqlite3.SQLITE_CANTOPEN: "a readable file in a writable directory",
}


def _write_ahead(db: sqlite3.Connection, timeout_s: float) -> None:
    """Switch to write-ahead logging. SQLite does not wait for others to let it, so we do."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


class CostTable:
    """Rows in the SQLite file ``path``, made if it is not there; ``read_only``, it must be, and is not changed. What is
    in ``:memory:`` is in no file, and goes when it is closed.

    A row is stale when the Verilog that ran is not today's: its ``verilog_digest`` differs from the one the
    caller gives. Stale rows stay, are shown, and answer nothing unless asked for. Writers wait for one another
    up to ``timeout_s``; each :meth:`add` is one transaction. Not to be shared between threads.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, timeout_s: float = BUSY_TIMEOUT_S):
        self.path, self.timeout_s = Path(path), timeout_s
        require(not read_only or self.path.is_file(), f"Cost table {str(path)!r} must exist")
        with self._errors():
            if read_only:
                self._db = self._open_to_read()
                return
            self._db = self._connect(str(self.path))
            try:
                inspect(self._db, str(path))  # before anything is written into what may be another's
                _write_ahead(self._db, timeout_s)
                self._db.execute("PRAGMA synchronous = FULL")
                migrate(self._db, str(path))
            except BaseException:
                self._db.close()
                raise

    def _connect(self, name: str, uri: bool = False) -> sqlite3.Connection:
        db = sqlite3.connect(name, uri=uri, timeout=self.timeout_s, isolation_level=None)
        db.text_factory = lambda text: text.decode(errors="replace")  # damage is found by digest, row by row
        return db

    def _open_to_read(self) -> sqlite3.Connection:
        """A connection that changes nothing. Where not even the log's index can be made beside the file, there is no
        writer either: it is read as it is, unless a log was left."""
        log = Path(f"{self.path}-wal")
        modes = ["mode=rw"] if log.exists() and log.stat().st_size else ["mode=rw", "immutable=1"]
        for mode in modes:
            db = self._connect(f"{self.path.absolute().as_uri()}?{mode}", uri=True)
            try:
                db.execute("PRAGMA query_only = TRUE")
                require(inspect(db, str(self.path)) > 0,
                        f"Cost table {str(self.path)!r} must be a cost table, not an empty file")
                return db
            except BaseException as e:
                db.close()
                if mode == modes[-1] or getattr(e, "sqlite_errorcode", 0) & 0xFF not in (
                        sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                    raise
        raise AssertionError("the last mode returns or raises")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> "CostTable":
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction for all that is added within: all or none of it. May be nested."""
        with self._errors():
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                rollback(self._db)
                raise

    def add(self, rows: Iterable[Row], question: Question | None = None) -> list[int]:
        """Store ``rows``, all or none; returns their ids. A row stored before (same content) keeps its id.

        question : what the rows' runs were asked, stored with them
        """
        ids, runs = [], dict[str, None]()
        with self.writing():
            for row in rows:
                content = canonical(row.content())
                digest = hashlib.sha256(content.encode()).hexdigest()
                self._db.execute(
                    "INSERT INTO rows (key_digest, content_digest, accelerator, method, verilog_digest, content) "
                    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (content_digest) DO NOTHING",
                    (row.key.digest(), digest, row.key.accelerator, row.method, row.verilog_digest, content))
                stored = self._db.execute("SELECT id FROM rows WHERE content_digest = ?", (digest,))
                ids.append(stored.fetchone()[0])
                runs[row.run_id] = None
            if question is not None:
                self.add_question(question, runs)
        return ids

    def add_question(self, question: Question, runs: Iterable[str]) -> None:
        """Store what ``runs`` (their ids) were asked. A run has one question."""
        content = canonical(question.to_dict())
        digest = hashlib.sha256(content.encode()).hexdigest()
        with self.writing():
            self._db.execute("INSERT INTO questions VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, content))
            for run in runs:
                self._db.execute("INSERT INTO runs VALUES (?, ?) ON CONFLICT DO NOTHING", (run, digest))
                stored = self._db.execute("SELECT question FROM runs WHERE run_id = ?", (run,)).fetchone()[0]
                require(stored == digest, f"Run {run!r} must have one question, not another network, accelerator or "
                                          f"board than stored in {str(self.path)!r}")

    def rows(self, key: CostKey | None = None, *, method: str | None = None, accelerator: str | None = None,
             verilog_digest: str | None = None) -> list[Row]:
        """Rows in the order they were stored, of the key, method, accelerator and Verilog given.

        Raises :class:`CodesignError` naming a row whose content is not what was stored.
        """
        wanted = {"key_digest": key.digest() if key else None, "method": method, "accelerator": accelerator,
                  "verilog_digest": verilog_digest}
        wanted = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in wanted) or "1"
        with self._errors():
            found = self._db.execute(f"SELECT id, content_digest, content FROM rows WHERE {where} ORDER BY id",
                                     tuple(wanted.values())).fetchall()
        return [Row.from_dict({"id": id, **self._intact(f"row {id}", digest, content)})
                for id, digest, content in found]

    def last_id(self) -> int:
        """Of the row that was stored last; 0 where there is none."""
        with self._errors():
            return self._db.execute("SELECT max(id) FROM rows").fetchone()[0] or 0

    def questions(self) -> dict[str, Question]:
        """What runs were asked, by run id; not every run's question is known."""
        with self._errors():
            if inspect(self._db, str(self.path)) < len(MIGRATIONS):
                return {}  # an older table, open to be read
            stored = self._db.execute("SELECT digest, content FROM questions").fetchall()
            runs = self._db.execute("SELECT run_id, question FROM runs ORDER BY rowid").fetchall()
        questions = {digest: Question.from_dict(self._intact(f"question {digest[:12]}", digest, content))
                     for digest, content in stored}
        return {run: questions[digest] for run, digest in runs}

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

    def _intact(self, what: str, digest: str, content: str) -> dict:
        """``content``, if it is what ``digest`` was made of."""
        require(hashlib.sha256(content.encode(errors="replace")).hexdigest() == digest,
                f"Cost table {str(self.path)!r} must be intact, not with a damaged {what}")
        return json.loads(content)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as e:
            rule = _RULES.get(getattr(e, "sqlite_errorcode", 0) & 0xFF, "a readable, writable SQLite file")
            raise CodesignError(f"Cost table {str(self.path)!r} must be {rule.format(timeout_s=self.timeout_s)}: "
                                f"{e}") from None
