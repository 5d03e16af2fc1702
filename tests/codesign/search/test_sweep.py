import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.costs import CostKey, CostTable, Row
from codesign.errors import CodesignError
from codesign.goals import Goals
from codesign.model import load_model
from codesign.report import load_results, text_table, write_report
from codesign.search import Space, run_sweep
from codesign.search.directory import SweepDirectory
from codesign.search.pareto import pareto_front
from codesign.search.pricing import Pricer
from codesign.search.records import best_records, most_promising
from codesign.search.training import Job, Shared
from codesign.search.validation import Validation
from tests.codesign.search import sweep_tools


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole small sweep: its directory and its results."""
    out = tmp_path_factory.mktemp("sweep") / "out"
    return out, run_sweep(sweep_tools.options(out), sweep_tools.tools())


def test_a_sweep_prices_trains_and_measures(finished):
    out, results = finished
    counts = results["counts"]
    assert counts["priced"] == 10 and counts["trained"] >= 4 and counts["measured"] >= 2
    assert load_results(out) == json.loads(json.dumps(results))
    for c in results["candidates"]:
        assert c["price"]["cycles"] == c["price"]["model_cycles"] == sum(p["cycles"] for p in c["price"]["parts"])
        assert (c["price"]["cycles"] > 2200) == (c["status"] == "over budget")
        if c["status"] == "trained":
            network, integer = load_model(out / c["model"])
            assert network.digest() == c["network_digest"]
            assert integer.info["accuracy"] == c.get("accuracies", [c["accuracy"]])[0]
            assert "validation" in integer.info["dataset"]
    assert len({c["id"] for c in results["candidates"]}) == 10


def test_what_is_measured_was_validated_by_two_trainings_on_two_splits(finished):
    """The better of the first trainings fall behind where their second one says so."""
    out, results = finished
    for c in results["candidates"]:
        if "measured" in c:
            assert c["accuracy"] == sum(c["accuracies"]) / 2 and len(c["accuracies"]) == 2
            (second,) = (out / "candidates").glob(f"{c['network_digest'][:12]}-second?")
            first, info = (load_model(path)[1].info for path in (out / c["model"], second))
            assert [first["accuracy"], info["accuracy"]] == c["accuracies"]
            assert first["dataset"] != info["dataset"] and first["seed"] != info["seed"]
    again = Validation(sweep_tools.options(out), SweepDirectory(out), None, None, sweep_tools.DATASET(), None, None)
    assert again.dataset.name == "digits (validation split 4)"
    best = best_records([c for c in results["candidates"] if c["status"] == "trained"], 2, GOALS)
    assert all("accuracies" in r for r in best)


def test_workers_train_on_the_split_that_a_job_says():
    shared = Shared(train=sweep_tools.never, measure=sweep_tools.never, dataset=sweep_tools.DATASET(), seed=3)
    jobs = [Job(network=None, epochs=1, seed=3, all_data=False, split=split, path=Path("model")) for split in (0, 1)]
    first, second = map(shared.dataset_of, jobs)
    assert first is shared.search_dataset and second.name == "digits (validation split 4)"
    assert first.test_images.shape == second.test_images.shape
    assert not (first.test_images == second.test_images).all()
    assert shared.dataset_of(replace(jobs[1], all_data=True)) is shared.dataset


def test_the_second_round_is_priced_with_the_first_ones_rows(finished):
    out, results = finished
    with CostTable(out / "costs.db", read_only=True) as table:
        rows = {row.id: row for row in table.rows()}
    assert results["counts"]["priced_from_rows"] >= 1
    for c in results["candidates"]:
        assert c["round"] == 2 or not c["price"]["rows"]
        for part in c["price"]["parts"]:
            assert (part["source"] == "simulated") == bool(part["rows"])
            for id in part["rows"]:
                assert rows[id].value == part["cycles"] and rows[id].key.accelerator == c["accelerator_digest"]


def test_a_boards_rows_put_all_prices_of_the_next_round_on_one_footing(tmp_path):
    """Of accelerators that have been measured, and of those that have not: these with more doubt."""
    space = sweep_tools.SPACE.to_dict()
    space |= {"accelerator": {**space["accelerator"], "rows": [4, 8], "cols": [4, 8]}, "share": [0.13, 0.17, 0.5],
              "budget": {"cycles": 20_000}}
    out = tmp_path / "out"
    results = run_sweep(sweep_tools.options(out, space=Space.from_dict(space), trials=30, trained=8, finalists=2,
                                              search="tpe"),  # which leaves accelerators unmeasured
                        sweep_tools.tools(train=sweep_tools.quick_train, measure=sweep_tools.board_measure))
    first = {c["accelerator_digest"] for c in results["candidates"] if c["round"] == 1 and "measured" in c}
    widths = {True: [], False: []}
    for c in (c for c in results["candidates"] if c["round"] == 2):
        price, own = c["price"], c["accelerator_digest"] in first
        assert price["method"] == "measured" and price["low"] < price["cycles"] < price["high"]
        expected = 200 + 1.3 * price["model_cycles"]
        assert price["low"] < expected < price["high"] and price["cycles"] == pytest.approx(expected, rel=0.08)
        sources = {part["source"] for part in price["parts"]}
        if sources != {"measured"}:  # its network was not itself measured
            assert sources == {"model corrected by measured" + ("" if own else " of other accelerators")}
            widths[own].append(price["high"] / price["low"])
    assert widths[True] and widths[False] and max(widths[True]) < min(widths[False])
    footing = results["footing"]
    assert footing["1"] == {"model": footing["1"]["model"]} and "model" not in footing["2"]
    assert sum(sum(of.values()) for of in footing.values()) == results["counts"]["priced"]
    page = write_report(out, sweep_tools.DATASET()).read_text()
    assert "Round 2: " in page and "model corrected by measured of other accelerators" in page


def test_trained_networks_are_on_every_accelerator_that_puts_them_on_the_front(tmp_path):
    """By the space's shares of the board; and the measured ones are measured on all of these."""
    values = sweep_tools.SPACE.to_dict()
    space = Space.from_dict({**values, "accelerator": {**values["accelerator"], "rows": [4, 8, 16]},
                             "share": [0.13, 0.17, 0.25, 0.5], "budget": {"cycles": 20_000}})
    options = sweep_tools.options(tmp_path / "out", space=space, trials=20, trained=6, finalists=3)
    results = run_sweep(options, sweep_tools.tools(train=sweep_tools.quick_train))
    assert results["counts"]["priced"] > 20 and results["counts"]["trained"] <= 8
    trained = [c for c in results["candidates"] if c["status"] == "trained"]
    pricer, priced = Pricer(space, options.board, options.goals), dict[str, dict]()
    for c in trained:
        for share in space.share:
            with contextlib.suppress(CodesignError):
                pair = {**pricer.record({**c["choices"], "share": share}), "accuracy": c["accuracy"]}
                priced[pair["id"]] = pair
    front = pareto_front(list(priced.values()), options.goals.losses)
    assert {c["id"] for c in front} <= {c["id"] for c in trained}
    assert len({c["network_digest"] for c in front}) < len(front)
    best = {r["network_digest"] for r in best_records(trained, 3, options.goals)}
    assert {c["id"] for c in front if c["network_digest"] in best} <= {c["id"] for c in trained if "measured" in c}


