"""Files that are no table, or a damaged, locked, full or write-protected one: one clear error, and nothing changed."""

import contextlib
import os
import re
import resource
import shutil
import signal
import sqlite3
import tempfile
from pathlib import Path

import pytest

from codesign.costs import CostTable
from codesign.costs.schema import MIGRATIONS
from codesign.errors import CodesignError
from tests.codesign.costs.samples import QUESTION, row


@pytest.fixture
def path(tmp_path):
    """A table of 400 rows."""
    path = tmp_path / "costs.db"
    with CostTable(path) as table:
        table.add((row(f"shape {i}") for i in range(400)), QUESTION)
    return path


def refused(path, message):
    """Opening to write, to read, and adding all end in one line that matches ``message``; the file is as it was."""
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    def append():
        with CostTable(path, timeout_s=0.1) as table:
            table.rows()
            table.add([row("another")])

    def read():
        with CostTable(path, read_only=True, timeout_s=0.1) as table:
            table.rows()

    for attempt in (append, read):
        with pytest.raises(CodesignError, match=message) as e:
            attempt()
        assert str(e.value).count("\n") == 0 and re.search(re.escape(repr(str(path))), str(e.value))
        assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def execute(path, *statements):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_older_tables_are_migrated(path):
    tables = ("runs", "questions")
    execute(path, *(f"DROP TRIGGER {t}_never_{e}" for t in (*tables, "rows") for e in ("change", "go")),
            *(f"DROP TABLE {t}" for t in tables), "DROP INDEX rows_by_accelerator",
            "PRAGMA user_version = 1")  # what the first step alone makes
    before = path.read_bytes()
    with CostTable(path, read_only=True) as table:
        assert len(table.rows()) == 400 and table.questions() == {}
    assert path.read_bytes() == before
    with CostTable(path) as table:
        assert len(table.rows()) == 400 and table.questions() == {}
        assert table._db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        assert table._db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0] == 6


def test_newer_tables_are_refused(path):
    execute(path, "PRAGMA user_version = 99")
    refused(path, f"must be of schema version {len(MIGRATIONS)} or older, not 99$")


def test_other_databases_are_refused(tmp_path):
    path = tmp_path / "other.db"
    execute(path, "CREATE TABLE t (x)")
    refused(path, "must be a cost table, not another database$")
    execute(path, "DROP TABLE t", "PRAGMA user_version = 3")
    refused(path, "must be a cost table, not another database$")


def test_text_is_refused(tmp_path):
    path = tmp_path / "text.db"
    path.write_text("not a database, but long enough to look at" * 30)
    refused(path, "must be an intact SQLite file, not a damaged or another one: file is not a database$")


def test_truncated_tables_are_refused(path):
    size = path.stat().st_size
    os.truncate(path, size // 2)
    refused(path, "must be an intact SQLite file, not a damaged one: database disk image is malformed$")


def test_overwritten_pages_are_found(path):
    with open(path, "r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(4096 * page)
            file.write(b"\xff" * 4096)
    refused(path, "must be an intact SQLite file, not a damaged one: database disk image is malformed$")


@pytest.mark.parametrize("damage", [b"shape 7X", b"shape \xff\xfe"])
def test_changed_content_is_found_and_the_row_named(path, damage):
    """A change that SQLite itself does not see."""
    data = path.read_bytes()
    at = data.index(b'"shape":"shape 77"') + len(b'"shape":"')
    path.write_bytes(data[:at] + damage + data[at + len(damage):])
    refused(path, "must be intact, not with a damaged row 78$")


def test_none_and_empty_files_are_not_read(tmp_path):
    with pytest.raises(CodesignError, match="must exist"):
        CostTable(tmp_path / "none.db", read_only=True)
    (tmp_path / "empty.db").touch()
    with pytest.raises(CodesignError, match="must be a cost table, not an empty file"):
        CostTable(tmp_path / "empty.db", read_only=True)
    assert (tmp_path / "empty.db").stat().st_size == 0
    with pytest.raises(CodesignError, match="must be a readable file in a writable directory: unable to open"):
        CostTable(tmp_path / "no directory" / "costs.db")


def test_locked_tables_are_waited_for_in_vain(path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with CostTable(path, timeout_s=0.1) as table:
        with pytest.raises(CodesignError, match=r"must be let go by whoever writes it within 0\.1 s: .* is locked$"):
            table.add([row("another")])
        assert len(table.rows()) == 400  # reading goes on
        other.execute("ROLLBACK")
        table.add([row("another")])
        assert len(table.rows()) == 401
    other.close()


def test_full_disks_store_nothing(path):
    """A limit on file sizes stands in for the disk's end; SQLite hears of it in the middle of the transaction."""
    old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with CostTable(path) as table:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 65536, old[1]))
            with pytest.raises(CodesignError, match=r"must be on a disk .*\(nothing was stored\)"):
                table.add(row(f"another {i}" * 50) for i in range(3000))
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
            assert len(table.rows()) == 400
            table.add([row("another")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    with CostTable(path, read_only=True) as table:
        assert len(table.rows()) == 401


def test_room_for_no_more_pages_stores_nothing(path):
    with CostTable(path) as table:
        table._db.execute("PRAGMA max_page_count = 1")  # as many as there are
        with pytest.raises(CodesignError, match=r"must be on a disk with free space \(nothing was stored\): .* full$"):
            table.add(row(f"another {i}") for i in range(3000))
        assert len(table.rows()) == 400


@pytest.fixture
def protected(path):
    """The table in a directory that we may not write, whoever runs the tests."""
    directory = Path(tempfile.mkdtemp())
    shutil.copy(path, directory / "costs.db")
    (directory / "costs.db").chmod(0o444)
    directory.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield directory / "costs.db"
    if user == 0:
        os.seteuid(0)
    directory.chmod(0o755)
    shutil.rmtree(directory)


def test_write_protected_tables_are_read(protected):
    with CostTable(protected, read_only=True) as table:
        assert len(table.rows()) == 400 and table.questions() == {"r1": QUESTION}
    with pytest.raises(CodesignError, match="must be a (writable file|readable file) in a writable directory: "):
        CostTable(protected)
    assert os.listdir(protected.parent) == ["costs.db"]
