"""Search algorithms, all behind one interface."""

from ...errors import CodesignError
from .interface import Outcome, Problem, Proposal, Proposer
from .neighbours import neighbours

__all__ = ["PROPOSERS", "Outcome", "Problem", "Proposal", "Proposer", "make_proposer", "neighbours"]

#: What ``--search`` may say, and what it means.
PROPOSERS = {
    "tpe": "multi-objective tree-structured Parzen estimators (Optuna)",
    "nsga2": "a genetic algorithm, NSGA-II",
    "halving": "successive halving on the length of training",
    "netadapt": "coordinate descent to a budget, from the largest network, as NetAdapt does",
    "supernet": "NSGA-II on networks that inherit their weights from one that holds them all (Once-for-All)",
    "fbnet": "differentiable search with Gumbel-softmax and latency (FBNet), then training",
    "random": "every choice equally likely",
}


def make_proposer(kind: str, problem: Problem) -> Proposer:
    """The proposer called ``kind`` for ``problem``; raises :class:`CodesignError` where there is none."""
    match kind:
        case "tpe":
            from .tpe import TpeProposer

            return TpeProposer(problem)
        case "nsga2" | "supernet":  # which differ in where weights come from
            from .nsga2 import Nsga2Proposer

            return Nsga2Proposer(problem)
        case "halving":
            from .halving import HalvingProposer

            return HalvingProposer(problem)
        case "netadapt":
            from .netadapt import NetAdaptProposer

            return NetAdaptProposer(problem)
        case "fbnet":
            from .fbnet import FbnetProposer

            return FbnetProposer(problem)
        case "random":
            from .random import RandomProposer

            return RandomProposer(problem)
    raise CodesignError(f"Search must be one of {', '.join(PROPOSERS)}, not {kind!r}")
