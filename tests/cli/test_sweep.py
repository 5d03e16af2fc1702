"""One small sweep through the real trainer, generator and simulator, and what the other commands make of it."""

import contextlib
import csv
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from contextlib import ExitStack

import pytest
import yaml

from codesign.board import load_board
from codesign.boards.host_board import HostBoard
from codesign.boards.link import Link
from codesign.boards.port import open_port
from codesign.costs import CostTable, Row
from codesign.search import Space, load_space

from .conftest import SCRIPT, run_codesign


def few() -> dict:
    """The built-in space cut down to small networks on one accelerator."""
    space = load_space("digits").to_dict()
    cut = {key: values[:2] for key, values in space["network"].items() if key != "stage"}
    stage = {key: values[:2] for key, values in space["network"]["stage"].items()}
    return {**space, "name": "few", "network": {**cut, "stages": [1], "stage": stage},
            "accelerator": {key: values[:1] for key, values in space["accelerator"].items()}, "share": [0.5],
            "budget": {"cycles": 1_000_000}}


SWEEP = ["sweep", "--out", "sweep", "--space", "few.yaml", "--trials", 8, "--trained", 4, "--finalists", 1, "--epochs",
         1, "--final-epochs", 1, "--workers", 1, "--learning-rate", 0.02]


def interrupt(directory):
    """Begin the sweep on a terminal, and press Ctrl-C there when the first training is done."""
    keyboard, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 40, 100, 0, 0))
    with subprocess.Popen([SCRIPT, *map(str, SWEEP)], cwd=directory, stdin=terminal, stdout=subprocess.PIPE,
                          stderr=terminal, start_new_session=True, env={**os.environ, "TERM": "xterm"},
                          preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) as process:
        os.close(terminal)
        seen = ""
        while "valid." not in seen:
            assert process.poll() is None, seen
            seen += os.read(keyboard, 4096).decode(errors="replace")
        os.write(keyboard, b"\x03")
        with contextlib.suppress(OSError):  # the terminal's end
            while more := os.read(keyboard, 4096):
                seen += more.decode(errors="replace")
        assert process.stdout.read() == b""
    os.close(keyboard)
    assert process.returncode == 130, seen
    return seen


def test_on_a_terminal_it_shows_how_far_it_is(swept):
    _, _, seen = swept
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert "few on ulx3s by nsga2   round 1 of 2, searching" in text and re.search(r"pairs priced .* of 8", text)
    assert re.search(r"networks trained .* 1 of 4 +\d+\.\d a minute", text) and re.search(r"about \d+ \w+ left", text)
    assert re.search(r"[0-9a-f]{8}: \d+\.\d% valid\., [\d,]+ cycles", text) and "front: 1 by validation" in text
    assert max(map(len, text.replace("\r", "\n").splitlines())) <= 100
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")  # the cursor is back
    assert "Traceback" not in text
    assert text.splitlines()[-3:] == ["sweep: the same command continues the sweep", "", "codesign: interrupted"]


def test_elsewhere_it_writes_lines(swept):
    _, result, _ = swept
    assert "\x1b" not in result.stderr and "\r" not in result.stderr
    assert re.search(r"^round 2, searching: 8 of 8 pairs priced, \d networks trained, \d measured", result.stderr, re.M)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """(directory, the run that continued and ended it, what the interrupted one showed)."""
    directory = tmp_path_factory.mktemp("sweep")
    (directory / "few.yaml").write_text(yaml.safe_dump(few()))
    seen = interrupt(directory)
    return directory, run_codesign(*SWEEP, cwd=directory, check=True), seen


def test_ends_with_the_front_and_the_report(swept):
    directory, result, _ = swept
    report = re.search(r"^report: (.*/sweep/report\.html)$", result.stdout, re.M)
    assert report and "<img src=\"data:image/" in (directory / "sweep" / "report.html").read_text()
    assert re.search(r"^[0-9a-f]{8} .* simulated ", result.stdout, re.M)
    results = json.loads((directory / "sweep" / "results.json").read_text())
    assert results["counts"]["priced"] == 8
    assert results["counts"]["measured"] >= 1 and results["test_images"] == 360
    for candidate in results["candidates"]:
        if "measured" in candidate:
            assert candidate["measured"]["cycles"] == candidate["measured"]["model_cycles"]


