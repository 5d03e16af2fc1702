"""What becomes of a generation of proposals: all are priced, the promising are trained, the others passed over.

Everything decided here follows from the generation and the trials before it, whatever of the generation was finished
before a restart, and in whatever order workers finish.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..costs import CostTable, Evidence
from ..datasets import Dataset
from ..errors import CodesignError
from ..network import Network
from ..pool import Failure
from .directory import SweepDirectory
from .options import SweepOptions
from .prepared import Prepared
from .pricing import Pricer
from .records import TRIED, most_promising, training_spent
from .runner import Runner
from .training import Job, Trained
from .trials import Trial, TrialDatabase
from .verilog import Verilog

__all__ = ["Evaluator"]


class Evaluator:
    """Evaluates generations of one sweep. ``news(text)`` is called with each training's result."""

    def __init__(self, options: SweepOptions, directory: SweepDirectory, database: TrialDatabase, table: CostTable,
                 verilog: Verilog, runner: Runner, dataset: Dataset, prepared: Prepared):
        self.prepared = prepared
        self.options, self.directory, self.dataset = options, directory, dataset
        self.goals = options.goals
        self.database, self.runner = database, runner
        evidence = Evidence(table, options.board.name, verilog)  # one footing for all of a round
        self.pricer = Pricer(options.space, options.board, options.goals, evidence)

    def evaluate(self, generation: Sequence[Trial], before: Sequence[Trial], news: Callable[[str], Any]) -> None:
        """Finish those of ``generation`` that are not finished; ``before`` are the trials of earlier ones."""
        records = [t.record for t in before if t.record is not None]
        fates = self._fates(generation, records)
        training = self._chosen(fates, records)
        jobs: dict[str, Job] = {}
        for trial in generation:
            record, network = fates[trial.number]
            if "status" not in record and trial.number not in training:
                record["status"] = "not trained"
            if trial.record is not None:
                continue
            if "status" in record:
                self.database.finish(trial.number, record)
            else:
                job = self._job(network, record["epochs"])
                jobs[job.path.name] = job
        for job, answer in self.runner.train(list(jobs.values()), self.dataset):
            for trial in generation:
                record, network = fates[trial.number]
                if trial.record is None and "status" not in record and \
                        self._job(network, record["epochs"]).path == job.path:
                    self.database.finish(trial.number, self._tried(record, answer))
                    news(f"{record['id'][:8]}: {answer.reason}" if isinstance(answer, Failure) else
                         f"{record['id'][:8]}: {answer.accuracy:.1%} valid., {record['price']['cycles']:,.0f} cycles")

    def _fates(self, generation: Sequence[Trial], before: Sequence[dict]) -> dict[int, tuple[dict, Any]]:
        """Each trial's record so far, without a status where it may be trained, and its network."""
        failed = {r["network_digest"] for r in before if r["status"] == "failed"}
        fates: dict[int, tuple[dict, Any]] = {}
        for trial in generation:
            about = {"trial": trial.number, "round": trial.round, "generation": trial.generation,
                     "fidelity": trial.proposal.fidelity}
            try:
                network, priced = self.pricer.pair(trial.proposal.choices)
            except CodesignError as e:
                fates[trial.number] = {**about, "status": "impossible", "reason": str(e), "violation": 1.0}, None
                continue
            record = {**priced, **about, "epochs": max(1, round(trial.proposal.fidelity * self.options.epochs))}
            violation, siblings = self.goals.violation(record), [r for r, _ in fates.values()]
            if violation > 0:
                record |= {"status": "over budget", "violation": violation, "reason": self.goals.reason(record)}
            elif record["network_digest"] in failed:
                record |= {"status": "duplicate", "reason": "its network could not be trained before"}
            elif any(r.get("id") == record["id"] and r["fidelity"] == record["fidelity"] for r in siblings):
                record |= {"status": "duplicate", "reason": "proposed at the same time"}
            fates[trial.number] = record, network
        return fates

    def _chosen(self, fates: dict[int, tuple[dict, Any]], before: Sequence[dict]) -> set[int]:
        """Numbers of the trials to train: as many as keeps pace with the pairs priced, those known from a shorter
        training first. All, where none is trained: weights are inherited."""
        open_ = [r for r, _ in fates.values() if "status" not in r]
        if self.prepared.inheritance is not None:
            return {r["trial"] for r in open_}
        known = {r["network_digest"] for r in before if r["status"] in TRIED}
        priced = {r["id"] for r in (*before, *(r for r, _ in fates.values())) if "id" in r}
        trained = max(1, self.options.trained - round(self.prepared.passes / self.options.epochs))
        left = math.ceil(trained * min(1, len(priced) / self.options.trials)) - training_spent(before)
        there = [r for r in open_ if r["network_digest"] in known]
        others = [r for r in open_ if r["network_digest"] not in known]
        count = math.floor(left / min(r["fidelity"] for r in others) + 1e-9) if others else 0
        return {r["trial"] for r in (*there, *most_promising(others, count, self.goals))}

    def _tried(self, record: dict, answer: Trained | Failure) -> dict:
        """``record`` after its training. Constraints that it decides are for whole trainings."""
        if isinstance(answer, Failure):
            return {**record, "status": "failed", "reason": answer.reason, "kind": answer.kind}
        whole = record["fidelity"] == 1
        record = {**record, "status": "trained" if whole else "screened", "accuracy": answer.accuracy,
                  "model": f"candidates/{answer.path.name}", "model_digest": answer.digest}
        violation = self.goals.violation(record, trained=True) if whole else 0
        return {**record, "violation": violation} if violation else record

    def _job(self, network: Network, epochs: int) -> Job:
        kind = "search" if epochs == self.options.epochs else f"{epochs}epochs"
        return Job(network=network, epochs=epochs, seed=self.options.seed, all_data=False,
                   path=self.directory.candidates / f"{network.digest()[:12]}-{kind}",
                   inheritance=self.prepared.inheritance)
