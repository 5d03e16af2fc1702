"""What accelerators of one board learn of each other's runs."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binom

from codesign.costs.fitting import TRANSFER, fit_pool
from codesign.costs.runs import runs_of
from codesign.costs.synthetic_boards import CLASSES, ORIGIN, SyntheticBoard, draw_layers, recover_others
from codesign.errors import CodesignError

from .boards import NETWORKS, TRUTH, rows

OTHER = dataclasses.replace(ORIGIN, accelerator="other")
THIRD = dataclasses.replace(ORIGIN, accelerator="third")


def stretched(board, factor):
    return dataclasses.replace(board, ratios={name: factor * ratio for name, ratio in board.ratios.items()})


def runs(board, seed=0, count=6):
    rng = np.random.default_rng(seed)
    return [board.network(draw_layers(rng), rng).run(rng) for _ in range(count)]


@pytest.mark.parametrize("accelerators, networks, differ", [(1, 6, 0.05), (3, 3, 0.05), (8, 3, 0.1)])
def test_intervals_hold_on_accelerators_without_runs(accelerators, networks, differ):
    """One new network each of 100 boards, so that the counts are binomial; as many at least, and most not by far more.
    Differences of 10 % must first be seen: with runs on few accelerators, intervals hold those of TRANSFER."""
    held = [0, 0]
    for seed in range(100):
        sides = recover_others(np.random.default_rng(seed), accelerators=accelerators, networks=networks, differ=differ,
                               fresh=1)
        for index, [(correction, model, cycles)] in enumerate(sides):
            interval = correction.price(model, level=0.9)
            held[index] += interval.low <= cycles <= interval.high
            assert (correction.own_runs > 0) == (index == 1) and correction.runs == accelerators * networks
    low, _ = binom.interval(0.98, 100, 0.9)
    assert min(held) >= low, held


def test_how_much_accelerators_differ_is_learnt():
    found = {}
    for differ in (0.005, 0.2):
        scales = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            board = SyntheticBoard.draw(rng, CLASSES, outliers=0.0)
            pool = fit_pool({dataclasses.replace(ORIGIN, accelerator=str(i)): runs(board.accelerator(rng, differ), i)
                             for i in range(8)})
            scales.append(pool.ratios.own.scale)
            assert pool.ratios.own.dof > TRANSFER.dof
        found[differ] = np.median(scales)
    assert found[0.005] < 0.6 * TRANSFER.scale and 2 * TRANSFER.scale < found[0.2] < 0.3
    alone = fit_pool({ORIGIN: runs(TRUTH)})
    assert alone.ratios.own == TRANSFER  # nothing told of it


def test_own_runs_count_most_and_others_lend_what_they_can():
    """The other accelerator is 30 % slower; of the third, there is nothing."""
    slow = stretched(TRUTH, 1.3)
    pool = fit_pool({ORIGIN: runs(TRUTH, 0, 12), OTHER: runs(slow, 1, 12)})
    own, other, third = (pool.correction(origin).ratios["conv"] for origin in (ORIGIN, OTHER, THIRD))
    assert own.value == pytest.approx(1.25, rel=0.03) and other.value == pytest.approx(1.3 * 1.25, rel=0.03)
    assert own.value < third.value < other.value and third.error > 3 * max(own.error, other.error)
    [few] = runs(TRUTH, 2, 1)
    lent, alone = (fit_pool({**more, THIRD: [few]}).correction(THIRD)
                   for more in ({ORIGIN: runs(TRUTH, 0, 12), OTHER: runs(TRUTH, 1, 12)}, {}))
    for model in ({"conv": 5000.0, "linear": 500.0}, {"conv": 90_000.0}):
        narrow, wide = lent.price(model), alone.price(model)
        assert narrow.high / narrow.low < wide.high / wide.low


def test_an_accelerator_without_runs_has_more_doubt_than_one_with():
    pool = fit_pool({ORIGIN: runs(TRUTH), OTHER: runs(TRUTH, 1)})
    model = {"conv": 5000.0, "identity": 300.0, "linear": 500.0}
    prices = [pool.correction(origin).price(model) for origin in (ORIGIN, OTHER, THIRD)]
    widths = [price.high / price.low for price in prices]
    assert max(widths[:2]) < widths[2] and all(p.value == pytest.approx(prices[0].value, rel=0.05) for p in prices)
    values = pool.correction(THIRD).to_dict()
    assert (values["runs"], values["own_runs"], values["accelerators"]) == (12, 0, 2)


def test_a_class_that_only_others_ran():
    """It is corrected as they say, not left to the model."""
    without = [dataclasses.replace(run, model={k: v for k, v in run.model.items() if k != "linear"},
                                   found={k: v for k, v in run.found.items() if k != "linear"},
                                   value=run.value - run.found["linear"]) for run in runs(TRUTH)]
    pool = fit_pool({ORIGIN: without, OTHER: runs(stretched(TRUTH, 1.1), 1)})
    correction = pool.correction(ORIGIN)
    assert set(correction.classes) == set(CLASSES) and correction.ratios["linear"].value > 1.02
    assert correction.ratios["linear"].error > pool.correction(OTHER).ratios["linear"].error


def test_what_must_not_be_pooled_is_refused():
    for field, value in (("board", "b"), ("clock_hz", 1), ("memory", "m"), ("method", "measured")):
        with pytest.raises(CodesignError, match="of a pool must share their board, clock, memory and method"):
            fit_pool({ORIGIN: runs(TRUTH), dataclasses.replace(OTHER, **{field: value}): runs(TRUTH)})
    for empty in ({}, {ORIGIN: []}):
        with pytest.raises(CodesignError, match="must be given runs of each of its accelerators"):
            fit_pool(empty)


def test_rows_of_all_accelerators_are_its_provenance():
    found = [dataclasses.replace(row, id=i) for i, row in enumerate(rows(*NETWORKS), 1)]
    more = [dataclasses.replace(row, id=1000 + i) for i, row in enumerate(rows(*NETWORKS, seed=1), 1)]
    correction = fit_pool({ORIGIN: runs_of(found), OTHER: runs_of(more)}).correction(THIRD)
    assert correction.rows == tuple(row.id for row in (*found, *more)) and correction.networks == len(NETWORKS)
