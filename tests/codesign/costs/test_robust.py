import numpy as np
import pytest

from codesign.costs.robust import PRIOR_SCALE, Group, Spread, repeats, solve_robustly
from codesign.errors import CodesignError

RNG = np.random.default_rng(5)
SLOPES = np.column_stack([np.ones(60), RNG.normal(size=60)])


def line(values, prior=100.0, low=-np.inf):
    return solve_robustly(lambda at: [Group(residuals=values - SLOPES @ at, jacobian=SLOPES, size=len(values))],
                          np.zeros(2), mean=np.zeros(2), deviation=np.full(2, prior), low=np.full(2, low))


def test_without_outliers_it_is_least_squares():
    values = SLOPES @ [1.0, 2.0] + RNG.normal(0, 0.3, 60)
    found, least = line(values), np.linalg.lstsq(SLOPES, values, rcond=None)
    assert found.parameters == pytest.approx(least[0], abs=0.02)
    assert found.spreads[0].scale == pytest.approx(np.sqrt(least[1][0] / 58), rel=0.1)
    errors = np.sqrt(np.diag(np.linalg.inv(SLOPES.T @ SLOPES))) * 0.3
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(errors, rel=0.25)


def test_outliers_move_it_little():
    values = SLOPES @ [1.0, 2.0] + RNG.normal(0, 0.3, 60)
    spoilt = values.copy()
    spoilt[:6] += 1000
    assert line(spoilt).parameters == pytest.approx(line(values).parameters, abs=0.3)
    assert line(spoilt).spreads[0].scale < 1


def test_prior_and_bounds_hold():
    values = SLOPES @ [-1.0, 2.0] + RNG.normal(0, 0.3, 60)
    assert line(values, low=0.0).parameters == pytest.approx([0, 2], abs=0.4)
    assert line(values, low=0.0).parameters[0] == 0
    assert np.all(np.abs(line(values, prior=1e-3).parameters) < 0.01)


def test_spread_of_repetitions():
    groups = [RNG.normal(level, 0.1, 5) for level in range(200)]
    spread = repeats(groups)
    assert spread.scale == pytest.approx(0.1, rel=0.1) and spread.dof == 801
    assert repeats([[3.0], [5.0]]) == Spread(scale=pytest.approx(PRIOR_SCALE), dof=1)
    assert repeats([]) == Spread(scale=pytest.approx(PRIOR_SCALE), dof=1)


def test_spreads_add_as_variances():
    both = Spread(scale=3, dof=4) + Spread(scale=4, dof=8)
    assert both.scale == 5 and 4 < both.dof < 12
    assert (Spread(scale=3, dof=4) + Spread(scale=0, dof=1)) == Spread(scale=3, dof=4)
    assert (Spread(scale=0, dof=4) + Spread(scale=0, dof=1)) == Spread(scale=0, dof=1)
    assert Spread(scale=3, dof=4) * 2 == Spread(scale=6, dof=4)


def test_what_does_not_settle_is_refused():
    sign = iter(range(10**9))

    def swinging(at):
        return [Group(residuals=np.full(60, (-1.0) ** next(sign)), jacobian=SLOPES, size=60)]
    with pytest.raises(CodesignError, match="must settle within 500 steps, not still move by"):
        solve_robustly(swinging, np.zeros(2), mean=np.zeros(2), deviation=np.ones(2), low=np.full(2, -np.inf))
