"""Search algorithms, all behind one interface."""

from ...errors import CodesignError
from ..space import Space
from .interface import Outcome, Proposal, Proposer
from .neighbours import neighbours

__all__ = ["PROPOSERS", "Outcome", "Proposal", "Proposer", "make_proposer", "neighbours"]

#: What ``--search`` may say, and what it means.
PROPOSERS = {
    "tpe": "multi-objective tree-structured Parzen estimators (Optuna)",
    "nsga2": "a genetic algorithm, NSGA-II",
    "halving": "successive halving on the length of training",
    "random": "every choice equally likely",
}


def make_proposer(kind: str, space: Space, seed: int, objectives: int) -> Proposer:
    """The proposer called ``kind``, for so many ``objectives``; raises :class:`CodesignError` where there is none."""
    match kind:
        case "tpe":
            from .tpe import TpeProposer

            return TpeProposer(space, seed, objectives)
        case "nsga2":
            from .nsga2 import Nsga2Proposer

            return Nsga2Proposer(space, seed)
        case "halving":
            from .halving import HalvingProposer

            return HalvingProposer(space, seed)
        case "random":
            from .random import RandomProposer

            return RandomProposer(space, seed)
    raise CodesignError(f"Search must be one of {', '.join(PROPOSERS)}, not {kind!r}")
