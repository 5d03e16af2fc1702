"""What goes wrong in a sweep is on record, and the sweep goes on; too much of it ends the sweep."""

import dataclasses
import json
import time

import pytest

from codesign.errors import CodesignError
from codesign.goals import Goals
from codesign.report import text_table, write_report
from codesign.search import run_sweep
from codesign.search.directory import SweepDirectory
from codesign.search.proposers import Proposal
from codesign.search.space import Space
from codesign.search.trials import TrialDatabase, sqlite_url, storage_url
from tests.codesign.search import sweep_tools


def sweep(out, *, train=sweep_tools.quick_train, measure=sweep_tools.measure, **changes):
    return run_sweep(sweep_tools.options(out, **{"workers": 2, **changes}),
                     sweep_tools.tools(train=train, measure=measure))


def test_diverging_trainings_are_recorded_and_passed_over(tmp_path):
    results = sweep(tmp_path / "out", train=sweep_tools.diverging_train, trials=14, trained=9, max_failures=1.0)
    failed = {c["id"]: c for c in results["candidates"] if c["status"] == "failed"}
    assert failed and all(int(c["network_digest"], 16) % 3 == 0 for c in failed.values())
    assert results["counts"]["failed"] == len(results["failures"]) and results["counts"]["measured"] >= 2
    for failure in results["failures"]:
        assert failure == {"id": failure["id"], "what": "training", "kind": "error",
                           "reason": "Training loss must stay finite, not nan (epoch 1)"}
        assert failed[failure["id"]]["reason"] == failure["reason"]
    assert all("accuracy" in c for c in results["candidates"] if c["status"] == "trained")
    again = sweep(tmp_path / "out", train=sweep_tools.never, measure=sweep_tools.never, trials=14, trained=9)
    assert again == json.loads(json.dumps(results)) or again == results  # what failed is not tried again


def test_trainings_that_really_diverge_cost_their_candidates(tmp_path):
    """With a loss that is not a number, or, where the last step alone was too long, integers that cannot be had."""
    results = sweep(tmp_path / "out", train=sweep_tools.reckless_train, trials=10, trained=6, max_failures=1.0)
    reasons = {f["reason"] for f in results["failures"]}
    loss = "Training loss must stay finite, not nan (epoch 1; try a smaller learning rate than 1e+30)"
    assert loss in reasons and all(reason == loss or reason.endswith("(the training diverged)") for reason in reasons)
    assert results["counts"]["trained"] > 0 and results["counts"]["measured"] > 0
    assert all("accuracy" not in c for c in results["candidates"] if c["status"] == "failed")


@pytest.mark.parametrize(("measure", "kind", "reason"), [
    (sweep_tools.hanging_measure, "limit", "it took longer than 3 s"),
    (sweep_tools.crashing_measure, "died", "its process was ended by signal 11 (SIGSEGV)"),
])
def test_a_simulator_that_hangs_or_crashes_costs_its_candidate(tmp_path, measure, kind, reason):
    """The next best is measured in its place."""
    out = tmp_path / "out"
    results = sweep(out, measure=measure, measure_limit_s=3.0, trained=8, finalists=3)
    assert results["failures"] and {(f["kind"], f["reason"]) for f in results["failures"]} == {(kind, reason)}
    assert results["counts"]["measured"] >= 2
    candidates = {c["id"]: c for c in results["candidates"]}
    for failure in results["failures"]:
        assert "measured" not in candidates[failure["id"]] and failure["what"] == "measurement"
    page = write_report(out, sweep_tools.DATASET()).read_text()
    assert reason in page and "What failed" in page and f"{len(results['failures'])} x" in text_table(results)


def test_too_many_failures_end_it(tmp_path):
    with pytest.raises(CodesignError, match=r"^Failures must be at most 20% of the trainings and measurements "
                                            r"\(--max-failures\), not 10 of 10; the last, Training of small-\w{8}: "
                                            "Training loss must stay finite, not nan$"):
        sweep(tmp_path / "out", train=sweep_tools.hopeless_train, trials=14, trained=14)
    with pytest.raises(CodesignError, match="Sweep must have trained and measured something: [0-9]+ failures, the "
                                            "last: Training loss must stay finite"):
        sweep(tmp_path / "all", train=sweep_tools.hopeless_train, trials=10, trained=4)


