"""The cost table's SQLite schema and the way from each version to the next."""

import sqlite3

from ..errors import require

__all__ = ["APPLICATION_ID", "MIGRATIONS", "inspect", "migrate", "rollback"]

APPLICATION_ID = 0x636F7374  # "cost"


def _immutable(table: str) -> tuple[str, str]:
    """Triggers that keep what is in ``table``."""
    return (f"""CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table}
                BEGIN SELECT RAISE(ABORT, 'cost {table} are immutable'); END""",
            f"""CREATE TRIGGER {table}_never_go BEFORE DELETE ON {table}
                BEGIN SELECT RAISE(ABORT, 'cost {table} are immutable'); END""")


# MIGRATIONS[v] takes a table of version v to v + 1. Never edit one that has been released: append.
MIGRATIONS = (
    (
        """CREATE TABLE rows (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key_digest TEXT NOT NULL,
            content_digest TEXT NOT NULL UNIQUE,
            accelerator TEXT NOT NULL,
            method TEXT NOT NULL CHECK (method IN ('model', 'simulated', 'measured', 'synthetic')),
            verilog_digest TEXT,
            content TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX rows_by_key ON rows (key_digest, method)",
    ),
    (
        "CREATE INDEX rows_by_accelerator ON rows (accelerator, method)",
        *_immutable("rows"),
    ),
    (
        "CREATE TABLE questions (digest TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT",
        """CREATE TABLE runs (
            run_id TEXT PRIMARY KEY,
            question TEXT NOT NULL REFERENCES questions (digest)
        ) STRICT""",
        *_immutable("questions"),
        *_immutable("runs"),
    ),
)


def inspect(db: sqlite3.Connection, path: str) -> int:
    """The schema version of ``db``, 0 where it is empty. Changes nothing; raises on a foreign or a newer file."""
    application, version, tables = (db.execute(q).fetchone()[0] for q in (
        "PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master"))
    require(application == APPLICATION_ID or application == version == tables == 0,
            f"Cost table {path!r} must be a cost table, not another database")
    require(version <= len(MIGRATIONS),
            f"Cost table {path!r} must be of schema version {len(MIGRATIONS)} or older, not {version}")
    return version


def migrate(db: sqlite3.Connection, path: str) -> None:
    """Bring the table to the newest version, in one transaction; raises on a foreign or a newer file."""
    if inspect(db, path) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")  # one of several writers migrates, the others find it done
    try:
        for step in MIGRATIONS[inspect(db, path):]:
            for statement in step:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        rollback(db)
        raise


def rollback(db: sqlite3.Connection) -> None:
    """Undo the transaction, if SQLite has not done so by itself, as where a disk is full."""
    if db.in_transaction:
        db.execute("ROLLBACK")
