import dataclasses
import sqlite3

import pytest

from codesign.accelerator import PRESETS
from codesign.costs import CostKey, CostTable, check
from codesign.errors import CodesignError
from tests.codesign.costs.samples import QUESTION, key, row


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
    keys = [key(), key("b"), key(quantity="energy"), key(board="ultra96v2"), key(clock_hz=1), key(schedule="pool 0"),
            key(operator="conv"), CostKey.on(PRESETS["ulx3s"], "ulx3s", operator="network", shape="a"),
            CostKey.on(other_memory, "ulx3s", operator="network", shape="a")]
    assert len({k.digest() for k in keys}) == len(keys)
    assert key().digest() == key().digest()


def test_keys_ask_for_known_quantities():
    with pytest.raises(CodesignError, match="quantity must be one of cycles, time, energy, .*, not 'area'"):
        key(quantity="area")


@pytest.mark.parametrize(("change", "message"), [
    ({"method": "guess"}, "method must be one of model, simulated, measured, synthetic, not 'guess'"),
    ({"value": float("nan")}, "value must be a finite number of at least 0, not nan"),
    ({"value": 10**400}, "value must be a finite number"),
    ({"value": True}, "value must be a finite number"),
    ({"n": 0}, "n must be an integer of at least 1, not 0"),
    ({"verilog_digest": None}, "verilog_digest must be given where method is simulated"),
    ({"method": "measured"}, "board_serial must be given where method is measured"),
    ({"counters": {"cycles": "many"}}, "counters must be a mapping"),
    ({"run_id": ""}, "run_id must be a text"),
    ({"unit": "ms"}, "unit must be 'cycles' for cycles, not 'ms'"),
    ({"key": key(quantity="power_idle"), "unit": "J"}, "unit must be 'W' for power_idle, not 'J'"),
    ({"board_serial": ""}, "board_serial must be a text or None, not ''"),
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


def test_runs_questions_are_kept(tmp_path):
    with CostTable(tmp_path / "costs.db") as table:
        table.add([row(), row("b")], QUESTION)
        table.add([row(run_id="r2")], QUESTION)
        table.add([row(run_id="r3")])
        assert table.questions() == {"r1": QUESTION, "r2": QUESTION}
        other = dataclasses.replace(QUESTION, board="ultra96v2")
        with pytest.raises(CodesignError, match="Run 'r1' must have one question"):
            table.add([row("c")], other)
        assert len(table.rows()) == 4  # the row of that question is not there either
    db = sqlite3.connect(tmp_path / "costs.db")
    for statement in ("UPDATE questions SET content = ''", "DELETE FROM runs"):
        with pytest.raises(sqlite3.IntegrityError, match="immutable"):
            db.execute(statement)
    db.close()


def test_check_reports_drift():
    rows = [row(str(i), value=100 + i) for i in range(10)]
    assert all(d.within(0) for d in check(rows, lambda r: r.value))
    drifted = check(rows, lambda r: r.value * 1.1)
    assert len(drifted) == 10 and not any(d.within(0.05) for d in drifted) and all(d.within(0.11) for d in drifted)
    sample = check(rows, lambda r: r.value, sample=3, seed=5)
    assert len({d.row.key.shape for d in sample}) == 3
    assert [d.row for d in sample] == [d.row for d in check(rows, lambda r: r.value, sample=3, seed=5)]
    assert check([row(value=0)], lambda r: 1)[0].relative == 1
    gone = check([row()], lambda r: None)[0]
    assert gone.relative is None and not gone.within(1e9)
    with pytest.raises(CodesignError, match="sample must be at least 1 row, not 0"):
        check(rows, lambda r: 1, sample=0)
