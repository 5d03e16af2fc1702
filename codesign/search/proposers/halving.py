"""Successive halving on the length of training, asynchronously (ASHA: Li et al., "A system for massively parallel
hyperparameter tuning", 2020).

Every point is first trained for a ninth of the epochs; whoever is among the best third of those trained as long is
trained three times as long, from the start.
"""

from collections.abc import Collection

from .base import ProposerBase
from .interface import Proposal, distinct
from .random import draw
from .ranking import ranked

__all__ = ["HalvingProposer"]

FACTOR = 3
RUNGS = (1 / FACTOR**2, 1 / FACTOR, 1.0)  # shares of the epochs


class HalvingProposer(ProposerBase):
    """Promotions first, the longest trainings before the others; new points, drawn at random, where there are none."""

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        generator, found = self.generator(), self.pending(known)[:count]

        def new() -> Proposal:
            return Proposal(choices=draw(self.space, generator).choices, fidelity=RUNGS[0])

        return found + distinct(new, count - len(found), known)

    def pending(self, known: Collection[str]) -> list[Proposal]:
        """The promotions."""
        found = []
        for below, rung in reversed(list(zip(RUNGS, RUNGS[1:], strict=False))):
            trained = ranked([o for o in self.outcomes if o.proposal.fidelity == below and o.losses is not None])
            found += [Proposal(choices=o.proposal.choices, fidelity=rung)
                      for o in trained[:len(trained) // FACTOR]]
        return [p for p in found if p.key not in known]
