import dataclasses
import io
import json
import multiprocessing
import os
import signal
import sqlite3
import threading
import time

import pytest

from codesign.accelerator import PRESETS
from codesign.costs import CostKey, CostTable, Row, check, export_csv, export_jsonl, import_jsonl
from codesign.costs.schema import MIGRATIONS
from codesign.errors import CodesignError


def key(shape="a", **changes) -> CostKey:
    return dataclasses.replace(CostKey.on(PRESETS["tiny"], "ulx3s", operator="network", shape=shape), **changes)


def row(shape="a", **changes) -> Row:
    values = dict(key=key(shape), value=120, unit="cycles", method="simulated", run_id="r1", verilog_digest="v1",
                  model_value=100, counters={"cycles": 120}, tool_versions={"verilator": "5.48"})
    return Row(**{**values, **changes})


def test_rows_come_back_as_they_were(tmp_path):
    with CostTable(tmp_path / "costs.db") as table:
        rows = [row(), row(value=90.5, n=7, quantiles={"0.1": 88.0, "0.9": 95.0}),
                row(method="measured", board_serial="s1"), row(method="model", verilog_digest=None)]
        ids = table.add(rows)
    with CostTable(tmp_path / "costs.db", read_only=True) as table:
        found = table.rows()
        assert found == rows and [r.id for r in found] == ids == sorted(set(ids))
        assert table.rows(method="measured") == [rows[2]]
        assert table.rows(key("b")) == []


def test_rows_are_immutable(tmp_path):
    with CostTable(tmp_path / "costs.db") as table:
        table.add([row()])
    db = sqlite3.connect(tmp_path / "costs.db")
    for statement in ("UPDATE rows SET method = 'model'", "DELETE FROM rows"):
        with pytest.raises(sqlite3.IntegrityError, match="immutable"):
            db.execute(statement)
    db.close()


def test_stale_rows_are_shown_but_answer_only_when_asked(tmp_path):
    with CostTable(tmp_path / "costs.db") as table:
        table.add([row(value=1), row(value=2, verilog_digest="v2"), row(value=3)])
        assert table.newest(key(), method="simulated", verilog_digest="v1").value == 3
        assert table.newest(key(), method="simulated", verilog_digest="v2").value == 2
        assert table.newest(key(), method="simulated", verilog_digest="v3") is None
        assert table.newest(key(), method="simulated", verilog_digest="v3", stale=True).value == 3
        assert table.newest(key(), method="measured", verilog_digest="v1") is None  # methods never mix
        with pytest.raises(CodesignError, match="must have a fresh simulated row for network a .*, not 3 stale ones"):
            table.lookup(key(), method="simulated", verilog_digest="v3")


def test_keys_tell_apart_all_they_hold():
    config = PRESETS["tiny"]
    other_memory = dataclasses.replace(config, memory=PRESETS["ulx3s"].memory)
    keys = [key(), key("b"), key(quantity="energy"), key(board="ultra96"), key(clock_hz=1), key(schedule="pool 0"),
            key(operator="conv"), CostKey.on(PRESETS["ulx3s"], "ulx3s", operator="network", shape="a"),
            CostKey.on(other_memory, "ulx3s", operator="network", shape="a")]
    assert len({k.digest() for k in keys}) == len(keys)
    assert key().digest() == key().digest()


@pytest.mark.parametrize(("change", "message"), [
    ({"method": "guess"}, "method must be one of model, simulated, measured, synthetic, not 'guess'"),
    ({"value": float("nan")}, "value must be a finite number of at least 0, not nan"),
    ({"value": True}, "value must be a finite number"),
    ({"n": 0}, "n must be an integer of at least 1, not 0"),
    ({"verilog_digest": None}, "verilog_digest must be given where method is simulated"),
    ({"method": "measured"}, "board_serial must be given where method is measured"),
    ({"counters": {"cycles": "many"}}, "counters must be a mapping"),
    ({"run_id": ""}, "run_id must be a text"),
])
def test_bad_rows_are_refused(change, message):
    with pytest.raises(CodesignError, match=message):
        row(**change)


def test_adding_is_all_or_nothing(tmp_path):
    def rows():
        yield row()
        raise KeyError("the second row could not be made")

    with CostTable(tmp_path / "costs.db") as table:
        with pytest.raises(KeyError):
            table.add(rows())
        assert table.rows() == []