def test_a_full_disk_ends_it_and_is_no_candidates_fault(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(CodesignError, match=r"^Disk must have room, for Candidate \w+ on ulx3s-8x\d among others: "):
        sweep(out, measure=sweep_tools.full_disk_measure)
    results = sweep(out)
    assert results["failures"] == [] and results["counts"]["measured"] >= 2


def test_measured_once_stored_once(tmp_path):
    """Killed between a run's rows and its measurement, a sweep stores the measurement alone."""
    out = tmp_path / "out"
    results = sweep(out)
    before = (out / "costs.db").stat().st_size
    measured = sorted((out / "measured").iterdir())
    for path in measured[0].iterdir():
        path.unlink()
    measured[0].rmdir()
    (out / "measured" / ".half.abc").mkdir()
    again = sweep(out)
    assert again == json.loads(json.dumps(results)) or again == results
    assert (out / "costs.db").stat().st_size == before
    assert sorted((out / "measured").iterdir()) == measured


def test_killed_before_it_began(tmp_path):
    """While its first file was being written."""
    directory = SweepDirectory(tmp_path / "out")
    directory.path.mkdir()
    for name in (".lock", ".sweep.json.123"):
        (directory.path / name).write_text("{")
    with directory.opened({"seed": 1}, "title") as name:
        assert name.startswith("title-")
    assert sorted(p.name for p in directory.path.iterdir()) == [".lock", "candidates", "measured", "sweep.json"]
    with directory.opened({"seed": 1}, "title") as again:
        assert again == name


def test_the_number_of_workers_changes_nothing(tmp_path):
    """The results are the same bytes with one worker and with three."""
    expected = None
    for name, workers in (("one", 1), ("three", 3)):
        sweep(tmp_path / name, workers=workers, trials=20, trained=10)
        found = (tmp_path / name / "results.json").read_bytes()
        assert expected in (None, found)
        expected = found


@pytest.fixture
def database(tmp_path):
    database = TrialDatabase(sqlite_url(tmp_path / "study.db"), "s", sweep_tools.SPACE, Goals.of())
    yield database
    database.close()


def some(count):
    proposals, options = [], sweep_tools.SPACE
    for n in range(count):
        proposals.append(Proposal(choices=options.propose(lambda name, choices, n=n: choices[n % len(choices)])))
    return proposals


def test_trials_are_stored_once_and_keep_their_numbers(database):
    proposals = some(2)
    database.add(0, 1, proposals[:1])
    database.add(0, 1, proposals)
    trials = database.trials()
    assert [t.proposal for t in trials] == proposals and [t.number for t in trials] == [0, 1]
    assert all(t.record is None and t.generation == 0 and t.round == 1 for t in trials)
    record = {"status": "failed", "reason": "because"}
    database.finish(1, record)
    database.finish(1, {"status": "failed", "reason": "other"})  # the first stays
    assert [t.record for t in database.trials()] == [None, record]
    database.fail_final("a", {"what": "measurement"})
    database.fail_final("b", {"what": "training"})
    assert list(database.final_failures()) == ["a", "b"]


def test_lists_among_choices_come_back(tmp_path):
    values = sweep_tools.SPACE.to_dict()
    values["network"]["shift"] = ["released", ["up", "down"]]
    space = Space.from_dict(values)
    database = TrialDatabase(sqlite_url(tmp_path / "study.db"), "s", space, Goals.of())
    proposal = Proposal(choices=space.propose(lambda name, choices: choices[-1]), fidelity=0.25)
    database.add(0, 1, [proposal])
    assert database.trials()[0].proposal == proposal and proposal.choices["shift"] == ["up", "down"]
    database.close()


@pytest.mark.parametrize(("storage", "message"), [
    ("study", "Storage must be a database's URL such as postgresql://USER@HOST/NAME, not 'study'"),
    ("mysql://me:secret@host/db", r"Storage must be a postgresql:// or sqlite:// URL, not mysql://me:\*\*\*@host/db"),
])
def test_bad_storages_are_refused(tmp_path, storage, message):
    with pytest.raises(CodesignError, match=message):
        storage_url(storage)
    with pytest.raises(CodesignError, match=message):
        dataclasses.replace(sweep_tools.options(tmp_path), storage=storage).settings()


@pytest.mark.parametrize(("change", "needed", "message"), [
    ({"storage": "sqlite:////no/such/folder/study.db"}, "optuna",
     r"Database of trials sqlite:.* must be usable: unable"),
    ({"storage": "postgresql://me:secret@localhost:1/db"}, "psycopg",
     r"Database of trials postgresql\+psycopg://me:\*\*\*@localhost:1/db must be usable: .*refused"),
    ({"ray": "localhost:1"}, "ray", "Ray address must be a cluster's, not 'localhost:1': "),
])
def test_a_wrong_address_leaves_nothing_behind(tmp_path, change, needed, message):
    """Told at once, and the same command with the right one is not another sweep."""
    pytest.importorskip(needed, reason="needs codesign[cluster]")
    began = time.monotonic()
    with pytest.raises(CodesignError, match=f"^{message}"):
        run_sweep(sweep_tools.options(tmp_path / "out", **change), sweep_tools.tools())
    assert not (tmp_path / "out").exists() and time.monotonic() - began < 20


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "study.db").write_text("not a database, but long enough to be looked at" * 100)
    with pytest.raises(CodesignError, match=r"^Database of trials sqlite:///.*study\.db must be usable: .*not a datab"):
        TrialDatabase(sqlite_url(tmp_path / "study.db"), "s", sweep_tools.SPACE, Goals.of())


@pytest.mark.parametrize(("change", "message"), [
    ({"search": "luck"}, "Search must be one of tpe, .*, random, not 'luck'"),
    ({"max_failures": 2}, r"Sweep max_failures must be a share in 0\.\.1, not 2"),
    ({"measure_limit_s": 0}, "Sweep measure_limit_s must be seconds above 0, not 0"),
])
def test_bad_options_are_refused(tmp_path, change, message):
    with pytest.raises(CodesignError, match=message):
        sweep_tools.options(tmp_path, **change)
