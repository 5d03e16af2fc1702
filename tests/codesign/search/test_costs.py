"""Sweeps that begin with the rows of a cost table: an earlier sweep's, on a board."""

import json
import shutil
from dataclasses import replace

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.costs import CostKey, CostTable, Excerpt, Row, read_excerpt
from codesign.errors import CodesignError
from codesign.report import write_report
from codesign.search import Space, run_sweep
from tests.codesign.search import sweep_tools

WIDE = Space.from_dict({**sweep_tools.SPACE.to_dict(), "accelerator": {"rows": [4, 8], "cols": [4, 8]},
                        "share": [0.17, 0.5], "budget": {"cycles": 20_000}})


def options(out, **changes):
    return sweep_tools.options(out, **{**dict(space=WIDE, seed=4, trials=12), **changes})


def tools(**changes):
    return sweep_tools.tools(**{**dict(train=sweep_tools.quick_train, measure=sweep_tools.board_measure), **changes})


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory):
    """A sweep on the board: its directory."""
    out = tmp_path_factory.mktemp("yesterday") / "out"
    run_sweep(options(out, seed=3, trials=20, trained=6), tools())
    return out


@pytest.fixture(scope="module")
def rows(yesterday):
    return read_excerpt(yesterday / "costs.db", "ulx3s")


@pytest.fixture(scope="module")
def today(tmp_path_factory, rows):
    """A sweep that began with these: its directory and its results."""
    out = tmp_path_factory.mktemp("today") / "out"
    return out, run_sweep(options(out, costs=rows), tools())


def stored(out):
    with CostTable(out / "costs.db", read_only=True) as table:
        return table.rows(), table.questions()


def test_the_first_round_is_priced_by_them(today, rows):
    out, results = today
    first = [c for c in results["candidates"] if c["round"] == 1]
    for price in (c["price"] for c in first):
        expected = 200 + 1.3 * price["model_cycles"]
        assert price["method"] == "measured" and price["low"] < expected < price["high"]
        assert price["cycles"] == pytest.approx(expected, rel=0.08)
        assert price["rows"] and max(price["rows"]) <= len(rows.rows)
    assert first and "model" not in results["footing"]["1"]
    assert sum(results["footing"]["1"].values()) == len(first)
    assert results["counts"]["priced_from_rows"] == results["counts"]["priced"] == len(results["candidates"])
    assert results["counts"]["measured"] == sum("measured" in c for c in results["candidates"])


def test_they_are_its_tables_first(today, rows):
    out, results = today
    found, questions = stored(out)
    assert tuple(found[:len(rows.rows)]) == rows.rows and rows.questions.items() <= questions.items()
    own = [id for c in results["candidates"] for id in c.get("measured", {}).get("rows", ())]
    assert sorted(own) == [row.id for row in found[len(rows.rows):]]


def test_the_same_call_continues_and_copies_nothing_again(today, rows, yesterday):
    out, results = today
    before = stored(out)
    never = tools(train=sweep_tools.never, measure=sweep_tools.never)
    again = run_sweep(options(out, costs=read_excerpt(yesterday / "costs.db", "ulx3s")), never)
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(results)) and stored(out) == before


def test_another_table_is_refused(today, rows):
    out, _ = today
    fewer = Excerpt(rows=rows.rows[:-1], questions=rows.questions)
    for costs, asked in ((fewer, f'"{fewer.digest[:50]}.*'), (None, "null")):
        with pytest.raises(CodesignError, match=rf'^Sweep costs must be as the sweep in .* was begun, '
                                                rf'"{rows.digest[:50]}.*, not {asked} \(choose another directory\)$'):
            run_sweep(options(out, costs=costs), tools())


def test_one_that_was_begun_without_goes_on_without(yesterday, rows, tmp_path):
    manifest = json.loads((yesterday / "sweep.json").read_text())
    assert manifest.pop("costs") is None  # nor had those that were begun before there was such a setting
    copy = shutil.copytree(yesterday, tmp_path / "out")
    (copy / "sweep.json").write_text(json.dumps(manifest))
    never = tools(train=sweep_tools.never, measure=sweep_tools.never)
    run_sweep(options(copy, seed=3, trials=20, trained=6), never)
    with pytest.raises(CodesignError, match="^Sweep costs must be as the sweep in .* was begun, null, not "):
        run_sweep(options(copy, seed=3, trials=20, trained=6, costs=rows), never)


