"""Sweeps with objectives and constraints that a person stated."""

import json
import re

import optuna
import pytest

from codesign.cli.sweep import command_line
from codesign.errors import CodesignError
from codesign.goals import Goals
from codesign.report import load_results, text_table, write_report
from codesign.search import run_sweep
from tests.codesign.search import sweep_tools

STATED = {"objectives": ("params", "latency-ms", "accuracy"),
          "constraints": {"max-luts": 11_000, "min-accuracy": 0.12, "max-latency-ms": 0.015, "max-share": 0.3}}


@pytest.fixture(scope="module")
def stated(tmp_path_factory):
    """(directory, results) of a sweep with goals of its own; trainings draw their weights."""
    out = tmp_path_factory.mktemp("stated") / "out"
    return out, run_sweep(sweep_tools.options(out, trials=14, trained=10, **STATED),
                          sweep_tools.tools(train=sweep_tools.quick_train))


def test_what_misses_a_constraint_that_the_model_knows_is_not_trained(stated):
    _, results = stated
    goals, seen = Goals.of_settings(results["settings"]), set()
    for c in results["candidates"]:
        missed = goals.missed(c)
        seen.add(bool(missed))
        assert (c["status"] == "over budget") == bool(missed)
        if missed:
            assert "accuracy" not in c and c["reason"] == goals.reason(c) and c["violation"] == goals.violation(c)
            assert re.search("max-latency-ms 0.015$|max-luts 11,000$", c["reason"])
        else:  # the smaller array is taken where the larger is too large
            assert c["resources"]["lut"] <= 11_000 and c["accelerator"]["cols"] == 4
    assert seen == {True, False}


def test_the_front_is_of_the_objectives_and_of_what_meets_the_constraints(stated):
    _, results = stated
    trained = [c for c in results["candidates"] if c["status"] == "trained"]
    front = {e["id"] for e in results["front"] if e["on_front"]}
    met = [c for c in trained if c["accuracy"] >= 0.12]
    assert met and len(met) < len(trained)

    def losses(c):
        return -c["accuracy"], c["price"]["cycles"], c["weights"]

    def beats(a, b):
        return all(x <= y for x, y in zip(losses(a), losses(b), strict=True)) and losses(a) != losses(b)

    best = {c["id"] for c in met if not any(beats(other, c) for other in met)}
    assert {losses(c) for c in trained if c["id"] in front} == {losses(c) for c in trained if c["id"] in best}
    for entry in results["front"]:
        c = next(c for c in trained if c["id"] == entry["id"])
        lowest = min(c["accuracy"], c.get("measured", c)["accuracy"])
        assert ("min-accuracy" in entry["misses"]) == (lowest < 0.12)


def test_tables_and_page_show_what_was_wanted(stated):
    out, results = stated
    table = text_table(results)
    assert "objectives: most accuracy, least latency-ms, least params; constraints: min-accuracy 12.00%, " in table
    heading = table.splitlines()[0].split()
    assert {"ms/image", "weights", "board"} <= set(heading) and "FF" not in heading
    page = write_report(out, sweep_tools.DATASET()).read_text()
    assert "max-latency-ms 0.015" in page and "<th>ms/image</th>" in page and "<th>board*</th>" in page
    drawn = re.findall(r'class="plot" role="img" aria-label="Accuracy against ([^:,]*)', page)
    assert drawn == ["ms an image", "uJ an image (estimate)", "LUTs (estimate)", "DSPs (estimate)",
                     "BRAM18s (estimate)", "share of the scarcest resource", "weights"]


def test_the_study_has_the_objectives(stated):
    out, results = stated
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{out / 'study.db'}")
    assert study.metric_names == ["accuracy", "latency-ms", "params"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    by_trial = {c["trial"]: c for c in results["candidates"]}
    done = [t for t in study.trials if t.state.name == "COMPLETE" and t.number in by_trial]
    assert done
    for trial in done:
        c = by_trial[trial.number]
        assert trial.values == pytest.approx(
            [c.get("accuracies", [c["accuracy"]])[0], 1000 * c["price"]["cycles"] / c["accelerator"]["clock_hz"],
             c["weights"]])


def test_continued_with_other_goals_it_ends_in_a_line(stated):
    out, results = stated
    again = run_sweep(sweep_tools.options(out, trials=14, trained=10, **{
        **STATED, "objectives": ("accuracy", "params", "latency-ms")}),  # the order says nothing
        sweep_tools.tools(train=sweep_tools.never, measure=sweep_tools.never))
    assert json.loads(json.dumps(again)) == load_results(out)
    with pytest.raises(CodesignError, match=r'^Sweep objectives must be as the sweep in .* was begun, \["accuracy", '
                                            r'"latency-ms", "params"\], not \["accuracy", "cycles", "luts"\]'):
        run_sweep(sweep_tools.options(out, trials=14, trained=10, constraints=STATED["constraints"]),
                  sweep_tools.tools())
    with pytest.raises(CodesignError, match=r"^Sweep constraints max-latency-ms must be .* begun, 0.015, not null"):
        run_sweep(sweep_tools.options(out, trials=14, trained=10, objectives=STATED["objectives"]),
                  sweep_tools.tools())


def test_the_printed_command_says_what_was_wanted(stated):
    _, results = stated
    line = command_line(results["settings"], out="out")
    assert "--max-latency-ms 0.015" in line and "--min-accuracy 0.12" in line and "--max-luts 11000" in line
    assert line.count("--objective ") == 3 and "--objective params" in line
    assert "--objective" not in command_line(sweep_tools.options(stated[0]).settings(), out="out")


def test_halving_trains_all_that_is_due(tmp_path):
    """However few pairs are wanted."""
    results = run_sweep(sweep_tools.options(tmp_path / "out", search="halving", trials=12, trained=12, epochs=9),
                        sweep_tools.tools(train=sweep_tools.quick_train))
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'out' / 'study.db'}")
    records = [t.user_attrs["record"] for t in study.trials]
    trained = {share: [r for r in records if r["fidelity"] == share and "accuracy" in r] for share in (1 / 9, 1 / 3, 1)}
    assert len(trained[1 / 3]) >= len(trained[1 / 9]) // 3 >= 3 and len(trained[1]) >= len(trained[1 / 3]) // 3 >= 1
    assert results["counts"]["measured"] >= 1


def test_netadapt_sweeps(tmp_path):
    """Every trained network meets the constraints; two workers make of it what one does."""
    found = [run_sweep(sweep_tools.options(tmp_path / str(workers), search="netadapt", trials=12, trained=12, epochs=3,
                                           workers=workers),
                       sweep_tools.tools(train=sweep_tools.quick_train)) for workers in (1, 2)]
    assert found[0]["candidates"] == found[1]["candidates"]
    whole = [c for c in found[0]["candidates"] if c["status"] == "trained" and c["round"] == 1]
    assert len(whole) >= 2 and all(c["price"]["cycles"] <= 2200 for c in whole)


def test_where_nothing_meets_the_constraints_there_is_a_report_too(tmp_path):
    options = sweep_tools.options(tmp_path / "out", trials=6, trained=3, finalists=1,
                                  constraints={"min-accuracy": 0.99})
    results = run_sweep(options, sweep_tools.tools(train=sweep_tools.quick_train))
    assert results["counts"]["measured"] >= 1 and not any(entry["on_front"] for entry in results["front"])
    assert "(misses min-accuracy)" in text_table(results)
    assert "min-accuracy 99.00%" in write_report(options.out, sweep_tools.DATASET()).read_text()
