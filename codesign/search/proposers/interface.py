"""What a search algorithm is to a sweep: it is told what became of earlier proposals, and asked for new ones."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...goals import Goals
from ..space import Space

__all__ = ["Outcome", "Problem", "Proposal", "Proposer", "distinct", "seed_of"]

TRIES = 64  # draws for each proposal that is to be new


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """``choices`` : of a space, by name (see :meth:`codesign.search.space.Space.propose`)
    fidelity : share of the search's epochs that it is to be trained for, in (0, 1]
    """

    choices: Mapping[str, Any]
    fidelity: float = 1.0

    @property
    def key(self) -> str:
        """Canonical: equal keys are equal points, trained alike."""
        return json.dumps([self.choices, self.fidelity], sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a proposal.

    losses : its objectives, each to be minimized; None if it was not trained
    violation : by how much it misses the constraints, in parts of their bounds; 0 if it does not
    accuracy : on validation images; None if it was not trained
    """

    number: int
    proposal: Proposal
    losses: tuple[float, ...] | None
    violation: float = 0.0
    accuracy: float | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What a search algorithm is to solve.

    price : of choices, the record that the cost model gives (:func:`~codesign.search.records.pair_record`), the same
        whatever is measured meanwhile; raises :class:`CodesignError` where there is no such network or accelerator
    family : distributions that were learned, for :class:`~codesign.search.proposers.fbnet.FbnetProposer`
    """

    space: Space
    seed: int
    goals: Goals
    price: Callable[[Mapping[str, Any]], Mapping]
    family: Sequence[Mapping[str, Any]] = ()


class Proposer(Protocol):
    """A search algorithm. All its state follows from what it was made with and told, so that the database of trials is
    the one truth: a new proposer that is told all outcomes so far goes on as the old one would have.
    """

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """More outcomes, in the order of their numbers. All that was asked for is told before it is asked again."""

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        """At most ``count`` different proposals whose keys are not in ``known``; fewer where it finds no more.

        Depends on problem, outcomes and ``known`` alone: asked again, it answers the same.
        """

    def pending(self, known: Collection[str]) -> list[Proposal]:
        """Longer trainings that are due to points proposed so far, and not ``known``: to be done even where no more
        points are wanted."""


def seed_of(seed: int, told: int) -> int:
    """A generator's seed for what comes after ``told`` outcomes: a sweep that goes on does not repeat itself."""
    return int.from_bytes(hashlib.sha256(f"{seed} {told}".encode()).digest()[:4])


def distinct(draw: Callable[[], Proposal], count: int, known: Collection[str], tries: int = TRIES) -> list[Proposal]:
    """``count`` different proposals by ``draw()`` that are not ``known``; fewer if ``tries`` draws for each of them do
    not do."""
    found: dict[str, Proposal] = {}
    for _ in range(tries * count):
        if len(found) == count:
            break
        proposal = draw()
        if proposal.key not in known:
            found.setdefault(proposal.key, proposal)
    return list(found.values())
