import numpy as np
import pytest
from scipy.stats import binom

from codesign.costs.synthetic_boards import ORIGIN, SyntheticBoard, draw_layers
from codesign.costs.validation import cross_validate, cross_validate_runs
from codesign.errors import CodesignError

from .boards import NETWORKS, rows


def test_each_network_is_held_out_whole():
    validation = cross_validate(rows(*NETWORKS, runs=2), method="synthetic")
    assert len(validation.held_out) == len(NETWORKS) and {h.runs for h in validation.held_out} == {2}
    for held_out in validation.held_out:
        assert abs(held_out.error) < 0.1 and abs(held_out.model / held_out.actual - 1) > 0.2
        assert held_out.predicted.low < held_out.predicted.value < held_out.predicted.high
    assert validation.mape < 0.05 < validation.model_mape
    values = validation.to_dict()
    assert values["method"] == "synthetic" and values["level"] == 0.9
    assert values["coverage"] == np.mean([h["covered"] for h in values["held_out"]])


def test_a_network_does_not_price_itself():
    """Spoil one network's rows: its own prediction stays, its error does not."""
    spoilt = rows(*NETWORKS)
    first = spoilt[0].run_id
    twice = [type(row).from_dict({**row.content(), "value": 2 * row.value}) if row.run_id == first else row
             for row in spoilt]
    before, after = (cross_validate(r, method="synthetic").held_out[0] for r in (spoilt, twice))
    assert after.predicted == before.predicted and after.actual == 2 * before.actual
    assert not after.covered and after.error == pytest.approx((1 + before.error) / 2 - 1)


def test_coverage_is_the_stated_one():
    """One network of each of 100 boards held out of five."""
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        board = SyntheticBoard.draw(rng, ("conv", "identity", "linear"), outliers=0.0)
        runs = [board.network(draw_layers(rng), rng).run(rng) for _ in range(5)]
        covered += cross_validate_runs(runs, ORIGIN, level=0.8).held_out[0].covered
    low, high = binom.interval(0.98, 100, 0.8)
    assert low <= covered <= high


def test_two_networks_are_needed():
    with pytest.raises(CodesignError, match="runs of at least 2 networks, not 1"):
        cross_validate(rows(NETWORKS[0], runs=5), method="synthetic")
    with pytest.raises(CodesignError, match="given measured runs, with rows of their layers, not none"):
        cross_validate([])
    with pytest.raises(CodesignError, match="must all be measured, not synthetic"):
        cross_validate(rows(*NETWORKS))