def test_finished_sweep_is_shown_again(swept):
    directory, result, _ = swept
    again = run_codesign(*SWEEP, cwd=directory, check=True)
    assert again.stdout == result.stdout
    other = run_codesign(*SWEEP, "--seed", 1, cwd=directory)
    assert other.returncode == 1
    assert re.search(r"codesign sweep: Sweep seed must be as the sweep in 'sweep' was begun, 0, not 1", other.stderr)
    other = run_codesign(*SWEEP, "--teacher", 2, cwd=directory)
    assert "Sweep recipe teacher_width must be as the sweep in 'sweep' was begun, 0, not 2" in other.stderr


def test_report(swept):
    directory, result, _ = swept
    (directory / "sweep" / "report.html").unlink()
    again = run_codesign("report", "sweep", cwd=directory, check=True)
    assert again.stdout == result.stdout
    assert (directory / "sweep" / "report.html").exists()


def test_another_sweep_begins_with_its_rows(swept, tmp_path):
    """Simulated ones here, which say what the model says: a price rests on them where a layer has one."""
    shutil.copytree(swept[0] / "sweep", tmp_path / "yesterday")
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(few()))
    words = [*(word if word != "sweep" or not i else "today" for i, word in enumerate(SWEEP)), "--seed", 1]
    result = run_codesign(*words, "--costs", "yesterday", cwd=tmp_path, check=True)
    results = json.loads((tmp_path / "today" / "results.json").read_text())
    before, after = (json.loads(run_codesign("costs", "show", name, "--json", cwd=tmp_path, check=True).stdout)["rows"]
                     for name in ("yesterday", "today"))
    assert f"begun with {len(before)} rows of ulx3s" in result.stderr and after[:len(before)] == before
    first = [c["price"] for c in results["candidates"] if c["round"] == 1]
    assert results["footing"]["1"].get("simulated", 0) == sum(bool(price["rows"]) for price in first) > 0
    assert {id for price in first for id in price["rows"]} <= {row["id"] for row in before}
    assert "--costs yesterday" in (tmp_path / "today" / "report.html").read_text()
    run_codesign("costs", "check", "today", "--sample", 3, cwd=tmp_path, check=True)

    (tmp_path / "yesterday").rename(tmp_path / "elsewhere")
    gone = run_codesign(*words, "--costs", "yesterday", cwd=tmp_path)
    assert gone.returncode == 1 and gone.stderr == "codesign sweep: Cost table 'yesterday' must exist\n"
    again = run_codesign(*words, "--costs", "elsewhere/costs.db", cwd=tmp_path, check=True)
    assert again.stdout == result.stdout
    without = run_codesign(*words, cwd=tmp_path)
    assert without.returncode == 1 and "Sweep costs must be as the sweep in 'today' was begun" in without.stderr
    best = next(c for c in results["candidates"] if "measured" in c)
    (tmp_path / "elsewhere").rename(tmp_path / "yesterday")
    for name, more in (("a", []), ("b", ["--retrain"])):
        run_codesign("rebuild", "today", best["id"], "--out", tmp_path / name, *more, cwd=tmp_path, check=True)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def files(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "manifest.json"}


def test_rebuilds_the_same_bytes(swept, tmp_path):
    """From the sweep's model, and from nothing: no cache, weights trained again, another hash seed."""
    directory, result, _ = swept
    results = json.loads((directory / "sweep" / "results.json").read_text())
    best = next(c for c in results["candidates"] if "measured" in c)
    assert "\ncodesign rebuild sweep CANDIDATE --out DIR" in result.stdout
    page = (directory / "sweep" / "report.html").read_text()
    assert f"codesign rebuild sweep {best['id'][:8]} --out" in page
    assert re.search(r"codesign sweep --out sweep .*--seed 0 .*--learning-rate 0\.02", page)
    first = json.loads(run_codesign("rebuild", "sweep", best["id"][:8], "--out", tmp_path / "a", "--json",
                                    cwd=directory, check=True).stdout)
    run_codesign("rebuild", "sweep", best["id"][:8], "--out", tmp_path / "b", "--retrain", cwd=directory, check=True,
                 CODESIGN_CACHE=str(tmp_path / "cache"), PYTHONHASHSEED="7")
    assert files(tmp_path / "a") == files(tmp_path / "b") and "accelerator.v" in files(tmp_path / "a")
    run_codesign("generate", directory / "sweep" / best["measured"]["model"], "--accelerator",
                 tmp_path / "a" / "accelerator.yaml", "--out", tmp_path / "c", cwd=tmp_path, check=True)
    assert files(tmp_path / "c") == files(tmp_path / "a")
    assert first["digests"]["rtl"] == best["measured"]["verilog_digest"]
    assert first["digests"]["model"] == best["measured"]["model_digest"]


