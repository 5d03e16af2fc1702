import dataclasses
import multiprocessing
import os
import signal
import time

import pytest

from codesign.accelerator import PRESETS
from codesign.costs import CostTable, Question, network_key, price
from codesign.costs.build import Target, build, unanswered
from codesign.costs.checking import Again, check
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.network import Network
from tests.codesign.costs.model_device import DyingDevice, ModelDevice, SlowDevice, wrong_device

CONFIG = PRESETS["tiny"]
TARGET = Target(open_device=ModelDevice, method="simulated", verilog_digest="v1", tool_versions={"tool": "1"})


def question(width):
    return Question(accelerator=CONFIG, board="ulx3s", network=Network.from_dict(
        {"name": f"n{width}", "input": [1, 4, 4], "layers": [{"conv": 6}, "shift", {"conv": width}, "average",
                                                             {"linear": 3}]}))


QUESTIONS = [question(width) for width in (4, 5, 6)]


@pytest.fixture
def table(tmp_path):
    with CostTable(tmp_path / "costs.db") as table:
        yield table


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_of_every_run_and_its_layers(table, workers):
    answered = dict(build(table, QUESTIONS, TARGET, workers=workers))
    assert set(answered) == set(QUESTIONS)
    for asked, ids in answered.items():
        graph = asked.network.graph()
        model = predict(graph, CONFIG)
        rows = [row for row in table.rows() if row.id in ids]
        assert [row.value for row in rows] == [model.cycles, *(layer.cycles for layer in model.layers)]
        assert rows[0].key == network_key(graph, CONFIG, "ulx3s") and rows[0].counters == model.counters
        assert {(row.method, row.verilog_digest) for row in rows} == {("simulated", "v1")}
        assert all(row.tool_versions == {"tool": "1"} for row in rows)
        assert {table.questions()[row.run_id] for row in rows} == {asked}
        found = price(graph, CONFIG, predict=predict, board="ulx3s", table=table, verilog_digest="v1")
        assert found.cycles == model.cycles and found.rows == (ids[0],)


def test_only_what_is_missing_runs(table):
    assert len(dict(build(table, QUESTIONS[:1], TARGET))) == 1
    assert unanswered(table, [*QUESTIONS, *QUESTIONS], TARGET) == QUESTIONS[1:]
    assert list(dict(build(table, QUESTIONS, TARGET))) == QUESTIONS[1:]
    count = len(table.rows())
    assert list(build(table, QUESTIONS, TARGET, workers=2)) == [] and len(table.rows()) == count


def test_other_verilog_runs_again_and_the_old_rows_stay(table):
    list(build(table, QUESTIONS, TARGET))
    changed = dataclasses.replace(TARGET, verilog_digest="v2")
    assert list(dict(build(table, QUESTIONS, changed))) == QUESTIONS
    assert len(table.rows(verilog_digest="v1")) == len(table.rows(verilog_digest="v2")) == len(table.rows()) / 2


@pytest.mark.parametrize("workers", [1, 2])
def test_wrong_bits_end_it_and_are_not_stored(table, workers):
    list(build(table, QUESTIONS[:1], TARGET))
    count = len(table.rows())
    wrong = dataclasses.replace(TARGET, open_device=wrong_device)
    with pytest.raises(CodesignError, match=r"^Network n[56] on tiny: Logit of image 0, class 0 must be the "):
        list(build(table, QUESTIONS, wrong, workers=workers))
    assert len(table.rows()) == count


def test_dead_workers_are_told(table):
    with pytest.raises(CodesignError, match="^Workers must not die, as with network .*: its process was ended by "):
        list(build(table, QUESTIONS, dataclasses.replace(TARGET, open_device=DyingDevice), workers=2))
    assert table.rows() == []


def test_several_images_are_one_row(table):
    [(_, ids)] = build(table, QUESTIONS[:1], dataclasses.replace(TARGET, images=5))
    whole = table.rows()[0]
    assert whole.id == ids[0] and whole.n == 5 and set(whole.quantiles) == {"0.1", "0.9"}


def test_devices_are_what_they_are_taken_for(table):
    measured = dataclasses.replace(TARGET, method="measured", board_serial="s1")
    with pytest.raises(CodesignError, match="Device must be for measured rows, not simulated ones"):
        list(build(table, QUESTIONS, measured))
    with pytest.raises(CodesignError, match="Workers must be at least 1, not 0"):
        list(build(table, QUESTIONS, TARGET, workers=0))


def test_a_built_table_is_checked_by_itself(table):
    list(build(table, QUESTIONS, TARGET))
    drifts = check(table.rows(), Again(ModelDevice, table.questions()))
    assert len(drifts) == len(table.rows()) and all(d.within(0) for d in drifts)
    [first, *_] = table.rows()
    unknown = dataclasses.replace(first, run_id="unknown")
    with pytest.raises(CodesignError, match=f"Row {first.id} .* must be of a run whose network is known"):
        check([unknown], Again(ModelDevice, table.questions()))
    assert check([unknown], Again(ModelDevice, {}, QUESTIONS))[0].within(0)
    moved = dataclasses.replace(first, key=dataclasses.replace(first.key, shape="another"))
    assert check([moved], Again(ModelDevice, table.questions()))[0].again is None


MANY = [question(width) for width in range(1, 41)]
SLOW = dataclasses.replace(TARGET, open_device=SlowDevice)


def build_many(path):
    with CostTable(path) as table:
        list(build(table, MANY, SLOW, workers=2))


def alive(pid):
    """Whether ``pid`` runs; one that ended, but has not been waited for, does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_killed_builds_go_on(tmp_path, monkeypatch):
    """kill -9 in the middle: what was done is there, whole; the workers end, too; the same call does the rest."""
    path, devices = tmp_path / "costs.db", tmp_path / "devices"
    devices.mkdir()
    monkeypatch.setenv("SLOW_DEVICES", str(devices))
    CostTable(path).close()
    doomed = multiprocessing.get_context("spawn").Process(target=build_many, args=(path,))
    doomed.start()
    deadline = time.monotonic() + 300
    while len(runs(path)) < 3:
        assert doomed.is_alive() and time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join(10)
    workers = [int(p.name) for p in devices.iterdir()]
    while any(map(alive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(workers) == 2 and doomed.pid not in workers
    before = runs(path)
    assert 3 <= len(before) < len(MANY)
    assert all(count == 1 + len(predict(before_question.network.graph(), CONFIG).layers)
               for before_question, count in before.values())
    with CostTable(path) as table:
        assert len(list(build(table, MANY, TARGET))) == len(MANY) - len(before)
        assert unanswered(table, MANY, TARGET) == []
    assert before.items() <= runs(path).items() and len(runs(path)) == len(MANY)


def runs(path):
    """Of each run in the table: its question, and how many rows it has."""
    with CostTable(path, read_only=True) as table:
        rows, questions = table.rows(), table.questions()
    return {run: (asked, sum(row.run_id == run for row in rows)) for run, asked in questions.items()}
