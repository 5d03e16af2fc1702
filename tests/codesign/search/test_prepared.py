"""Sweeps whose search trains something for the whole space first."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from codesign.costs import CostTable, read_excerpt, rows_digest
from codesign.errors import CodesignError
from codesign.model import load_model, model_digest
from codesign.pool import Pool
from codesign.recipe import Recipe
from codesign.reference import evaluate
from codesign.search import Space, run_sweep
from codesign.search.preparation import advance, complete
from codesign.search.prepared import prepare
from codesign.search.rebuilding import retrained
from codesign.search.supernet.fitting import SupernetPlan
from codesign.search.training import Shared
from codesign.workers import LocalCrew
from tests.codesign.search import sweep_tools
from tests.codesign.search.supernet.spaces import PLAIN, few_digits

KINDS = pytest.mark.parametrize("search", ["supernet", "fbnet"])


def small_dataset():
    """Few images of the digits to train on."""
    whole = sweep_tools.DATASET()
    return replace(whole, train_images=whole.train_images[:320], train_labels=whole.train_labels[:320])


def options(out, search, **changes):
    return sweep_tools.options(out, **{**dict(space=PLAIN, search=search, trials=10, trained=6, epochs=4,
                                              final_epochs=2, finalists=1), **changes})


def run(out, search, **changes):
    tools = {"dataset": small_dataset} | {k: changes.pop(k) for k in ("measure", "train") if k in changes}
    return run_sweep(options(out, search, **changes), sweep_tools.tools(**tools))


@pytest.fixture(scope="module")
def supernet(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep") / "out"
    return out, run(out, "supernet", train=sweep_tools.never)  # nothing is trained but the supernet


def test_networks_are_deployed_with_the_weights_that_they_inherit(supernet):
    """From the search to the device: the same weights, and statistics of more images. What the search reports of one
    is what the integer reference reads right."""
    out, results = supernet
    trained = [c for c in results["candidates"] if c["status"] == "trained"]
    within = [c for c in results["candidates"] if c["status"] not in ("over budget", "impossible")]
    assert len(trained) == len(within) > 4 and results["counts"]["measured"] > 0 == results["counts"]["failed"]
    searched_on = small_dataset().split_validation(options(out, "supernet").seed)
    for c in trained:
        integer = load_model(out / c["model"])[1]
        right = evaluate(integer, searched_on.test_images).argmax(1) == searched_on.test_labels
        assert c["accuracy"] == right.mean()
    for c in (c for c in trained if "measured" in c):
        searched, deployed = (load_model(out / about["model"])[1] for about in (c, c["measured"]))
        assert deployed.info["weights"] == searched.info["weights"] == "a supernet's"
        for name, layer in searched.layers.items():
            assert np.array_equal(layer.weight, deployed.layers[name].weight)
        assert any(not np.array_equal(layer.add, deployed.layers[name].add)
                   for name, layer in searched.layers.items())
        right = evaluate(deployed, small_dataset().test_images).argmax(1) == small_dataset().test_labels
        assert c["measured"]["images"] == 360 and c["measured"]["accuracy"] == pytest.approx(right.mean())


def test_a_finished_one_finds_everything_done(supernet):
    out, results = supernet
    before = (out / "supernet.pt").stat().st_mtime_ns
    again = run(out, "supernet", train=sweep_tools.never, measure=sweep_tools.never)
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(results))
    assert (out / "supernet.pt").stat().st_mtime_ns == before


@KINDS
@pytest.mark.slow
def test_workers_and_interruptions_change_nothing(tmp_path, search):
    """Byte for byte; an interruption leaves the state of some epochs, and half a file under a temporary name."""
    whole = tmp_path / "whole"
    run(whole, search, workers=1)
    parts = tmp_path / "parts"
    run(parts, search, workers=2)
    assert (parts / "results.json").read_bytes() == (whole / "results.json").read_bytes()
    for name in ("study.db", "costs.db", "results.json"):
        (parts / name).unlink()
    for path in (*parts.glob("candidates/*"), *parts.glob("measured/*")):
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
    asked = options(parts, search)
    shared = Shared(train=sweep_tools.never, measure=sweep_tools.never, dataset=small_dataset(), seed=asked.seed)
    plan = SupernetPlan(space=PLAIN, epochs=json_epochs(whole, search), seed=asked.seed)
    begun = advance(shared, plan, None, 0.0)  # as a worker does, with one thread: sums have an order
    assert begun.epochs_done == 1 and not begun.done
    for path in parts.glob("*.pt"):
        path.unlink()
    (parts / "supernet.pt").write_bytes(begun.state)
    (parts / ".supernet.pt.123").write_bytes(b"half a st")
    run(parts, search, workers=2)
    assert not (parts / ".supernet.pt.123").exists()
    assert (parts / "results.json").read_bytes() == (whole / "results.json").read_bytes()


def json_epochs(out, search):
    """Of the supernet that a sweep has trained."""
    return torch.load(out / "supernet.pt", weights_only=True)["identity"]["epochs"]


def test_budgets_are_passes_of_one_network(tmp_path):
    """What is trained first, and what is left for networks."""
    told = []

    def note(courses):
        told.append([(name, course.epochs) for name, course in courses])
        return [type("End", (), {"state": b"", "outcome": {"beta": 1}}) for _ in courses]

    def prepared(search):
        return prepare(search, PLAIN, sweep_tools.options(tmp_path).board, passes=1920, proposals=120, seed=0,
                       recipe=Recipe(), complete=note)

    assert prepared("tpe").passes == 0 and told == []
    assert prepared("supernet").passes == pytest.approx(1800, rel=0.01)
    fbnet = prepared("fbnet")
    assert fbnet.passes == pytest.approx(960, rel=0.03) and len(fbnet.family) == 3 and fbnet.inheritance is None
    assert [[name for name, _ in courses] for courses in told] == [
        ["supernet"], ["supernet"], ["fbnet-0.6", "fbnet-2", "fbnet-6"]]


def test_what_cannot_share_weights_is_refused_at_once(tmp_path):
    layers = {key: list(values[:1]) for key, values in PLAIN.network.items()}
    stage = {key: list(values[:1]) for key, values in PLAIN.stage.items()}
    alone = Space.from_dict({**PLAIN.to_dict(), "network": {**layers, "stage": stage}})
    for change, message in (({"space": alone}, "Space elastic must leave open one of mix, .* to share weights"),
                            ({"recipe": Recipe(teacher_width=2)}, "supernet must have no --teacher, not 2"),
                            ({"recipe": Recipe(precision="bfloat16")}, "in float32, .*, not dorefa, bfloat16")):
        with pytest.raises(CodesignError, match=message):
            options(tmp_path / "out", "fbnet", **change)
    assert list(tmp_path.iterdir()) == []


def test_fbnet_learns_by_the_rows_that_the_sweep_began_with(tmp_path):
    """Not by those that it measures: the same call finds everything done."""
    board = {"measure": sweep_tools.board_measure}
    run(tmp_path / "yesterday", "supernet", trials=6, trained=4, **board)
    rows = read_excerpt(tmp_path / "yesterday" / "costs.db", "ulx3s")
    out, asked = tmp_path / "out", {"trials": 6, "trained": 4, "costs": rows}
    results = run(out, "fbnet", **asked, **board, train=sweep_tools.quick_train)
    states = {path.name: torch.load(path, weights_only=True)["identity"] for path in out.glob("fbnet-*.pt")}
    assert {s["costs"] for s in states.values()} == {rows_digest(r for r in rows.rows if r.key.quantity == "cycles")}
    assert len(states) == 3 and "model" not in results["footing"]["1"] and results["counts"]["measured"] > 0
    with CostTable(out / "costs.db", read_only=True) as table:
        assert table.last_id() > len(rows.rows)
    again = run(out, "fbnet", **asked, train=sweep_tools.never, measure=sweep_tools.never)
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(results))


@pytest.mark.slow
def test_a_candidate_is_trained_again_to_the_same_integers(tmp_path):
    results = run_sweep(options(tmp_path / "out", "supernet", trials=6, trained=3), sweep_tools.tools())
    for candidate in [c for c in results["candidates"] if c["status"] == "trained"][:2]:
        integer = retrained(results, candidate)[1]
        about = candidate.get("measured", candidate)
        assert model_digest(integer) == about["model_digest"]


def test_a_supernet_that_cannot_be_trained_ends_the_sweep(tmp_path):
    recipe = Recipe(teacher_width=2)
    shared = Shared(train=sweep_tools.never, measure=sweep_tools.never, dataset=few_digits(), seed=0)
    with Pool(LocalCrew(1, shared)) as pool, pytest.raises(
            CodesignError, match=r"^Training of supernet must succeed before .*: .* must have no --teacher, not 2$"):
        complete([("supernet", SupernetPlan(space=PLAIN, epochs=1, seed=0, recipe=recipe))], pool, tmp_path, 600)
    assert list(tmp_path.iterdir()) == []
