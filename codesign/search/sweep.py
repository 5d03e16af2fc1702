"""The search: propose pairs, price them, train the promising, measure the best, and go round again with the rows.

Everything that needs a simulator or a trainer is passed in as :class:`~codesign.search.options.Tools`. The state is
on disk only: trials in a database, models and measurements in the sweep's directory. A generation is proposed from the
outcomes of those before it, and evaluated whole, so the same call goes on after a kill and ends as if there had been
none; it loses at most the trainings and measurements in flight.
"""

import contextlib
import math
import random
from collections.abc import Sequence
from functools import partial

from ..costs import CostTable
from ..errors import CodesignError, require
from ..pool import Pool
from .accuracy import ROUNDS
from .crew import open_crew
from .directory import SweepDirectory, write_json
from .evaluation import Evaluator
from .finals import Finals
from .options import SweepOptions, Tools
from .pareto import pareto_front
from .preparation import complete
from .prepared import PREPARED, prepare
from .pricing import Pricer
from .proposers import Problem, Proposal, make_proposer, neighbours
from .results import collect
from .runner import Runner
from .tracker import Tracker
from .training import Shared
from .trials import Trial, TrialDatabase, reach, sqlite_url, storage_url
from .validation import Validation
from .verilog import Verilog

__all__ = ["run_sweep"]

ROUND_1_SHARE = 0.6  # of the trials; the others are proposed after the first measurements
NEIGHBOURS = 2  # of each measured candidate, proposed first in round 2: they share layers, so rows, with it
BARREN_GENERATIONS = 25  # without one new pair, before the space counts as exhausted


def run_sweep(options: SweepOptions, tools: Tools) -> dict:
    """Run or continue a sweep; returns its results, which are in ``results.json`` too.

    Raises :class:`CodesignError` on a directory that is not the sweep's, on a full disk or a database out of reach,
    where a measurement contradicts the reference or the cost model, and where too much fails.
    """
    dataset, space = tools.dataset(), options.space
    require(dataset.shape == space.input and len(dataset.classes) == space.classes,
            f"Space input and classes must be the data set's {list(dataset.shape)} and {len(dataset.classes)}, "
            f"not {list(space.input)} and {space.classes}")
    dataset.augmented_as(options.recipe.augmentation)  # told before the work
    directory = SweepDirectory(options.out)
    shared = Shared(train=tools.train, measure=tools.measure, dataset=dataset, seed=options.seed, recipe=options.recipe,
                    device=options.training_device)
    url = storage_url(options.storage) if options.storage else sqlite_url(directory.study)
    if options.storage and not directory.begun:
        reach(url)  # a wrong address leaves nothing behind
    with (Pool(open_crew(options, shared)) as pool, directory.opened(options.settings(), space.name) as name,
          CostTable(directory.costs) as table):
        database = TrialDatabase(url, name, space, options.goals)
        try:
            runner = Runner(pool, options)
            tracker = Tracker(options, database, directory, runner, tools.watch)
            if options.costs is not None and not table.last_id():  # begun now
                options.costs.add_to(table)
                tools.log(f"begun with {len(options.costs.rows)} rows of {options.board.name}")
            verilog = Verilog(tools.verilog_digest, space.configs(options.board), table)
            if options.search in PREPARED:
                tracker.tell(1, "training what proposes")
            prepared = prepare(
                options.search, space, options.board, passes=options.trained * options.epochs,
                proposals=options.trials, seed=options.seed, recipe=options.recipe,
                rows=lambda: options.costs.fresh_cycles(verilog) if options.costs else (),
                complete=partial(complete, pool=pool, folder=directory.path, limit_s=options.train_limit_s))
            validation = Validation(options, directory, database, runner, dataset, tracker, prepared.inheritance)
            finals = Finals(options, tools, directory, database, table, runner, dataset, name, tracker,
                            validation)
            search = _Search(options, tools, database, Evaluator(
                options, directory, database, table, verilog, runner, shared.search_dataset, prepared), tracker,
                validation)
            first: list[dict] = []
            for round in range(1, ROUNDS + 1):
                search.propose(round, first)
                validation.confirm(round)
                if round == ROUNDS:
                    search.spread(round)
                first = finals.measure_best(round)
                tracker.tell(round, "writing results", final_trainings=0)
                results = collect(options, tools, verilog, dataset, database, directory)
                write_json(directory.results, results)
            require(results["counts"]["measured"] > 0, "Sweep must have trained and measured something: "
                    + (f"{len(results['failures'])} failures, the last: {results['failures'][-1]['reason']}"
                       if results["failures"] else "no pair was within the budget"))
        finally:
            database.close()
    return results


