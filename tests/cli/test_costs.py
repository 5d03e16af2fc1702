"""Cost tables from the command line, on the simulated accelerator."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from codesign.costs import CostTable
from tests.mutants import MUTANTS, copy_project

from .conftest import SCRIPT, call_codesign, run_codesign
from .test_sweep import few

NETWORKS = {f"n{width}": f"name: n{width}\ninput: [1, 8, 8]\nlayers: [{{conv: {width}}}, pool, {{conv: 6}}, average, "
                         "{linear: 10}]\n" for width in range(4, 9)}
BUILD = ["costs", "build", "--board", "ulx3s", "--accelerator", "tiny", "--out", "t.db", "--workers", "1"]
ALL = [*BUILD, *(word for name in NETWORKS for word in ("--network", f"{name}.yaml"))]


def write_networks(directory):
    for name, text in NETWORKS.items():
        (directory / f"{name}.yaml").write_text(text)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A directory with t.db, of all NETWORKS."""
    directory = tmp_path_factory.mktemp("costs")
    write_networks(directory)
    result = json.loads(run_codesign(*ALL, "--workers", "2", "--json", cwd=directory, check=True).stdout)
    assert (result["runs"], result["there_before"], result["method"]) == (5, 0, "simulated")
    return directory


@pytest.fixture
def copy(built, tmp_path):
    shutil.copytree(built, tmp_path / "copy")
    return tmp_path / "copy"


def error(*words, cwd):
    result = call_codesign(*words, cwd=cwd)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr.strip()


def test_built_rows_are_fresh_and_equal_the_model(built):
    rows = json.loads(call_codesign("costs", "show", "t.db", "--json", cwd=built, check=True).stdout)["rows"]
    assert len(rows) == 5 * 4
    assert all(row["value"] == row["model_value"] and row["state"] == "fresh" for row in rows)
    assert {row["method"] for row in rows} == {"simulated"} and {row["key"]["board"] for row in rows} == {"ulx3s"}


def test_second_call_does_nothing(copy):
    before = (copy / "t.db").read_bytes()
    again = call_codesign(*ALL, cwd=copy, check=True)
    assert again.stdout == "t.db: 0 simulated rows of 0 runs added, 5 runs were there\n"
    assert (copy / "t.db").read_bytes() == before


