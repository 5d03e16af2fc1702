"""What search algorithms share: they remember outcomes, and nothing else."""

import random
from collections.abc import Collection, Sequence

from .interface import Outcome, Problem, Proposal, seed_of

__all__ = ["ProposerBase"]


class ProposerBase:
    """Keeps what it is told. Whoever inherits has ``ask``, and no state but what follows from ``problem`` and
    ``outcomes``."""

    def __init__(self, problem: Problem):
        self.problem, self.space, self.seed = problem, problem.space, problem.seed
        self.outcomes: list[Outcome] = []

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """More outcomes, in the order of their numbers."""
        self.outcomes += outcomes

    def pending(self, known: Collection[str]) -> list[Proposal]:
        """Nothing: all is trained at once as long as it will be."""
        return []

    def generator(self) -> random.Random:
        """Draws for what comes after the outcomes so far: a sweep that goes on does not repeat itself."""
        return random.Random(seed_of(self.seed, len(self.outcomes)))