def test_rebuilds_what_was_trained_but_not_measured(swept, tmp_path):
    directory, *_ = swept
    results = json.loads((directory / "sweep" / "results.json").read_text())
    for name, words in (("a", []), ("b", ["--retrain"])):
        found = [c for c in results["candidates"] if c["status"] == "trained" and "measured" not in c]
        run_codesign("rebuild", "sweep", found[0]["id"], "--out", tmp_path / name, *words, cwd=directory, check=True)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_rebuild_says_what_is_not_the_sweeps(swept, tmp_path):
    directory, *_ = swept
    sweep = shutil.copytree(directory / "sweep", tmp_path / "sweep")
    results = json.loads((sweep / "results.json").read_text())
    best = next(c for c in results["candidates"] if "measured" in c)
    priced = next(c for c in results["candidates"] if "model" not in c)
    best["measured"]["verilog_digest"] = "0" * 64
    results["versions"]["amaranth"] = "0.4"
    (sweep / "results.json").write_text(json.dumps(results))
    for candidate, message in (
            (best["id"], r"Verilog must be the sweep's, 0{16}, not \w{16}: amaranth [\w.]+ now, 0\.4 then"),
            (priced["id"], r"Candidate must have been trained, not only priced as \w+ was \(.*\)"),
            ("nobody", "Candidate must be one of the sweep's, not 'nobody', which 0 are")):
        failed = run_codesign("rebuild", "sweep", candidate, "--out", "out", cwd=tmp_path)
        assert failed.returncode == 1 and re.fullmatch(f"codesign rebuild: {message}\n", failed.stderr), failed.stderr
        assert not (tmp_path / "out").exists()


def test_costs_show_and_check(swept):
    directory, *_ = swept
    rows = json.loads(run_codesign("costs", "show", "sweep", "--json", cwd=directory, check=True).stdout)["rows"]
    assert {row["state"] for row in rows} == {"fresh"}
    assert {row["method"] for row in rows} == {"simulated"}
    result = run_codesign("costs", "check", "sweep", "--json", cwd=directory, check=True)
    checked = json.loads(result.stdout)
    assert checked["ok"] and len(checked["rows"]) == min(20, len(rows))
    assert all(row["value"] == row["again"] for row in checked["rows"])


def test_costs_show_prices_from_a_sweeps_rows(swept, tmp_path):
    directory, *_ = swept
    results = json.loads((directory / "sweep" / "results.json").read_text())
    best = next(c for c in results["candidates"] if "measured" in c)
    (tmp_path / "best.yaml").write_text(yaml.safe_dump(best["network"]))
    price = json.loads(run_codesign("costs", "show", "sweep", "--network", tmp_path / "best.yaml", "--json",
                                    cwd=directory, check=True).stdout)
    assert price["accelerator_digest"] == best["accelerator_digest"] and price["board"] == "ulx3s"
    assert price["cycles"] == price["model_cycles"] == best["measured"]["cycles"]
    assert price["mix"] == {"simulated": price["cycles"]} and price["rows"] and price["low"] is None


def test_wrong_row_is_found(swept, tmp_path):
    directory, *_ = swept
    shutil.copytree(directory / "sweep", tmp_path / "sweep")
    with CostTable(tmp_path / "sweep" / "costs.db") as table:
        row = next(r for r in table.rows() if r.key.operator == "network")
        table.add([Row.from_dict({**row.content(), "value": row.value + 1})])
    result = run_codesign("costs", "check", "sweep", "--operator", "network", cwd=tmp_path)
    assert result.returncode == 1
    assert re.search(r" 1 off by more than 0\.00%$", result.stdout.strip())


