"""Outcomes from the best to the worst, for algorithms that keep the better part of a population."""

import math
from collections.abc import Sequence

from ..pareto import pareto_front
from .interface import Outcome

__all__ = ["ranked"]


def ranked(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that meet the constraints and have losses first: front after front, within each the lonelier before the
    crowded; then those that miss a constraint, trained or not, by how much (Deb's constrained domination). What was
    not trained and misses none says nothing, and is left out."""
    left = [o for o in outcomes if o.losses is not None and o.violation <= 0]
    found: list[Outcome] = []
    while left:
        front = pareto_front(left, lambda o: o.losses or ())
        found += _lonely_first(front)
        members = {o.number for o in front}
        left = [o for o in left if o.number not in members]
    return found + sorted((o for o in outcomes if o.violation > 0),
                          key=lambda o: (o.violation, o.number))


def _lonely_first(front: Sequence[Outcome]) -> list[Outcome]:
    """By crowding distance: the sum over losses of how far apart its two neighbours are, infinite at the ends."""
    distance = {o.number: 0.0 for o in front}
    for axis in range(len(front[0].losses or ())):
        line = sorted(front, key=lambda o: (_loss(o, axis), o.number))
        span = _loss(line[-1], axis) - _loss(line[0], axis)
        distance[line[0].number] = distance[line[-1].number] = math.inf
        for before, at, after in zip(line, line[1:], line[2:], strict=False):
            distance[at.number] += (_loss(after, axis) - _loss(before, axis)) / span if span else 0.0
    return sorted(front, key=lambda o: (-distance[o.number], o.number))


def _loss(outcome: Outcome, axis: int) -> float:
    assert outcome.losses is not None  # see ranked
    return outcome.losses[axis]
