"""Random search: what every other algorithm has to beat."""

import random
from collections.abc import Collection

from ..space import Space
from .base import ProposerBase
from .interface import Proposal, distinct

__all__ = ["RandomProposer", "draw"]


def draw(space: Space, generator: random.Random) -> Proposal:
    """A proposal, every choice equally likely."""
    return Proposal(choices=space.propose(lambda name, choices: generator.choice(choices)))


class RandomProposer(ProposerBase):
    """Draws from the space, whatever it is told."""

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        generator = self.generator()
        return distinct(lambda: draw(self.space, generator), count, known)
