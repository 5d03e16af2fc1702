"""What a search's proposals are worth, and what they cost: outcomes as in a sweep, epochs counted alike for all."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from ...errors import CodesignError, require
from ...goals import Goals
from ...network import Network
from ...pool import Failure, Pool, Task
from ..hypervolume import hypervolume
from ..pareto import pareto_front
from ..prepared import Inheritance, Prepared
from ..pricing import Pricer
from ..proposers import Outcome, Problem, Proposal, make_proposer
from ..training import Job, train_network
from .table import EPOCHS, LIMIT_S, SEED, Table, bench_board, bench_space

__all__ = ["GENERATION", "Judge", "Key", "Search", "best_of_all", "tabulated", "trained"]

GENERATION = 8
BARREN = 100  # generations without an epoch trained, before a search counts as at its end
LEAST_ACCURACY = 0.8  # where the box begins: what is worse conquers nothing

Key = tuple[str, int]  # a network's digest, and epochs
Accuracies = Callable[[Mapping[Key, Network]], Mapping[Key, float]]


class Judge:
    """Judges proposals for the benchmark's space on its board; ``accuracies`` has those of networks trained so long,
    NaN where a training failed."""

    def __init__(self, accuracies: Accuracies):
        self.space, self.board, self.accuracies = bench_space(), bench_board(), accuracies
        assert self.space.max_cycles is not None  # the file beside this one says it
        self.max_cycles = self.space.max_cycles
        self.goals = Goals.of(max_cycles=self.max_cycles)
        self.pricer = Pricer(self.space, self.board, self.goals)
        self._known: dict[Key, float] = {}

    def problem(self, seed: int, family: Sequence[Mapping] = ()) -> Problem:
        """What a search is given."""
        return Problem(space=self.space, seed=seed, goals=self.goals, price=self.pricer.record, family=family)

    def outcomes(self, first: int, proposals: Sequence[Proposal]) -> list[tuple[Outcome, Key | None]]:
        """Of ``proposals``, whose numbers begin at ``first``; with each the training it took, if any."""
        priced = [self._price(p) for p in proposals]
        wanted = {key: network for network, _, _, key in priced if network is not None and key is not None}
        missing = {key: network for key, network in wanted.items() if key not in self._known}
        self._known |= self.accuracies(missing) if missing else {}
        found = []
        for number, (proposal, (_, record, violation, key)) in enumerate(zip(proposals, priced, strict=True), first):
            accuracy = math.nan if key is None else self._known[key]
            losses = None if math.isnan(accuracy) else self.goals.losses({**record, "accuracy": accuracy})
            found.append((Outcome(number=number, proposal=proposal, losses=losses, violation=violation,
                                  accuracy=None if losses is None else accuracy), key))
        return found

    def _price(self, proposal: Proposal) -> tuple[Network | None, dict, float, Key | None]:
        try:
            network, record = self.pricer.pair(proposal.choices)
        except CodesignError:
            return None, {}, 1.0, None
        violation = self.goals.violation(record)
        return network, record, violation, None if violation else (
            network.digest(), max(1, round(proposal.fidelity * EPOCHS)))

    def conquered(self, losses: Sequence[Sequence[float]]) -> float:
        """The share of the box that they dominate: accuracies from LEAST_ACCURACY to 1, cycles up to the space's, LUTs
        up to its largest share of the board's."""
        luts = self.board.luts * max(self.space.share)
        points = [(a, cycles / self.max_cycles, lut / luts) for a, cycles, lut in losses]
        return hypervolume(pareto_front(points, lambda p: p), (-LEAST_ACCURACY, 1, 1)) / (1 - LEAST_ACCURACY)


class Search:
    """One search, from its beginning on; ``prepared`` is paid for from the first. A network that inherits its weights
    costs one pass over the images instead of its epochs."""

    def __init__(self, kind: str, seed: int, judge: Judge, prepared: Prepared | None = None):
        self.prepared = prepared or Prepared()
        self.judge, self.proposer = judge, make_proposer(kind, judge.problem(seed, self.prepared.family))

    def _spent(self, paid: Collection[Key]) -> float:
        inherited = self.prepared.inheritance is not None
        return self.prepared.passes + sum(1 if inherited else epochs for _, epochs in paid)

    def run(self, budgets: Sequence[int]) -> list[float]:
        """What it has conquered when so many epochs are trained, for each of ``budgets``. A network trained as long
        before costs nothing; only whole trainings conquer."""
        told: list[Outcome] = []
        losses: list[Sequence[float]] = []
        paid: set[Key] = set()
        found: list[float] = []
        barren = 0
        while len(found) < len(budgets) and barren < BARREN:
            known = {o.proposal.key for o in told}
            proposals = self.proposer.ask(GENERATION, known)
            if not proposals:
                break
            new = self.judge.outcomes(len(told), proposals)
            before = len(paid)
            for outcome, key in new:
                if key is not None:
                    spent = self._spent(paid | {key})
                    while len(found) < len(budgets) and spent > budgets[len(found)]:
                        found.append(self.judge.conquered(losses))
                    paid.add(key)
                if outcome.losses is not None and outcome.proposal.fidelity == 1:
                    losses.append(outcome.losses)
            barren = barren + 1 if len(paid) == before else 0
            self.proposer.tell([outcome for outcome, _ in new])
            told += [outcome for outcome, _ in new]
        return found + [self.judge.conquered(losses)] * (len(budgets) - len(found))


def tabulated(table: Table, images: int) -> Accuracies:
    """Accuracies by ``table``, which counts right answers for so many ``images``."""
    def look_up(wanted: Mapping[Key, Network]) -> dict[Key, float]:
        for digest, epochs in wanted:
            require(epochs in table.get(digest, {}), f"Table must have network {digest[:12]} after {epochs} epochs "
                                                     "(python -m codesign.search.bench.table makes it)")
        return {(digest, epochs): table[digest][epochs] / images for digest, epochs in wanted}

    return look_up


def trained(pool: Pool, inheritance: Inheritance | None = None) -> Accuracies:
    """Accuracies by real trainings on ``pool``, or with weights from an ``inheritance``."""
    def train(wanted: Mapping[Key, Network]) -> dict[Key, float]:
        tasks = {Task(function=train_network, limit_s=LIMIT_S, arguments=(Job(
            network=network, epochs=key[1], seed=SEED, all_data=False, path=Path(),
            inheritance=inheritance),)): key
            for key, network in wanted.items()}
        return {tasks[task]: math.nan if isinstance(answer, Failure) else answer.accuracy
                for task, answer in pool.run(list(tasks))}

    return train


def best_of_all(judge: Judge) -> float:
    """What all networks of the space together conquer."""
    proposals = [Proposal(choices=choices) for choices in judge.space.points()]
    return judge.conquered([o.losses for o, _ in judge.outcomes(0, proposals) if o.losses is not None])