def test_costs_export(swept, tmp_path):
    directory, *_ = swept
    run_codesign("costs", "export", "sweep", "--out", tmp_path / "rows.csv", cwd=directory, check=True)
    run_codesign("costs", "export", "sweep", "--out", tmp_path / "rows.jsonl", cwd=directory, check=True)
    with open(tmp_path / "rows.csv", newline="") as file:
        flat = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    full = [values for values in lines if "question" not in values]
    assert lines[-1]["question"]["board"] == "ulx3s" and lines[-1]["runs"] == [full[-1]["run_id"]]
    assert [float(row["value"]) for row in flat] == [row["value"] for row in full]
    run_codesign("costs", "import", "rows.db", "rows.jsonl", cwd=tmp_path, check=True)
    result = run_codesign("costs", "check", "rows.db", "--sample", 3, cwd=tmp_path, check=True)  # without the sweep
    assert result.stdout.endswith("\n3 rows checked, 0 off by more than 0.00%\n")
    again = run_codesign("costs", "export", "sweep", "--out", tmp_path / "rows.csv", cwd=directory)
    assert again.returncode == 1
    assert re.fullmatch(r"codesign costs: Export must not exist yet, not '.*rows\.csv' which does\n", again.stderr)


def test_candidate_is_a_model(swept):
    directory, *_ = swept
    model = sorted((directory / "sweep" / "candidates").glob("*-search"))[0]
    result = run_codesign("estimate", model, "--accelerator", "tiny", "--json", cwd=directory, check=True)
    assert json.loads(result.stdout)["cycles"] > 0


@pytest.mark.parametrize("device", ["serial", "host", pytest.param("virtual", marks=pytest.mark.virtual)])
def test_finalists_on_the_firmware(tmp_path, device):
    """A sweep's finalists run on a board's firmware, over its serial line; the next round is priced from that."""
    space = few()
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(space))
    config, = Space.from_dict(space).configs(load_board("ulx3s"))
    words = [*SWEEP, "--power-samples", 10, "--device", device]
    with ExitStack() as stack:
        if device == "serial":
            board = stack.enter_context(HostBoard(config))
            words += ["--port", board.port, "--baud", 4000000]
        run_codesign(*words, cwd=tmp_path, check=True)
        if device == "serial":
            with open_port(board.port) as port:
                assert Link(port).request("statistics")["runs"] >= 360
    results = json.loads((tmp_path / "sweep" / "results.json").read_text())
    with CostTable(tmp_path / "sweep" / "costs.db", read_only=True) as table:
        rows = table.rows()
    first = [c for c in results["candidates"] if "measured" in c and c["measured"]["round"] == 1]
    told = {id for c in first for id in c["measured"]["rows"]}
    later = [c for c in results["candidates"] if c["round"] == 2 and c["price"]["rows"]]
    assert first and later and {c["price"]["method"] for c in later} == {"simulated"}
    assert all(set(c["price"]["rows"]) <= told for c in later)
    assert results["footing"]["2"]["simulated"] == len(later)
    cycles = {row.id: row.value for row in rows if row.method == "simulated"}
    assert all(part["cycles"] == cycles[id] for c in later for part in c["price"]["parts"] for id in part["rows"])
    power = [row for row in rows if row.method == "synthetic"]  # the sensors are a model's
    assert {row.key.quantity for row in power} == {"power_idle", "power_active", "energy"}
    rails = {frozenset(row.rails) for row in power}
    assert rails == {frozenset({"CORE", "MEMORY"})} or device == "virtual" and "VCCINT" in next(iter(rails))
    assert device != "serial" or all(row.board_serial == board.port for row in power)
    assert {row.method for row in rows} == {"simulated", "synthetic"}
    assert all(c["measured"]["power_problem"] is None for c in first)


@pytest.mark.parametrize("words", [["--device", "serial"], ["--device", "host", "--port", "/dev/ttyUSB1"]])
def test_a_port_goes_with_a_serial_device(tmp_path, words):
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(few()))
    result = run_codesign(*SWEEP, *words, cwd=tmp_path)
    assert result.returncode == 1 and "Sweep must have a --port where --device is serial" in result.stderr
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("words, message", [
    (["--mirror"], "Augmentation of digits must not mirror: mirrored, its classes are others"),
    (["--training-device", "cuda:99"], "Training device must be one that is here (")])
def test_trainings_that_cannot_be_are_told_first(tmp_path, words, message):
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(few()))
    result = run_codesign(*SWEEP, *words, cwd=tmp_path)
    assert result.returncode == 1 and result.stderr.startswith(f"codesign sweep: {message}")
    assert not (tmp_path / "sweep").exists()
