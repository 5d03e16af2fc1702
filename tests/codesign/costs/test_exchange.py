import csv
import dataclasses
import io
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codesign.costs import CostTable, Row, export_csv, export_jsonl, import_rows, read_sheet
from codesign.errors import CodesignError
from tests.codesign.costs.samples import QUESTION, key, row

ROWS = [row(), row(value=3.5e-7, quantiles={"0.1": 3e-8, "0.9": 1e16}, n=7),
        row("b", value=0.1, key=key("b", quantity="energy"), unit="J", method="synthetic", model_value=None,
            rails={"VCCINT": 0.11, "VCCAUX": -0.01}),
        row("c", method="model", verilog_digest=None, counters={}, run_id='quotes ", commas\nand lines'),
        row("d", method="measured", board_serial="s, 1", value=2**60)]


@pytest.fixture
def table(tmp_path):
    with CostTable(tmp_path / "a.db") as table:
        table.add(ROWS, QUESTION)
        yield table


def written(path, table):
    with open(path, "w", newline="") as file:
        if path.suffix == ".csv":
            export_csv(table.rows(), file)
        else:
            export_jsonl(table.rows(), file, table.questions())
    return path


def contents(path):
    with CostTable(path) as table:
        return [r.content() for r in table.rows()], table.questions()


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_import_is_the_inverse_of_export(table, tmp_path, suffix):
    sheet = read_sheet(written(tmp_path / f"rows{suffix}", table))
    assert import_rows(sheet, tmp_path / "b.db") == (5, 5)
    assert import_rows(sheet, tmp_path / "b.db") == (5, 0)
    rows, questions = contents(tmp_path / "b.db")
    assert rows == [r.content() for r in ROWS]
    assert [type(r["value"]) for r in rows] == [type(r.value) for r in ROWS]  # 120 is not 120.0
    assert questions == (table.questions() if suffix == ".jsonl" else {})
    with CostTable(tmp_path / "b.db") as again:
        assert written(tmp_path / f"again{suffix}", again).read_text() == (tmp_path / f"rows{suffix}").read_text()


def test_csv_from_before_rows_had_rails(table, tmp_path):
    with open(written(tmp_path / "rows.csv", table), newline="") as file:
        lines = list(csv.reader(file))
    dropped = lines[0].index("rails")
    with open(tmp_path / "old.csv", "w", newline="") as file:
        csv.writer(file).writerows(cells[:dropped] + cells[dropped + 1:] for cells in lines)
    rows = [row for _, row in read_sheet(tmp_path / "old.csv").rows]
    assert [r.content() for r in rows] == [dataclasses.replace(r, rails={}).content() for r in ROWS]
    assert "rails" not in rows[2].content() and "rails" in ROWS[2].content()


def flat(**changes):
    """CSV of a row with other texts in some cells."""
    text = io.StringIO()
    export_csv([dataclasses.replace(ROWS[0], id=1)], text)
    [cells] = csv.DictReader(io.StringIO(text.getvalue()))
    cells |= {name.replace("__", "."): value for name, value in changes.items()}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(cells), lineterminator="\n")
    writer.writeheader()
    writer.writerow(cells)
    return out.getvalue()


def line(drop=(), **changes):
    """JSON of a row, changed."""
    values = {**ROWS[0].to_dict(), **changes}
    return json.dumps({k: v for k, v in values.items() if k not in drop})


GOOD = line()


@pytest.mark.parametrize(("name", "text", "message"), [
    ("r.jsonl", f"{GOOD}\n{line(unit='ms')}", r"r\.jsonl:2: Cost row's unit must be 'cycles' for cycles, not 'ms'"),
    ("r.jsonl", f"\n{line(drop=['value'])}", r"r\.jsonl:2: Cost row must give value"),
    ("r.jsonl", line(drop=["created"]), r"r\.jsonl:1: Cost row must give created"),
    ("r.jsonl", line(key={"operator": "network"}), r"r\.jsonl:1: Cost key must give shape, accelerator, clock_hz, .*"),
    ("r.jsonl", line(colour="red"), r"r\.jsonl:1: Cost row's fields must be of .*, not colour"),
    ("r.jsonl", line(value=float("nan")), r"r\.jsonl:1: Cost row's value must be a finite number .*, not nan"),
    ("r.jsonl", line(method="guess"), r"r\.jsonl:1: Cost row's method must be one of model, .*, not 'guess'"),
    ("r.jsonl", "[]", r"r\.jsonl:1: Cost row must be a mapping with a key, not '\[\]'"),
    ("r.jsonl", GOOD[:50], r"r\.jsonl:1: Cost row must be JSON: .*"),
    ("r.jsonl", '{"question": {}, "runs": ["r1"]}', r"r\.jsonl:1: Question must be a mapping of accelerator, .*"),
    ("r.jsonl", '{"question": {}}', r"r\.jsonl:1: Cost question must be a mapping of question and runs, .*"),
    ("r.csv", flat(unit="ms"), r"r\.csv:2: Cost row's unit must be 'cycles' for cycles, not 'ms'"),
    ("r.csv", flat(value=""), r"r\.csv:2: Cost row must give value"),
    ("r.csv", flat(value="many"), r"r\.csv:2: Cost row's value must be a number, not 'many'"),
    ("r.csv", flat(value="inf"), r"r\.csv:2: Cost row's value must be a number, not 'inf'"),
    ("r.csv", flat(counters="{"), r"r\.csv:2: Cost row's counters must be JSON: .*"),
    ("r.csv", flat(key__quantity="area"), r"r\.csv:2: Cost key's quantity must be one of .*, not 'area'"),
    ("r.csv", flat(key__clock_hz="1.5"), r"r\.csv:2: Cost key's clock_hz must be of type int, not 1\.5"),
    ("r.csv", flat() + "1,2\n", r"r\.csv:3: Cost row must have 23 columns, not 2"),
    ("r.csv", "a,b\n1,2\n", r"r\.csv:1: Cost rows file must begin with the columns id,key\.operator,.*"),
    ("r.csv", flat() + '"1" 2,3\n', r"r\.csv:3: Cost rows file must be CSV: .*"),
    ("r.csv", "", r"r\.csv:1: Cost rows file must begin with the columns .*"),
    ("r.txt", "", r"Cost rows file must be a \.jsonl or \.csv file, not .*"),
])
def test_bad_files_are_refused_by_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(CodesignError) as e:
        read_sheet(tmp_path / name)
    assert re.fullmatch(message, str(e.value).replace(f"{tmp_path}/", "")) and "\n" not in str(e.value)


