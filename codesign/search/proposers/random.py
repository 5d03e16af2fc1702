"""Random search: what every other algorithm has to beat."""

import random
from collections.abc import Collection, Sequence

from ..space import Space
from .interface import Outcome, Proposal, distinct, seed_of

__all__ = ["RandomProposer", "draw"]


def draw(space: Space, generator: random.Random) -> Proposal:
    """A proposal, every choice equally likely."""
    return Proposal(choices=space.propose(lambda name, choices: generator.choice(choices)))


class RandomProposer:
    """Draws from ``space``, whatever it is told."""

    def __init__(self, space: Space, seed: int):
        self.space, self.seed, self._told = space, seed, 0

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        self._told += len(outcomes)

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        generator = random.Random(seed_of(self.seed, self._told))
        return distinct(lambda: draw(self.space, generator), count, known)
