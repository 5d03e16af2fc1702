import dataclasses

import numpy as np
import pytest
from scipy.stats import binom

from codesign.costs.correction import RATIO_PRIOR
from codesign.costs.fitting import fit, fit_runs
from codesign.costs.runs import Run, runs_of
from codesign.costs.synthetic_boards import ORIGIN, recover
from codesign.errors import CodesignError

from .boards import EXACT, NETWORKS, TRUTH, network, rows


@pytest.mark.parametrize("networks, runs, changes", [
    (12, 1, {}),
    (12, 1, {"outliers": 0.0}),
    (6, 3, {"outliers": 0.0}),
    (12, 1, {"run_noise": 0.1, "layer_noise": 0.05}),
    (12, 1, {"overhead_noise": 0.3}),
])
def test_intervals_hold_new_networks_at_their_rate(networks, runs, changes):
    """One new network of each of 200 boards, so that the counts are binomial. Outliers make intervals wider."""
    held = {0.5: 0, 0.9: 0}
    for seed in range(200):
        _, correction, [(model, cycles)] = recover(np.random.default_rng(seed), networks=networks, runs=runs, fresh=1,
                                                   **changes)
        for level in held:
            interval = correction.price(model, level=level)
            held[level] += interval.low <= cycles <= interval.high
    for level, count in held.items():
        low, high = binom.interval(0.98, 200, level)
        assert low <= count <= high, f"{count} of 200 at {level}"


def test_truth_is_recovered_within_stated_errors():
    """5 % of runs are outliers, of half a run on average. Of 800 parameters 90 % lie within 1.645 errors, if all were
    normal, independent and known exactly: they are nearly that."""
    within, off = [], []
    for seed in range(200):
        board, correction, _ = recover(np.random.default_rng(seed), networks=12)
        assert board.outliers == 0.05 and correction.networks == correction.runs == 12
        pairs = [(correction.overhead, board.overhead_cycles),
                 *((ratio, board.ratios[name]) for name, ratio in correction.ratios.items())]
        within += [abs(estimate.value - truth) <= 1.645 * estimate.error for estimate, truth in pairs]
        off.append([estimate.value / truth - 1 for estimate, truth in pairs])
    assert 0.85 <= np.mean(within) <= 0.95
    assert np.all(np.abs(np.median(off, axis=0)) < 0.005)  # neither too high nor too low as a rule
    assert np.quantile(np.abs(off), 0.95) < 0.06


def test_interrupted_runs_weigh_little():
    clean = fit(rows(*NETWORKS, runs=3), method="synthetic")
    held = rows(*NETWORKS, runs=3)
    first = next(i for i, row in enumerate(held) if row.key.operator == "network")
    held[first] = dataclasses.replace(held[first], value=3 * held[first].value)
    again = fit(held, method="synthetic")
    assert again.ratios == clean.ratios
    assert again.overhead.value == pytest.approx(clean.overhead.value, rel=0.03)


def test_rows_equal_to_the_model_correct_nothing():
    correction = fit(rows(*NETWORKS, board=EXACT), method="synthetic")
    assert all(ratio.value == pytest.approx(1) for ratio in correction.ratios.values())
    assert correction.overhead.value == pytest.approx(0, abs=1e-6)
    assert correction.price({"conv": 1000.0}).value == pytest.approx(1000)


def test_provenance():
    stored = [dataclasses.replace(row, id=i) for i, row in enumerate(rows(*NETWORKS, runs=2), 1)]
    correction = fit(stored, method="synthetic")
    assert (correction.runs, correction.networks) == (12, 6)
    assert correction.rows == tuple(range(1, len(stored) + 1))
    assert set(correction.network_rows) == {row.id for row in stored if row.key.operator == "network"}
    assert set(correction.class_rows["linear"]) == {row.id for row in stored if row.key.operator == "linear"}
    values = correction.to_dict()
    assert values["method"] == "synthetic" and values["verilog_digest"] == "v1" and values["networks"] == 6
    assert set(values["ratios"]) == {"conv", "identity", "linear"}


def test_one_run_says_what_it_can():
    """Its own price comes out, within an interval that admits that nobody knows how runs differ."""
    one = rows(NETWORKS[3], seed=1)
    correction = fit(one, method="synthetic")
    [run] = runs_of(one)
    interval = correction.price(run.model)
    assert interval.value == pytest.approx(run.value, rel=0.05)
    assert interval.high / interval.low > 1.1
    assert 1 < correction.ratios["conv"].value < TRUTH.ratios["conv"] + 0.1