def test_export_and_import(tmp_path):
    with CostTable(tmp_path / "a.db") as a, CostTable(tmp_path / "b.db") as b:
        a.add([row(), row(value=3, quantiles={"0.5": 3.0})])
        with open(tmp_path / "rows.jsonl", "w") as file:
            export_jsonl(a.rows(), file)
        assert import_jsonl(b, tmp_path / "rows.jsonl") == import_jsonl(b, tmp_path / "rows.jsonl")
        assert b.rows() == a.rows()
        text = io.StringIO()
        export_csv(a.rows(), text)
        lines = text.getvalue().splitlines()
        assert len(lines) == 3 and lines[0].startswith("id,key.operator,key.shape") and '""cycles"": 120' in lines[1]
        (tmp_path / "bad.jsonl").write_text(json.dumps({"key": {"operator": "network"}}) + "\n")
        with pytest.raises(CodesignError, match=r"bad\.jsonl:1: Cost row must give value"):
            import_jsonl(b, tmp_path / "bad.jsonl")
        (tmp_path / "bad.jsonl").write_text('{"key": 3}')
        with pytest.raises(CodesignError, match=r"bad\.jsonl:1: Cost row must be a mapping with a key"):
            import_jsonl(b, tmp_path / "bad.jsonl")


def test_older_tables_are_migrated_and_foreign_ones_refused(tmp_path):
    path = tmp_path / "old.db"
    with CostTable(path) as table:
        table.add([row()])
    db = sqlite3.connect(path)  # back to version 1: what the first step alone makes
    for kind, name in db.execute("SELECT type, name FROM sqlite_master WHERE type = 'trigger' "
                                 "OR name = 'rows_by_accelerator'").fetchall():
        db.execute(f"DROP {kind} {name}")
    db.execute("PRAGMA user_version = 1")
    db.close()
    with CostTable(path) as table:
        assert table.rows() == [row(created=table.rows()[0].created)]
        assert table._db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        assert table._db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0] == 2

    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(CodesignError, match="must be of schema version 2 or older, not 99"):
        CostTable(path)

    db = sqlite3.connect(tmp_path / "other.db")
    db.execute("CREATE TABLE t (x)")
    db.close()
    with pytest.raises(CodesignError, match="must be a cost table, not another database"):
        CostTable(tmp_path / "other.db")
    (tmp_path / "text.db").write_text("not a database, but long enough to look at" * 10)
    with pytest.raises(CodesignError, match="must be a readable, writable SQLite file"):
        CostTable(tmp_path / "text.db")
    with pytest.raises(CodesignError, match="must exist"):
        CostTable(tmp_path / "none.db", read_only=True)


def _write(path, name, count):
    with CostTable(path) as table:
        for i in range(count):
            table.add([row(f"{name}/{i}"), row(f"{name}/{i}/second")])


def test_several_writers_and_one_killed(tmp_path):
    path = tmp_path / "costs.db"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(path, name, 20)) for name in "ab"]
    doomed = spawn.Process(target=_write, args=(path, "doomed", 100_000))
    for process in (*writers, doomed):
        process.start()
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    deadline = time.monotonic() + 30
    while not os.path.exists(path) or not _shapes(path, "doomed"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join(10)
    for name in "ab":
        assert len(_shapes(path, name)) == 40
    assert len(_shapes(path, "doomed")) % 2 == 0  # a transaction is there whole or not at all
    _write(path, "after", 1)
    assert len(_shapes(path, "after")) == 2


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


def _shapes(path, name):
    with CostTable(path) as table:
        return [r.key.shape for r in table.rows() if r.key.shape.startswith(f"{name}/")]


def test_check_reports_drift():
    rows = [row(str(i), value=100 + i) for i in range(10)]
    assert all(d.within(0) for d in check(rows, lambda r: r.value))
    drifted = check(rows, lambda r: r.value * 1.1)
    assert len(drifted) == 10 and not any(d.within(0.05) for d in drifted) and all(d.within(0.11) for d in drifted)
    sample = check(rows, lambda r: r.value, sample=3, seed=5)
    assert len({d.row.key.shape for d in sample}) == 3
    assert [d.row for d in sample] == [d.row for d in check(rows, lambda r: r.value, sample=3, seed=5)]
    assert check([row(value=0)], lambda r: 1)[0].relative == 1
    with pytest.raises(CodesignError, match="sample must be at least 1 row, not 0"):
        check(rows, lambda r: 1, sample=0)
