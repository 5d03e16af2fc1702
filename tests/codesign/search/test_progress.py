"""What whoever watches a sweep is told."""

import pytest

from codesign.search import run_sweep
from codesign.search.progress import Progress, duration, plain
from tests.codesign.search import sweep_tools


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """(all that was told of a sweep, its results, all that was told when it was only shown again)."""
    seen, again, out = [], [], tmp_path_factory.mktemp("sweep") / "out"
    options = sweep_tools.options(out, trials=14, trained=8, workers=2, max_failures=1.0)
    results = run_sweep(options, sweep_tools.tools(train=sweep_tools.diverging_train, watch=seen.append))
    run_sweep(options, sweep_tools.tools(train=sweep_tools.never, measure=sweep_tools.never, watch=again.append))
    return seen, results, again


def test_counts_only_grow_and_end_as_the_results(told):
    seen, results, again = told
    for key in ("round", "priced", "trained", "failed", "measured", "trained_here", "seconds"):
        values = [getattr(p, key) for p in seen]
        assert values == sorted(values)
    counts, last = results["counts"], seen[-1]
    for end in (last, again[-1]):
        assert (end.priced, end.trained, end.failed, end.measured, end.impossible, end.over_budget) == tuple(
            counts[key] for key in ("priced", "trained", "failed", "measured", "impossible", "over_budget"))
        assert {r["id"] for r in end.front} == {e["id"] for e in results["front"] if e["on_front"]}
    assert last.trials == 14 and last.to_train == 8 and last.round == 2 and counts["failed"] > 0
    accuracies = [r["accuracy"] for r in last.front]
    assert accuracies == sorted(accuracies, reverse=True)


def test_every_training_and_measurement_is_told(told):
    seen, results, again = told
    assert {"searching", "validating the best again", "training the best", "measuring",
            "writing results"} == {p.doing for p in seen}
    news = [p.latest for p in seen if p.latest]
    for candidate in results["candidates"]:
        if candidate["status"] == "trained":
            cycles = candidate["price"]["cycles"]
            first = candidate.get("accuracies", [candidate["accuracy"]])[0]
            assert f"{candidate['id'][:8]}: {first:.1%} valid., {cycles:,.0f} cycles" in news
        if candidate["status"] == "failed":
            assert f"{candidate['id'][:8]}: {candidate['reason']}" in news
    assert not any(p.latest for p in again)


def test_time_left_is_of_what_is_left(told):
    seen, _, again = told
    assert seen[0].left_s is None and seen[0].per_minute is None
    assert all(p.left_s > 0 for p in seen if p.trained_here and p.doing == "searching" and p.round == 1)
    assert seen[-1].left_s == 0 and seen[-1].per_minute == pytest.approx(60 * seen[-1].trained_here / seen[-1].seconds)
    assert all(p.left_s is None for p in again)


def test_a_line_for_files(capsys):
    plain(Progress(round=2, doing="searching", priced=40, trials=96, impossible=0, over_budget=0, trained=12,
                   to_train=32, failed=1, measured=3, front=[], columns=(), trained_here=4, seconds=60.0, left_s=7500.0,
                   latest="abc: 97.5% valid."))
    assert capsys.readouterr().err == ("round 2, searching: 40 of 96 pairs priced, 12 networks trained, 3 measured, 1 "
                                       "failed, about 2 h 05 min left; abc: 97.5% valid.\n")


@pytest.mark.parametrize("seconds, words", [(0, "0 s"), (59, "59 s"), (59.7, "1 min"), (150, "2 min"),
                                            (3599, "1 h 00 min"), (7500, "2 h 05 min")])
def test_durations(seconds, words):
    assert duration(seconds) == words