@pytest.mark.parametrize("ratio", [0.5, 1.5, 2.0, 4.0])
def test_the_prior_yields_to_networks_that_agree(ratio):
    board = dataclasses.replace(TRUTH, ratios=dict.fromkeys(TRUTH.ratios, ratio))
    for count in (2, 6):
        correction = fit(rows(*NETWORKS[:count], board=board), method="synthetic")
        assert correction.ratios["conv"].value == pytest.approx(ratio, rel=0.05)
        assert correction.layer_spread.scale < 0.1


def test_more_networks_narrow_the_interval():
    widths = []
    for count in (1, 2, 3, 6):
        interval = fit(rows(*NETWORKS[:count], seed=3), method="synthetic").price({"conv": 5000.0, "linear": 500.0})
        widths.append(interval.high / interval.low)
    assert widths == sorted(widths, reverse=True)


def test_a_class_with_one_row_does_not_run_away():
    runs = runs_of(rows(*NETWORKS))
    odd = dataclasses.replace(runs[0], model={**runs[0].model, "identity": 50.0},
                              found={**runs[0].found, "identity": 500.0}, value=runs[0].value + 500)
    correction = fit_runs([odd, *runs[1:]], ORIGIN)
    identity = correction.ratios["identity"]
    assert abs(np.log(identity.value)) < 2 * RATIO_PRIOR
    assert correction.ratios["conv"].value == pytest.approx(fit_runs(runs, ORIGIN).ratios["conv"].value, rel=0.02)


def test_an_unseen_class_is_the_models_with_the_priors_doubt():
    correction = fit(rows(*NETWORKS), method="synthetic")
    seen, unseen = correction.price({"conv": 6000.0}), correction.price({"conv": 3000.0, "other": 3000.0})
    assert correction.ratio("other") == 1 and "other" not in correction.ratios
    assert unseen.high / unseen.low > 1.2 * seen.high / seen.low


def test_cycles_outside_any_layer_are_not_corrected():
    correction = fit(rows(*NETWORKS), method="synthetic")
    assert (correction.price({"conv": 3000.0}, rest=100).value
            == pytest.approx(correction.price({"conv": 3000.0}).value + 100))


def test_levels_are_nested_and_checked():
    correction = fit(rows(*NETWORKS), method="synthetic")
    narrow, wide = (correction.price({"conv": 3000.0}, level=level) for level in (0.5, 0.9))
    assert wide.low < narrow.low < narrow.value == wide.value < narrow.high < wide.high
    with pytest.raises(CodesignError, match="level must be between 0 and 1, not 1"):
        correction.price({"conv": 3000.0}, level=1.0)
    with pytest.raises(CodesignError, match="a network that takes cycles, not"):
        fit(rows(*NETWORKS, board=EXACT), method="synthetic").price({}, rest=-1e6)


def test_what_must_not_be_mixed_is_refused():
    some = rows(*NETWORKS)
    other = rows(network(8), seed=1)
    with pytest.raises(CodesignError, match="must all be measured, not synthetic as row None"):
        fit(some)
    with pytest.raises(CodesignError, match="must all be synthetic, not measured"):
        fit([*some, *rows(network(8), seed=1, method="measured")], method="synthetic")
    with pytest.raises(CodesignError, match="method must be one of measured, synthetic, not 'simulated'"):
        fit(some, method="simulated")
    with pytest.raises(CodesignError, match="share their verilog_digest: row None has 'v1', row None has 'v2'"):
        fit([*some, *(dataclasses.replace(row, verilog_digest="v2") for row in other)], method="synthetic")
    with pytest.raises(CodesignError, match="share their clock_hz: row None has 50000000, row None has 1000000"):
        fit([*some, *(dataclasses.replace(row, key=dataclasses.replace(row.key, clock_hz=1_000_000))
                      for row in other)], method="synthetic")


def test_nothing_to_fit_is_refused():
    layers_only = [row for row in rows(*NETWORKS) if row.key.operator != "network"]
    with pytest.raises(CodesignError, match=f"network and of its layers, not {len(layers_only)} rows without"):
        fit(layers_only, method="synthetic")
    with pytest.raises(CodesignError, match="not 0 rows without"):
        fit([])


def test_strange_values_still_settle():
    """A run faster than its layers, a class that took nothing, one hundred times the model."""
    for value, found in ((90.0, {"conv": 100.0}), (1e5, {"conv": 1e4, "linear": 0.0}), (100.0, {"conv": 100.0})):
        runs = [Run(network=str(i), value=value, model={"conv": 100.0 + i, "linear": 10.0}, found=found)
                for i in range(3)]
        correction = fit_runs(runs, ORIGIN)
        interval = correction.price({"conv": 100.0, "linear": 10.0})
        assert correction.overhead.value >= 0 and 0 < interval.low < interval.value < interval.high < np.inf