def test_measured_candidates_saw_every_held_out_image(finished):
    out, results = finished
    measured = [c["measured"] for c in results["candidates"] if "measured" in c]
    for m in measured:
        assert m["images"] == 360 and m["cycles"] == m["model_cycles"] == sum(n for _, n in m["layers"])
        assert 0 <= m["accuracy"] <= 1 and m["energy"]["total_j"] > 0
        assert load_model(out / m["model"])[1].info["dataset"] == "digits"


def test_the_report_is_one_file_that_says_where_prices_come_from(finished):
    out, results = finished
    page = write_report(out, sweep_tools.DATASET(), "codesign sweep --out out").read_text()
    assert "codesign sweep --out out" in page and page.count("data:image/") >= 3
    assert "src=\"http" not in page and "href=\"http" not in page and "url(" not in page
    assert all(f'<tr data-id="{c["id"]}">' in page for c in results["candidates"])
    table = text_table(results)
    assert all(e["id"][:8] in table for e in results["front"]) and "estimates, not measurements" in table


def test_measured_power_replaces_the_data_file(finished, tmp_path):
    """Of a board that draws 2 W idle and takes ten times what the data file says of each event."""
    out, _ = finished
    copy = shutil.copytree(out, tmp_path / "out")
    options = sweep_tools.options(copy)
    measured = [c for c in load_results(out)["candidates"] if "measured" in c]
    rows = []
    for n, c in enumerate(measured):
        m, config = c["measured"], AcceleratorConfig.from_dict(c["accelerator"])
        given = {"method": "measured", "run_id": f"power {n}", "verilog_digest": m["verilog_digest"],
                 "board_serial": "s1", "unit": "W", "counters": m["counters"]}
        dynamic_j = m["energy"]["total_j"] - m["energy"]["components_j"]["static"]
        watts = 2.0 + 10 * dynamic_j * config.clock_hz / m["cycles"]
        for quantity, value in (("power_idle", 2.0), ("power_active", watts)):
            key = CostKey.on(config, options.board.name, operator="network", shape=c["id"], quantity=quantity)
            rows.append(Row(key=key, value=value, **given))
    with CostTable(copy / "costs.db") as table:
        table.add([*rows, *(replace(r, verilog_digest="old", value=9 * r.value) for r in rows)])  # the latter are stale
    results = run_sweep(options, sweep_tools.tools())
    assert results["power"]["method"] == "fitted" and results["power"]["idle_w"] == pytest.approx(2.0, rel=0.02)
    before = {c["id"]: c["measured"] for c in measured}
    for c in results["candidates"]:
        assert c["energy"]["method"] == "fitted"
        if c["id"] in before:
            seconds = before[c["id"]]["cycles"] / c["accelerator"]["clock_hz"]
            dynamic_j = c["measured"]["energy"]["total_j"] - 2.0 * seconds
            was = before[c["id"]]["energy"]
            assert dynamic_j == pytest.approx(10 * (was["total_j"] - was["components_j"]["static"]), rel=0.3)
    page = write_report(copy, sweep_tools.DATASET()).read_text()
    assert "idle power (2.00 W) are fitted to" in page and "No board was measured" not in page