def test_killed_build_goes_on(built, tmp_path):
    write_networks(tmp_path)
    with subprocess.Popen([SCRIPT, *ALL, "--workers", "2"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        seen = ""
        while not re.search(r"[1-4]/5", seen):
            seen += process.stderr.read(1)
            assert process.poll() is None, seen
        process.kill()
    with CostTable(tmp_path / "t.db", read_only=True) as table:
        runs = len(table.questions())
        assert runs >= 1 and len(table.rows()) == 4 * runs
    result = json.loads(run_codesign(*ALL, "--json", cwd=tmp_path, check=True).stdout)
    assert result["there_before"] == runs and result["runs"] == 5 - runs
    with CostTable(tmp_path / "t.db", read_only=True) as table, CostTable(built / "t.db", read_only=True) as whole:
        assert {(r.key, r.value) for r in table.rows()} == {(r.key, r.value) for r in whole.rows()}


def test_interrupted_build_goes_on(tmp_path):
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(few()))
    words = ["costs", "build", "--board", "ulx3s", "--accelerator", "tiny", "--space", "few.yaml", "--out", "t.db"]
    with subprocess.Popen([SCRIPT, *words, "--workers", "2"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        seen = ""
        while not re.search(r" [1-9]\d*/\d+ ", seen):
            seen += process.stderr.read(1)
            assert process.poll() is None, seen
        os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C, to the workers too
        seen += process.communicate(timeout=60)[1]
    assert process.returncode == 130 and seen.splitlines()[-1] == "codesign: interrupted" and "Traceback" not in seen
    result = json.loads(run_codesign(*words, "--json", cwd=tmp_path, check=True).stdout)
    assert result["there_before"] >= 1 and result["there_before"] + result["runs"] == result["networks"]
    assert result["layer_classes"] >= result["networks"]
    assert run_codesign("costs", "check", "t.db", "--sample", 3, cwd=tmp_path).returncode == 0


def test_check_finds_drift_and_names_the_row(copy):
    result = call_codesign("costs", "check", "t.db", "--json", cwd=copy, check=True)
    checked = json.loads(result.stdout)
    assert checked["ok"] and len(checked["rows"]) == 20 and {row["state"] for row in checked["rows"]} == {"fresh"}
    with CostTable(copy / "t.db") as table:
        first, *_, last = table.rows()
        wrong = {**first.content(), "value": first.value + 1}
        gone = {**last.content(), "key": {**wrong["key"], "shape": "another"}}
        ids = table.add([type(first).from_dict(values) for values in (wrong, gone)])
    result = call_codesign("costs", "check", "t.db", "--sample", 100, cwd=copy)
    assert result.returncode == 1 and result.stdout.endswith("\n22 rows checked, 2 off by more than 0.00%\n")
    lines = {line.split()[0]: line for line in result.stdout.splitlines()[:-2]}
    assert re.search(r"-0\.\d\d% +fresh$", lines[str(ids[0])]) and "no such layer  -" in lines[str(ids[1])]


def test_rows_of_other_verilog_are_shown_stale_and_made_again(copy):
    (copy / "rows.jsonl").unlink(missing_ok=True)
    call_codesign("costs", "export", "t.db", "--out", "rows.jsonl", cwd=copy, check=True)
    lines = [json.loads(line) for line in (copy / "rows.jsonl").read_text().splitlines()]
    old = [{**line, "verilog_digest": "0" * 64} if "key" in line else line for line in lines]
    (copy / "old.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in old))
    assert re.fullmatch(r"codesign costs: old\.jsonl:1: Cost row \(cycles of network .*\) must be of Verilog "
                        r"[0-9a-f]{12} of accelerator [0-9a-f]{12}, not 000000000000 \(--stale takes such rows, too\)",
                        error("costs", "import", "old.db", "old.jsonl", cwd=copy))
    assert not (copy / "old.db").exists()
    call_codesign("costs", "import", "old.db", "old.jsonl", "--stale", cwd=copy, check=True)
    rows = json.loads(call_codesign("costs", "show", "old.db", "--json", cwd=copy, check=True).stdout)["rows"]
    assert {row["state"] for row in rows} == {"stale"}
    assert re.search("must have at least one row .* not none", error(
        "costs", "export", "old.db", "--out", "lut.yaml", cwd=copy))
    again = call_codesign(*(word if word != "t.db" else "old.db" for word in ALL), cwd=copy, check=True)
    assert again.stdout == "old.db: 20 simulated rows of 5 runs added, 0 runs were there\n"
    call_codesign("costs", "export", "old.db", "--out", "lut.yaml", cwd=copy, check=True)
    call_codesign("costs", "export", "old.db", "--verilog", "000000", "--out", "old.yaml", cwd=copy, check=True)
    fresh, stale = (yaml.safe_load((copy / name).read_text()) for name in ("lut.yaml", "old.yaml"))
    assert fresh == stale and "# verilog_digest: 000000" in (copy / "old.yaml").read_text()


def test_changed_rtl_makes_rows_stale(built, tmp_path):
    """What changes the emitted Verilog does, what does not (a comment), does not."""
    copy_project(tmp_path / "project")
    path = tmp_path / "project" / "codesign" / "rtl" / "pe.py"
    source = path.read_text()
    mutant = next(m for m in MUTANTS if m.component == "pe")
    states = {}
    for change, text in {"comment": source + "# says nothing new\n",
                         "logic": source.replace(mutant.old, mutant.new, 1)}.items():
        path.write_text(text)
        result = subprocess.run([sys.executable, "-m", "codesign", "costs", "show", built / "t.db", "--json"],
                                cwd=tmp_path / "project", capture_output=True, text=True, check=True,
                                env={**os.environ, "PYTHONPATH": str(tmp_path / "project"),
                                     "CODESIGN_CACHE": str(tmp_path / "cache")})
        states[change] = {row["state"] for row in json.loads(result.stdout)["rows"]}
    assert states == {"comment": {"fresh"}, "logic": {"stale"}}


def test_import_refuses_what_contradicts_and_changes_nothing(copy):
    call_codesign("costs", "export", "t.db", "--out", "rows.csv", cwd=copy, check=True)
    text = (copy / "rows.csv").read_text()
    call_codesign("costs", "import", "t.db", "rows.csv", cwd=copy, check=True)
    before = (copy / "t.db").read_bytes()
    lines = text.splitlines(keepends=True)
    value = lines[3].split(",cycles,simulated,")[0].rsplit(",", 1)[1]
    lines[3] = lines[3].replace(f",{value},", f",{int(value) + 1},")
    (copy / "wrong.csv").write_text("".join(lines))
    line = error("costs", "import", "t.db", "wrong.csv", cwd=copy)
    assert re.fullmatch(r"codesign costs: wrong\.csv:4: Cost row \(cycles of .*\) must be as row 3 in 't\.db', "
                        rf"{value} cycles, not {int(value) + 1}", line)
    (copy / "unit.csv").write_text(text.replace(",cycles,simulated,", ",ms,simulated,", 1))
    assert error("costs", "import", "t.db", "unit.csv", cwd=copy) == (
        "codesign costs: unit.csv:2: Cost row's unit must be 'cycles' for cycles, not 'ms'")
    assert (copy / "t.db").read_bytes() == before


def test_lookup_tables(copy):
    call_codesign("costs", "export", "t.db", "--out", "lut.yaml", cwd=copy, check=True)
    lut = yaml.safe_load((copy / "lut.yaml").read_text())
    with CostTable(copy / "t.db", read_only=True) as table:
        rows = table.rows()
    linear = {row.value / row.key.clock_hz * 1e3 for row in rows if row.key.operator == "linear"}
    assert min(linear) <= lut["Logits-input:1x1x6-output:10"]["mean"] <= max(linear)
    assert lut["Logits-input:1x1x6-output:10"]["count"] == 5
    assert {f"Conv-input:8x8x1-output:4x4x{width}" for width in range(4, 9)} < set(lut)
    call_codesign("costs", "export", "t.db", "--out", "me-op_lut_database.json", cwd=copy, check=True)
    records = [json.loads(line) for line in (copy / "me-op_lut_database.json").read_text().splitlines()]
    assert len(records) == len(lut) and {record["device"] for record in records} == {"me"}
    source = json.loads((copy / "me-op_lut_database.json.source.json").read_text())
    assert source["method"] == "simulated" and source["layers"] == 15
    other = ["ultra96v2" if word == "ulx3s" else word for word in BUILD]
    call_codesign(*other, "--network", "n4.yaml", cwd=copy, check=True)
    line = error("costs", "export", "t.db", "--out", "two.yaml", cwd=copy)
    assert re.search(r"must be of one board, not ulx3s, ultra96v2 \(--board picks one\)$", line)
    for accelerator in ("tiny", rows[0].key.accelerator[:8]):
        (copy / "two.yaml").unlink(missing_ok=True)
        call_codesign("costs", "export", "t.db", "--accelerator", accelerator, "--board", "ulx3s", "--out", "two.yaml",
                     cwd=copy, check=True)
        assert yaml.safe_load((copy / "two.yaml").read_text()) == lut
    line = error("costs", "export", "t.db", "--accelerator", "ulx3s", "--out", "none.yaml", cwd=copy)
    assert "must have at least one row" in line and not (copy / "none.yaml").exists()


def test_damaged_table_ends_every_command_in_one_line(copy):
    os.truncate(copy / "t.db", (copy / "t.db").stat().st_size // 2)
    before = (copy / "t.db").read_bytes()
    for words in (["show", "t.db"], ["check", "t.db"], ["export", "t.db", "--out", "rows.csv"],
                  [*ALL[1:]], ["import", "t.db", "n4.yaml"]):
        line = error("costs", *words, cwd=copy)
        assert "must be an intact SQLite file, not a damaged one" in line or words[0] == "import"
    assert (copy / "t.db").read_bytes() == before and not (copy / "rows.csv").exists()


def test_locked_table_is_told(copy):
    started = time.monotonic()
    with CostTable(copy / "t.db") as table, table.writing():
        result = run_codesign("costs", "show", "t.db", cwd=copy)  # readers need not wait
    assert result.returncode == 0 and time.monotonic() - started < 25