class _Search:
    """One sweep's generations."""

    def __init__(self, options: SweepOptions, tools: Tools, database: TrialDatabase, evaluator: Evaluator,
                 tracker: Tracker, validation: Validation):
        self.options, self.tools, self.database, self.evaluator = options, tools, database, evaluator
        self.tracker, self.validation = tracker, validation
        self.pricer = Pricer(options.space, options.board, options.goals)
        self.proposer = make_proposer(options.search, Problem(
            space=options.space, seed=options.seed, goals=options.goals, price=self.pricer.record,
            family=evaluator.prepared.family))
        self._told = 0

    def propose(self, round: int, measured: Sequence[dict]) -> None:
        """Propose and evaluate generations until the round has its number of different pairs; in round 2 neighbours of
        the ``measured`` records first."""
        quota = self.options.trials if round == 2 else max(1, math.floor(self.options.trials * ROUND_1_SHARE))
        while True:
            trials = self.database.trials()
            if any(t.round > round for t in trials):
                return
            self.tracker.tell(round)
            at = _unfinished(trials)
            before = [t for t in trials if t.generation < at]
            pairs = {t.record["id"] for t in before if t.record and "id" in t.record}
            left = quota - len(pairs)
            generation = self._generation(round, at, before, left, measured)
            if left > 0 and (not generation or _barren(before) >= BARREN_GENERATIONS):
                self.tools.log(f"round {round}: no new pairs to be found, going on with {len(pairs)}")
                return
            if not generation:
                return
            self.evaluator.evaluate(generation, before, lambda news: self.tracker.tell(round, latest=news))

    def spread(self, round: int) -> None:
        """Put trained networks on other accelerators, where nothing else beats that. It takes no training, and does
        not count as trials."""
        while True:
            trials = self.database.trials()
            at = _unfinished(trials)
            before = [t for t in trials if t.generation < at]
            known = {t.proposal.key for t in before}
            size = self.options.generation
            generation = self._added(at, round, size, [p for p in self._elsewhere(round) if p.key not in known][:size])
            if not generation:
                return
            self.evaluator.evaluate(generation, before, lambda news: self.tracker.tell(round, latest=news))

    def _generation(self, round: int, at: int, before: Sequence[Trial], left: int,
                    measured: Sequence[dict]) -> list[Trial]:
        """The trials of generation ``at``: proposed by what was ``before``, less what is in the database of it. Where
        no pair is ``left`` of the round's, only what is due to those it has."""
        self.proposer.tell([t.outcome(self.options.goals) for t in before[self._told:]])
        self._told = len(before)
        known = {t.proposal.key for t in before}
        if left <= 0:
            size = self.options.generation
            proposals = self.proposer.pending(known)[:size]
        else:
            size = min(self.options.generation, left)
            proposals = [p for p in self._neighbours(before, measured) if p.key not in known][:size]
            proposals += self.proposer.ask(size - len(proposals), {*known, *(p.key for p in proposals)})
        return self._added(at, round, size, proposals)

    def _added(self, at: int, round: int, size: int, proposals: Sequence[Proposal]) -> list[Trial]:
        """The trials of generation ``at``, filled up to its ``size`` from ``proposals``."""
        there = {t.proposal.key for t in self.database.trials() if t.generation == at}
        missing = [p for p in proposals if p.key not in there]
        self.database.add(at, round, missing[:size - len(there)])
        return [t for t in self.database.trials() if t.generation == at]

    def _neighbours(self, before: Sequence[Trial], measured: Sequence[dict]) -> list[Proposal]:
        trials = {t.number: t for t in before}
        found: dict[str, Proposal] = {}
        for record in measured:
            generator = random.Random(f"{self.options.seed} {record['trial']}")
            for proposal in neighbours(self.options.space, trials[record["trial"]].proposal, NEIGHBOURS, generator):
                found.setdefault(proposal.key, proposal)
        return list(found.values())

    def _elsewhere(self, round: int) -> list[Proposal]:
        """The networks trained so far on other accelerators: the pairs with these that nothing else beats, all priced
        by the model: what rows say of some of them is no footing to compare by."""
        goals, choices = self.options.goals, {t.number: t.proposal.choices for t in self.database.trials()}
        trained = [r for r in self.validation.records(round) if r["status"] == "trained"]
        found: dict[str, tuple[dict, Proposal | None]] = {}
        for share in (None, *self.options.space.share):  # those that are there first
            for r in trained:
                at = choices[r["trial"]] if share is None else {**choices[r["trial"]], "share": share}
                with contextlib.suppress(CodesignError):  # none so small
                    record = {**self.pricer.record(at), "accuracy": r["accuracy"]}
                    found.setdefault(record["id"], (record, None if share is None else Proposal(choices=at)))
        met = [(record, proposal) for record, proposal in found.values() if not goals.missed(record, trained=True)]
        front = pareto_front(met, lambda pair: goals.losses(pair[0]))
        return [proposal for _, proposal in sorted(front, key=lambda pair: goals.losses(pair[0])) if proposal]


def _unfinished(trials: Sequence[Trial]) -> int:
    """The first generation with a trial in flight, or the next one."""
    running = [t.generation for t in trials if t.record is None]
    return min(running, default=max((t.generation for t in trials), default=-1) + 1)


def _barren(trials: Sequence[Trial]) -> int:
    """How many generations at the end found no new pair."""
    newest, seen = -1, set[str]()
    for trial in trials:
        if trial.record and trial.record.get("id", "") not in {"", *seen}:
            newest = trial.generation
            seen.add(trial.record["id"])
    return max((t.generation for t in trials), default=-1) - newest
