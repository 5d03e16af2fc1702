"""Several processes write one table; some are killed, in the middle of a transaction too."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time

from codesign.costs import CostTable
from tests.codesign.costs.samples import QUESTION, row

SPAWN = multiprocessing.get_context("spawn")


def write(path, name, count):
    with CostTable(path) as table:
        for i in range(count):
            table.add([row(f"{name}/{i}"), row(f"{name}/{i}/second")])


def shapes(path, name):
    with CostTable(path, read_only=True) as table:
        return [r.key.shape for r in table.rows() if r.key.shape.startswith(f"{name}/")]


def wait_for(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_several_writers_and_one_killed(tmp_path):
    path = tmp_path / "costs.db"
    writers = [SPAWN.Process(target=write, args=(path, name, 20)) for name in "ab"]
    doomed = SPAWN.Process(target=write, args=(path, "doomed", 100_000))
    for process in (*writers, doomed):
        process.start()
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    wait_for(lambda: path.exists() and shapes(path, "doomed"))
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join(10)
    for name in "ab":
        assert len(shapes(path, name)) == 40
    assert len(shapes(path, "doomed")) % 2 == 0  # a transaction is there whole or not at all
    write(path, "after", 1)
    assert len(shapes(path, "after")) == 2


def stop_within(path, sign):
    """Add a run, and stop within the next one's transaction: rows written, question written, not committed."""
    with CostTable(path) as table:
        table.add([row("whole/1"), row("whole/2")], QUESTION)
        with table.writing():
            table.add((row(f"half/{i}" * 20, run_id="r2") for i in range(2000)), QUESTION)
            sign.touch()
            time.sleep(60)


def test_killed_within_a_transaction(tmp_path):
    path, sign = tmp_path / "costs.db", tmp_path / "sign"
    doomed = SPAWN.Process(target=stop_within, args=(path, sign))
    doomed.start()
    wait_for(sign.exists)
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join(10)
    with CostTable(path, read_only=True) as table:
        assert [r.key.shape for r in table.rows()] == ["whole/1", "whole/2"]
        assert set(table.questions()) == {"r1"}
    with CostTable(path, timeout_s=0.1) as table:  # its lock went with it
        table.add([row("after")])
        assert table._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_opening_waits_for_whoever_makes_the_table(tmp_path):
    """SQLite itself answers "database is locked" at once here."""
    other = sqlite3.connect(tmp_path / "costs.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE x (y)")
    timer = threading.Timer(0.3, other.execute, ["ROLLBACK"])
    timer.start()
    with CostTable(tmp_path / "costs.db") as table:
        assert not timer.is_alive()
        assert table.rows() == []
    other.close()
