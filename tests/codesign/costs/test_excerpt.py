"""What a table holds of one board, and tables that can be no beginning."""

import dataclasses
import sqlite3

import pytest

from codesign.costs import CostTable, read_excerpt
from codesign.errors import CodesignError
from tests.codesign.costs.boards import NETWORKS, rows
from tests.codesign.costs.samples import QUESTION, key, row


def stored(path, *some, question=QUESTION):
    with CostTable(path) as table:
        table.add(some, question)
    return path


@pytest.fixture
def path(tmp_path):
    return stored(tmp_path / "t.db", row("a"), row("b", run_id="r2"), row("a", key=key("a", board="zcu102")))


def test_it_is_the_boards_rows_and_what_they_were_asked(path, tmp_path):
    found = read_excerpt(path, "ulx3s")
    assert [r.key.shape for r in found.rows] == ["a", "b"] and {r.key.board for r in found.rows} == {"ulx3s"}
    assert found.questions == {"r1": QUESTION, "r2": QUESTION}
    with CostTable(tmp_path / "other.db") as table:
        found.add_to(table)
        assert table.rows() == list(found.rows) and table.questions() == found.questions
        assert [r.id for r in table.rows()] == [1, 2]


def test_its_digest_is_of_the_boards_rows_alone(path, tmp_path):
    digest = read_excerpt(path, "ulx3s").digest
    with CostTable(tmp_path / "other.db") as table:
        read_excerpt(path, "ulx3s").add_to(table)
    assert read_excerpt(tmp_path / "other.db", "ulx3s").digest == digest
    stored(path, row("c", key=key("c", board="zcu102")), question=None)
    assert read_excerpt(path, "ulx3s").digest == digest
    backwards = stored(tmp_path / "backwards.db", row("b", run_id="r2"), row("a"))
    assert read_excerpt(backwards, "ulx3s").digest != digest  # the newest row of a question answers it
    unasked = stored(tmp_path / "unasked.db", row("a"), row("b", run_id="r2"), question=None)
    assert read_excerpt(unasked, "ulx3s").digest != digest
    stored(path, row("a", run_id="r3"))
    assert read_excerpt(path, "ulx3s").digest != digest


def test_fresh_rows_are_of_todays_verilog_and_of_cycles(path):
    power = row("a", key=key("a", quantity="power_idle"), unit="W", verilog_digest="v2")
    stored(path, row("a", verilog_digest="v2"), row("b", verilog_digest=None, method="model"), power)
    excerpt = read_excerpt(path, "ulx3s")
    tiny = key("a").accelerator
    assert [r.id for r in excerpt.fresh_cycles({tiny: "v1"}.get)] == [1, 2]
    assert [r.id for r in excerpt.fresh_cycles({tiny: "v2"}.get)] == [4]
    assert excerpt.fresh_cycles({}.get) == ()


def test_a_table_that_is_no_beginning_is_refused(path, tmp_path):
    (tmp_path / "notes.db").write_text("mine " * 1000)
    CostTable(tmp_path / "empty.db").close()
    run = rows(NETWORKS[0], method="measured")
    twice = stored(tmp_path / "twice.db", *run, dataclasses.replace(run[0], value=1 + run[0].value), question=None)
    with sqlite3.connect(stored(tmp_path / "damaged.db", row("a"))) as db:
        db.execute("DROP TRIGGER rows_never_change")
        db.execute("UPDATE rows SET content = replace(content, '120', '121')")
    for name, board, message in (
            ("none.db", "ulx3s", r"Cost table '.*none\.db' must exist"),
            ("notes.db", "ulx3s", r"Cost table '.*' must be an intact SQLite file, not a damaged or another one: .*"),
            ("empty.db", "ulx3s", r"Cost table '.*' must have rows of ulx3s, not of no board"),
            (path.name, "ultra96", r"Cost table '.*' must have rows of ultra96, not of ulx3s, zcu102"),
            ("damaged.db", "ulx3s", r"Cost table '.*' must be intact, not with a damaged row 1"),
            (twice.name, "ulx3s", r"Run 'run 0 0 0' must have one row of a network, not 2: rows 1, \d+")):
        with pytest.raises(CodesignError, match=f"^{message}$"):
            read_excerpt(tmp_path / name, board)
