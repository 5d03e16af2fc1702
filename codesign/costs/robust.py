"""Robust least squares with a prior and several groups of residuals, each of a scale that is estimated with the rest.

Maximum a posteriori by Gauss-Newton steps on Huber's loss (P. J. Huber, Robust Statistics, 1981: the M-estimate, and
the scale of its "Proposal 2"). scipy's ``least_squares`` has the loss, but one scale only, and a given one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear
from scipy.special import ndtr, ndtri

from ..errors import CodesignError

__all__ = ["PRIOR_DOF", "PRIOR_SCALE", "Group", "Solution", "Spread", "repeats", "solve_robustly"]

#: Residuals beyond so many scales count as linearly, not quadratically: 96 % efficient where nothing is an outlier.
TUNING = 1.5
#: E[min(|x|, TUNING)^2] of a normal x: makes the scale that of a normal distribution's core.
CORE = float(2 * ndtr(TUNING) - 1 + 2 * TUNING**2 * ndtr(-TUNING)
             - TUNING * np.sqrt(2 / np.pi) * np.exp(-(TUNING**2) / 2))
#: What is believed of a scale before there are data, as if seen in one residual: 2 % of a time.
PRIOR_SCALE, PRIOR_DOF = 0.02, 1
MAX_STEPS = 500
TOLERANCE = 1e-3  # of a step, in standard errors; of a scale, relative


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A standard deviation, and the degrees of freedom that it rests on."""

    scale: float
    dof: float

    def __add__(self, other: "Spread") -> "Spread":
        """Of the sum of two independent quantities; degrees of freedom by Satterthwaite's formula."""
        variance = self.scale**2 + other.scale**2
        parts = self.scale**4 / self.dof + other.scale**4 / other.dof
        return Spread(scale=variance**0.5, dof=variance**2 / parts if parts else min(self.dof, other.dof))

    def __mul__(self, factor: float) -> "Spread":
        return Spread(scale=self.scale * factor, dof=self.dof)


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Residuals that share a scale.

    residuals : (n,), observed minus predicted; jacobian : (n, parameters) of what is predicted
    size : how many of them are independent
    """

    residuals: np.ndarray
    jacobian: np.ndarray
    size: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """``parameters``, their ``covariance``, and of each group the spread of its residuals."""

    parameters: np.ndarray
    covariance: np.ndarray
    spreads: tuple[Spread, ...]


def _weights(residuals: np.ndarray, scale: float) -> np.ndarray:
    """1 within ``TUNING`` scales, falling as one over the distance beyond."""
    return np.minimum(1, TUNING * scale / np.maximum(np.abs(residuals), 1e-300))


def _scale(residuals: np.ndarray, dof: float) -> float:
    """Standard deviation of the core of ``residuals`` of ``dof`` degrees of freedom, with the prior's."""
    scale = max(float(np.median(np.abs(residuals))) / float(ndtri(0.75)), PRIOR_SCALE / 10) if len(residuals) else 1.0
    for _ in range(MAX_STEPS):
        last = scale
        core = np.sum(np.minimum(np.abs(residuals), TUNING * scale) ** 2) / CORE
        scale = float(np.sqrt((PRIOR_DOF * PRIOR_SCALE**2 + core) / (PRIOR_DOF + dof)))
        if abs(scale - last) <= TOLERANCE * last:
            break
    return scale


def repeats(groups: Iterable[Sequence[float] | np.ndarray]) -> Spread:
    """How far the values of a group lie from their median, all ``groups`` alike."""
    arrays = [np.asarray(group, float) for group in groups]
    residuals = np.concatenate([np.zeros(0), *(array - np.median(array) for array in arrays if len(array) > 1)])
    dof = sum(len(array) - 1 for array in arrays)
    return Spread(scale=_scale(residuals, dof), dof=PRIOR_DOF + dof)


def solve_robustly(groups_at: Callable[[np.ndarray], Sequence[Group]], start: np.ndarray, *, mean: np.ndarray,
                   deviation: np.ndarray, low: np.ndarray, tails: np.ndarray | None = None) -> Solution:
    """The parameters most probable given the residuals and a prior: normal, but with Huber's tails, so that it gives
    way to data that contradict it, where ``tails`` (all, if not given).

    groups_at(parameters) : the groups there, always as many, of the same sizes
    mean, deviation : of the prior, by parameter; low : bounds from below (may be -inf)

    Raises :class:`CodesignError` where the steps do not settle.
    """
    at = np.array(start, float)
    tails = np.ones(len(at), bool) if tails is None else tails
    scales = [_scale(group.residuals, group.size) for group in groups_at(at)]
    for number in range(MAX_STEPS):
        groups = groups_at(at)
        distance = (mean - at) / deviation
        root = np.sqrt(np.where(tails, _weights(distance, 1.0), 1.0))
        rows, wanted = [np.diag(root)], [root * distance]
        for group, scale in zip(groups, scales, strict=True):
            root = np.sqrt(_weights(group.residuals, scale)) / scale
            rows.append(group.jacobian * deviation * root[:, None])
            wanted.append(group.residuals * root)
        matrix, target = np.concatenate(rows), np.concatenate(wanted)
        step = np.linalg.lstsq(matrix, target, rcond=None)[0]
        room = (low - at) / deviation
        if np.any(step < room):
            step = lsq_linear(matrix, target, bounds=(room - 1e-9, np.inf)).x
        covariance = np.linalg.inv(matrix.T @ matrix)
        dofs = [max(0.0, g.size - float(np.sum((r @ covariance) * r))) for g, r in zip(groups, rows[1:], strict=True)]
        part = 1.0 if number < MAX_STEPS // 10 else 0.3  # of the way: all of it may swing for ever
        moved = part * np.clip(step, -5, 5) * deviation
        wanted_scales = [_scale(g.residuals - g.jacobian @ moved, dof) for g, dof in zip(groups, dofs, strict=True)]
        drift = max(abs(np.log(w / s)) for w, s in zip(wanted_scales, scales, strict=True))
        scales = [s * (w / s) ** part for w, s in zip(wanted_scales, scales, strict=True)]
        at = np.maximum(at + moved, low)
        if np.all(np.abs(step) <= TOLERANCE * np.sqrt(np.diag(covariance))) and drift <= TOLERANCE:
            return Solution(parameters=at, covariance=covariance * np.outer(deviation, deviation),
                            spreads=tuple(Spread(scale=scale, dof=PRIOR_DOF + dof)
                                          for scale, dof in zip(scales, dofs, strict=True)))
    raise CodesignError(f"Robust fit must settle within {MAX_STEPS} steps, not still move by {np.abs(step).max():.2g}")
