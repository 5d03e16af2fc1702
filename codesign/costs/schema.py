"""The cost table's SQLite schema and the way from each version to the next."""

import sqlite3

from ..errors import require

__all__ = ["APPLICATION_ID", "MIGRATIONS", "migrate"]

APPLICATION_ID = 0x636F7374  # "cost"

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
        """CREATE TRIGGER rows_never_change BEFORE UPDATE ON rows
           BEGIN SELECT RAISE(ABORT, 'cost rows are immutable'); END""",
        """CREATE TRIGGER rows_never_go BEFORE DELETE ON rows
           BEGIN SELECT RAISE(ABORT, 'cost rows are immutable'); END""",
    ),
)


def migrate(db: sqlite3.Connection, path: str) -> None:
    """Bring the table to the newest version, in one transaction; raise on a foreign or a newer file."""
    def version() -> int:
        return db.execute("PRAGMA user_version").fetchone()[0]

    if version() == len(MIGRATIONS) and db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
        return
    db.execute("BEGIN IMMEDIATE")  # one of several writers migrates, the others find it done
    try:
        application, tables = (db.execute(q).fetchone()[0] for q in (
            "PRAGMA application_id", "SELECT count(*) FROM sqlite_master"))
        require(application == APPLICATION_ID or tables == 0,
                f"Cost table {path} must be a cost table, not another database")
        require(version() <= len(MIGRATIONS),
                f"Cost table {path} must be of schema version {len(MIGRATIONS)} or older, not {version()}")
        for step in MIGRATIONS[version():]:
            for statement in step:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