def test_killed_before_or_amid_the_copy_it_ends_as_if_it_had_not_been(today, rows, tmp_path, monkeypatch):
    def broken_off(self, table):
        with table.writing():
            table.add(self.rows[:5])
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(Excerpt, "add_to", broken_off)
        with pytest.raises(KeyboardInterrupt):
            run_sweep(options(out, costs=rows), tools())
    assert stored(out) == ([], {})
    run_sweep(options(out, costs=rows), tools())
    assert (out / "results.json").read_bytes() == (today[0] / "results.json").read_bytes()


def test_accelerators_that_todays_space_has_not_correct_it_too(rows, tmp_path):
    """By what their runs were asked it is known what they are, and whether their Verilog is today's."""
    space = Space.from_dict({**WIDE.to_dict(), "accelerator": {"rows": [16], "cols": [4]}})
    asked = options(tmp_path / "out", space=space, trials=6, costs=rows)
    assert not {c.digest() for c in space.configs(asked.board)} & {r.key.accelerator for r in rows.rows}
    results = run_sweep(asked, tools())
    assert set(results["footing"]["1"]) == {"model corrected by measured of other accelerators"}
    stale = Excerpt(rows=tuple(replace(r, verilog_digest="old") for r in rows.rows), questions=rows.questions)
    results = run_sweep(replace(asked, out=tmp_path / "stale", costs=stale), tools())
    assert set(results["footing"]["1"]) == {"model"}


def test_power_that_was_measured_before_counts_where_the_board_is_known(today, rows, tmp_path):
    """2 W idle. Rows of other Verilog than today's, and of accelerators that nobody knows, say nothing."""
    board, counters = options(tmp_path).board, next(r.counters for r in rows.rows if r.counters)
    question = next(iter(rows.questions.values()))
    unknown = AcceleratorConfig.from_dict({**question.accelerator.to_dict(), "cols": 12})
    assert unknown.digest() not in {q.accelerator.digest() for q in rows.questions.values()}
    power = []
    for number, (config, watts, verilog) in enumerate((
            (question.accelerator, 1.0, sweep_tools.verilog_digest(question.accelerator)),
            (question.accelerator, 9.0, "old"), (unknown, 9.0, sweep_tools.verilog_digest(unknown)))):
        for quantity, value in (("power_idle", 2 * watts), ("power_active", 2.02 * watts)):
            key = CostKey.on(config, board.name, operator="network", shape=f"s{number}", quantity=quantity)
            power.append(Row(key=key, value=value, unit="W", method="measured", run_id=f"power {number}",
                             verilog_digest=verilog, board_serial="s1", counters=counters))
    given = Excerpt(rows=(*rows.rows, *power), questions=rows.questions)
    out = tmp_path / "out"
    results = run_sweep(options(out, costs=given), tools())
    assert results["power"]["idle_w"] == pytest.approx(2.0, rel=0.02)
    assert results["power"]["rows"] == [len(rows.rows) + 2] and results["power"]["idle_rows"] == [len(rows.rows) + 1]
    assert all(c["energy"]["method"] == "fitted" for c in results["candidates"])
    assert "idle power (2.00 W) are fitted to 1 rows" in write_report(out, sweep_tools.DATASET()).read_text()


def test_the_report_tells_them_from_its_own(today, rows):
    out, results = today
    page = write_report(out, sweep_tools.DATASET()).read_text()
    assert "prices rest on rows of those runs, or of the table that the sweep began with." in page
    assert "The sweep began with the rows of another table." in page and "Round 1: " in page
    with CostTable(out / "costs.db") as table:
        network = next(row for row in rows.rows if row.key.operator == "network")
        id, = table.add([replace(network, run_id="foreign", method="simulated")])  # no price used it
    assert f"<tr><td>{id}</td>" not in write_report(out, sweep_tools.DATASET()).read_text()