def refused(tmp_path, lines, message, **options):
    """Importing ``lines`` into a.db fails, and a.db is as it was; into a new table, that is not made."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(values)}\n" for values in lines))
    before = contents(tmp_path / "a.db")
    with pytest.raises(CodesignError, match=message):
        import_rows(read_sheet(path), tmp_path / "a.db", **options)
    assert contents(tmp_path / "a.db") == before


def test_contradictions_are_refused(table, tmp_path):
    new = row("new", run_id="r9")
    other = Row.from_dict({**ROWS[0].content(), "value": 121})
    refused(tmp_path, [new.to_dict(), other.to_dict()],
            r"rows\.jsonl:2: Cost row \(cycles of network a, run r1\) must be as row 1 in '.*', 120 cycles, not 121")
    refused(tmp_path, [new.to_dict(), dataclasses.replace(new, value=1).to_dict()],
            r"rows\.jsonl:2: Cost row \(cycles of network new, run r9\) must be as in .*rows\.jsonl:1, 120, not 1")
    twins = [row("twin", run_id="r9", created=str(i), value=i) for i in range(2)]  # equal layers of one run
    path = tmp_path / "twins.jsonl"
    path.write_text("".join(f"{json.dumps(r.to_dict())}\n" for r in twins))
    assert import_rows(read_sheet(path), tmp_path / "a.db") == (2, 2)
    assert import_rows(read_sheet(path), tmp_path / "a.db") == (2, 0)


def test_a_run_has_one_question(table, tmp_path):
    other = dataclasses.replace(QUESTION, board="ultra96v2").to_dict()
    new = row("new", run_id="r1").to_dict()
    refused(tmp_path, [new, {"question": other, "runs": ["r1"]}],
            r"rows\.jsonl:2: Run 'r1' must have one question, not another .* than stored in '.*a\.db'")
    refused(tmp_path, [{"question": QUESTION.to_dict(), "runs": ["r8"]}, {"question": other, "runs": ["r8"]}],
            r"rows\.jsonl:2: Run 'r8' must have one question, as in .*rows\.jsonl:1")


def test_rows_of_other_verilog_are_refused_unless_asked_for(table, tmp_path):
    new = row("new", run_id="r9", verilog_digest="v2")
    message = r"rows\.jsonl:1: Cost row \(.* run r9\) must be of Verilog v1 of accelerator [0-9a-f]{12}, not v2 \("
    refused(tmp_path, [new.to_dict()], message)  # the table's newest counts where today's is not known
    today = {new.key.accelerator: "v3"}
    refused(tmp_path, [new.to_dict()], message.replace("v1", "v3"), fresh=today)
    sheet = read_sheet(tmp_path / "rows.jsonl")
    assert import_rows(sheet, tmp_path / "a.db", fresh={new.key.accelerator: "v2"}) == (1, 1)
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(f"{json.dumps(ROWS[0].to_dict())}\n{json.dumps(new.to_dict())}\n")
    with pytest.raises(CodesignError, match=r"mixed\.jsonl:2: .* must be of Verilog v1 .*, not v2"):
        import_rows(read_sheet(mixed), tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    assert import_rows(read_sheet(mixed), tmp_path / "a.db", fresh=today) == (2, 0)  # both were there
    assert import_rows(read_sheet(mixed), tmp_path / "new.db", stale=True) == (2, 2)
    with CostTable(tmp_path / "new.db") as merged:  # apart, whatever was asked of them
        assert merged.newest(key("new"), method="simulated", verilog_digest="v1") is None
        assert len(merged.rows(verilog_digest="v2")) == 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NUMBERS = st.integers(0, 10**18) | st.floats(0, 1e299)


@given(st.lists(st.builds(row, run_id=TEXTS, value=NUMBERS, model_value=st.none() | NUMBERS, n=st.integers(1, 10**9),
                          quantiles=st.dictionaries(TEXTS, NUMBERS, max_size=2), board_serial=st.none() | TEXTS,
                          tool_versions=st.dictionaries(TEXTS, TEXTS, max_size=2), shape=TEXTS), max_size=4),
       st.sampled_from([".csv", ".jsonl"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_any_rows_come_back(tmp_path, rows, suffix):
    path = tmp_path / f"any{suffix}"
    with open(path, "w", newline="", encoding="utf-8") as file:
        (export_csv if suffix == ".csv" else export_jsonl)(rows, file)
    found = [r for _, r in read_sheet(path).rows]
    assert [json.dumps(r.content(), sort_keys=True) for r in found] == [json.dumps(r.content(), sort_keys=True)
                                                                        for r in rows]
