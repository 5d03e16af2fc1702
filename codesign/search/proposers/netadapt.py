"""Coordinate descent to a budget, in NetAdapt's manner (Yang et al., "NetAdapt: platform-aware neural network
adaptation for mobile applications", ECCV 2018).

A descent starts from the largest network of the space. Each step must take what its budget counts down by
:data:`REDUCTION`: for every choice that has a size, the smallest cut that does so is proposed and trained shortly, and
the most accurate of them is the step's network, which is trained whole and is where the next step starts. So every step
keeps its budget, exactly, since the cost model tells what a network takes; and the steps' networks are a family.

The budget counts what the largest network misses most of the constraints, or else the first objective that is known
before training: cycles, by default. Networks that miss a constraint are not trained: as long as there are only such,
the cut that leaves most weights is taken. Other than in the paper, a network's weights are not those of the step
before but trained from the start, as all of a sweep's are. What has no size (shifts, pools, kinds of stages, the share
of the board) is drawn, the same for all of a descent; when one is at its end, another one starts.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...errors import CodesignError
from ...objectives import Metric
from ..space import Choices, is_size, size
from .base import ProposerBase
from .interface import Outcome, Problem, Proposal, distinct
from .random import draw

__all__ = ["REDUCTION", "NetAdaptProposer"]

REDUCTION = 0.05  # of a step, at least; less only where no cut brings as much
SHORT = 1 / 9  # of the epochs, to compare a step's cuts: a third of them did worse on the benchmark
DESCENTS = 100


@dataclass(frozen=True, kw_only=True)
class _Point:
    """A network on the way, and what it costs."""

    choices: Mapping[str, Any]
    record: Mapping
    violation: float

    def at(self, fidelity: float) -> Proposal:
        return Proposal(choices=self.choices, fidelity=fidelity)


class NetAdaptProposer(ProposerBase):
    """What the first descent that is not at its end waits for; random points after the last one."""

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self._told: dict[str, Outcome] = {}
        self._points: dict[str, _Point | None] = {}

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        super().tell(outcomes)
        self._told |= {o.proposal.key: o for o in outcomes}

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        due = [p for p in self._due() if p.key not in known]
        generator = self.generator()
        return due[:count] or distinct(lambda: draw(self.space, generator), count, known)

    def pending(self, known: Collection[str]) -> list[Proposal]:
        """Whole trainings of the steps' networks."""
        return [p for p in self._due() if p.fidelity == 1 and p.key not in known]

    def _due(self) -> list[Proposal]:
        """What is not told, of all descents up to the first that waits for some of it."""
        found: dict[str, Proposal] = {}
        for number in range(DESCENTS):
            due, ended = self.descend(number)
            found |= {p.key: p for p in due if p.key not in self._told}
            if not ended:
                break
        return list(found.values())

    def descend(self, number: int) -> tuple[list[Proposal], bool]:
        """All trainings of the descent ``number`` so far, told or not, and whether it is at its end."""
        at, found = self._start(number), list[Proposal]()
        if at is None:
            return found, True
        metric = self._budget(at)
        while True:
            if at.violation == 0:
                found.append(at.at(1.0))
            cuts = self._cuts(at, metric)
            if not cuts:
                return found, True
            if at.violation == 0 and len(cuts) > 1:
                short = [cut.at(SHORT) for cut in cuts]
                found += short
                if any(p.key not in self._told for p in short):
                    return found, False
            at = max(cuts, key=self._merit)

    def _merit(self, cut: _Point) -> tuple[float, int]:
        """Accuracy after a short training, or, where there is none, weights."""
        outcome = self._told.get(cut.at(SHORT).key)
        accuracy = -1.0 if outcome is None or outcome.accuracy is None else outcome.accuracy
        return accuracy, cut.record["weights"]

    def _start(self, number: int) -> _Point | None:
        """The largest network, but for what has no size; None where it cannot be built."""
        generator = random.Random(f"{self.seed} {number}")
        return self._point(self.space.propose(lambda name, choices: max(choices, key=size) if is_size(name) else
                                              generator.choice(choices)))

    def _budget(self, start: _Point) -> Metric:
        """What the budget counts."""
        missed = self.problem.goals.missed(start.record)
        return max(missed, key=lambda c: c.violation(start.record)).metric if missed else self.problem.goals.cost

    def _cuts(self, at: _Point, metric: Metric) -> list[_Point]:
        """Of each choice with a size the smallest cut that brings the reduction; where none of them does, those that
        bring most. Different networks, none of which misses a constraint more than now."""
        def need(point: _Point) -> float:
            amount = metric.of(point.record)
            return 1 / amount if metric.maximize else amount

        smaller = [[point for point in self._smaller(at, name) if need(point) < need(at)
                    and point.violation <= at.violation] for name in at.choices if is_size(name)]
        allowed = (1 - REDUCTION) * need(at)
        cuts = [next(point for point in points if need(point) <= allowed) for points in smaller
                if any(need(point) <= allowed for point in points)]
        cuts = cuts or [min(points, key=need) for points in smaller if points]
        return list({point.record["network_digest"]: point for point in cuts}.values())

    def _smaller(self, at: _Point, name: str) -> list[_Point]:
        """``at`` with the choice ``name`` smaller and smaller."""
        values = sorted((c for c in self.space.choices(name) if size(c) < size(at.choices[name])), key=size)
        points = [self._point(self.space.propose(partial(_changed, {**at.choices, name: value})))
                  for value in reversed(values)]
        return [point for point in points if point is not None]

    def _point(self, choices: Mapping[str, Any]) -> _Point | None:
        """None where there is no such network, or no accelerator for it."""
        key = Proposal(choices=choices).key
        if key not in self._points:
            try:
                record = self.problem.price(choices)
                self._points[key] = _Point(choices=choices, record=record,
                                           violation=self.problem.goals.violation(record))
            except CodesignError:
                self._points[key] = None
        return self._points[key]


def _changed(choices: Mapping[str, Any], name: str, _: Choices) -> Any:
    return choices[name]