def test_the_same_call_finds_everything_done(finished):
    out, results = finished

    again = run_sweep(sweep_tools.options(out), sweep_tools.tools(train=sweep_tools.never, measure=sweep_tools.never))
    assert again == json.loads(json.dumps(results)) or again == results


def test_another_sweep_is_kept_out_of_the_directory(finished, tmp_path):
    out, _ = finished
    with pytest.raises(CodesignError, match=r"Sweep seed must be as the sweep in '.*' was begun, 3, not 4"):
        run_sweep(sweep_tools.options(out, seed=4), sweep_tools.tools())
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CodesignError, match="Sweep directory must be empty or a sweep's, not"):
        run_sweep(sweep_tools.options(tmp_path), sweep_tools.tools())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt"]
    with pytest.raises(CodesignError, match="must be writable"):
        run_sweep(sweep_tools.options(tmp_path / "notes.txt" / "out"), sweep_tools.tools())
    with pytest.raises(CodesignError, match="Report must be of a sweep's directory"):
        load_results(tmp_path)


def test_a_killed_sweep_continues(tmp_path):
    out = tmp_path / "out"
    script = f"""
import pathlib, sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
import codesign.search
from tests.codesign.search import sweep_tools
if __name__ == "__main__":
    codesign.search.run_sweep(sweep_tools.options(pathlib.Path({str(out)!r})), sweep_tools.tools())
"""
    (tmp_path / "run.py").write_text(script)
    process = subprocess.Popen([sys.executable, str(tmp_path / "run.py")], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list(out.glob("candidates/*-search")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(CodesignError, match="must not be in use by another sweep"):
        run_sweep(sweep_tools.options(out), sweep_tools.tools())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = {p.name: p.stat().st_mtime_ns for p in out.glob("candidates/*-search")}
    results = run_sweep(sweep_tools.options(out), sweep_tools.tools())
    after = {p.name: p.stat().st_mtime_ns for p in out.glob("candidates/*-search")}
    assert before.items() <= after.items()  # not trained again
    assert results["counts"]["priced"] == 10 and results["counts"]["measured"] >= 2
    assert all(c["status"] != "trained" or "accuracy" in c for c in results["candidates"])


def test_a_device_that_is_wrong_stops_the_sweep(finished, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished[0], out)
    for name in ("measured", "costs.db"):  # back to before the first measurement
        (shutil.rmtree if (out / name).is_dir() else os.remove)(out / name)
    with pytest.raises(CodesignError, match=r"Candidate \w+ on ulx3s-8x\d: Cycles of image 0 must be the model's"):
        run_sweep(sweep_tools.options(out), sweep_tools.tools(measure=sweep_tools.slow))
    with CostTable(out / "costs.db", read_only=True) as table:
        assert table.rows() == []


@pytest.mark.parametrize(("change", "message"), [
    ({"trials": 0}, r"Sweep trials must be an integer in 1\.\.100000, not 0"),
    ({"trained": 11}, r"Sweep trained must be at most trials \(10\), not 11"),
    ({"workers": True}, "Sweep workers must be an integer in 1..1024, not True"),
    ({"seed": -1}, "Sweep seed must be an integer"),
])
def test_bad_options_are_refused(tmp_path, change, message):
    with pytest.raises(CodesignError, match=message):
        sweep_tools.options(tmp_path, **change)


def test_a_space_of_another_data_set_leaves_nothing_behind(tmp_path):
    options = sweep_tools.options(tmp_path / "out")
    options = replace(options, space=replace(options.space, classes=7))
    with pytest.raises(CodesignError, match=r"^Space input and classes must be .* \[1, 8, 8\] and 10, not .* 7$"):
        run_sweep(options, sweep_tools.tools())
    assert not (tmp_path / "out").exists()


GOALS = Goals.of()


def record(id, accuracy, cycles, weights=1, status="trained", network=None, luts=9):
    return {"id": id, "accuracy": accuracy, "price": {"cycles": cycles}, "resources": {"lut": luts},
            "weights": weights, "status": status, "network_digest": network or id}


def test_the_best_are_of_the_front_and_of_different_networks():
    records = [record("a", 0.99, 500), record("b", 0.985, 300), record("c", 0.98, 400), record("d", 0.60, 10),
               record("e", 0.99, 450, network="a"), record("f", 0.999, 1, status="over budget")]
    assert [r["id"] for r in best_records(records, 3, GOALS)] == ["e", "b", "c"]
    assert [r["id"] for r in best_records(records, 9, GOALS)] == ["e", "b", "c", "d"]
    assert best_records([], 3, GOALS) == []
    smaller = record("g", 0.985, 310, luts=8)  # than b, and hardly slower
    assert [r["id"] for r in best_records([*records, smaller], 4, GOALS)] == ["e", "b", "g", "c"]


def test_the_best_networks_are_on_every_accelerator_that_puts_them_on_the_front():
    records = [record("a", 0.99, 500), record("b", 0.99, 450, luts=12, network="a"),
               record("c", 0.99, 600, luts=8, network="a"), record("d", 0.99, 700, luts=9, network="a"),
               record("e", 0.98, 400), record("f", 0.98, 390, luts=12, network="e")]
    assert [r["id"] for r in best_records(records, 1, GOALS)] == ["b", "a", "c"]
    assert [r["id"] for r in best_records(records, 2, GOALS)] == ["b", "f", "a", "c", "e"]


def test_the_promising_have_weights_for_their_cycles():
    records = [record("a", 0, 500, 10), record("b", 0, 300, 20), record("c", 0, 100, 5), record("d", 0, 600, 30)]
    assert [r["id"] for r in most_promising(records, 3, GOALS)] == ["d", "b", "c"]
    assert [r["id"] for r in most_promising(records, 9, GOALS)] == ["d", "b", "c", "a"]
    assert [r["id"] for r in most_promising(records, 2, GOALS)] == ["d", "b"]
    assert [r["id"] for r in most_promising(records, 1, GOALS)] == ["d"]
    assert most_promising(records, 0, GOALS) == [] and most_promising([], 3, GOALS) == []
