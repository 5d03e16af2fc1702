"""NSGA-II (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002).

The population is the best of all outcomes so far; parents are drawn by tournaments of two.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..space import Choices
from .base import ProposerBase
from .interface import Proposal, distinct
from .random import draw
from .ranking import ranked

__all__ = ["Nsga2Proposer"]

POPULATION = 24
STARTUP_TRIALS = 12  # outcomes to rank, before there are children; until then proposals are drawn at random


class Nsga2Proposer(ProposerBase):
    """Children of two parents: each choice from either, one or so of them changed."""

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        generator = self.generator()
        population = ranked(self.outcomes)
        parents = [o.proposal for o in population[:POPULATION]] if len(population) >= STARTUP_TRIALS else []
        found = distinct(lambda: self._child(parents, generator), count, known) if parents else []
        return found + distinct(lambda: draw(self.space, generator), count - len(found),
                                {*known, *(p.key for p in found)})

    def _child(self, parents: Sequence[Proposal], generator: random.Random) -> Proposal:
        mother, father = (parents[min(generator.randrange(len(parents)) for _ in range(2))].choices for _ in range(2))
        rate = 1 / len(mother)

        def choose(name: str, choices: Choices) -> Any:
            inherited = _inherited(name, mother, father, generator)
            if inherited is None or generator.random() < rate:
                return generator.choice(choices)
            return inherited[0]

        return Proposal(choices=self.space.propose(choose))


def _inherited(name: str, mother: Mapping[str, Any], father: Mapping[str, Any],
               generator: random.Random) -> tuple[Any] | None:
    """A parent's choice, of one that has it."""
    found = [parent[name] for parent in (mother, father) if name in parent]
    return (generator.choice(found),) if found else None
