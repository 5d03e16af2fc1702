"""Accuracies of trained networks: by one training and one part of the training images for validation, or, of those that
are to be measured, by two.

Of many that were tried, the best are the best by luck, too. A second training, on another split, was not chosen by: the
mean of both says more of what held-out images will.
"""

from collections.abc import Iterable

from ..datasets import Dataset
from ..network import Network
from ..pool import Failure
from .accuracy import as_validated, second_path
from .directory import SweepDirectory
from .options import SweepOptions
from .prepared import Inheritance
from .records import best_records
from .runner import Runner
from .tracker import Tracker
from .training import Job
from .trials import TrialDatabase

__all__ = ["Validation"]

SPLIT = 1  # of the second training; the search's own is 0


class Validation:
    """The second trainings of one sweep."""

    def __init__(self, options: SweepOptions, directory: SweepDirectory, database: TrialDatabase, runner: Runner,
                 dataset: Dataset, tracker: Tracker, inheritance: Inheritance | None):
        self.options, self.directory, self.database = options, directory, database
        self.runner, self.tracker, self.inheritance = runner, tracker, inheritance
        self.dataset = dataset.split_validation(options.seed + SPLIT)

    def records(self, round: int) -> list[dict]:
        """Those up to ``round`` that may be measured, as validated."""
        failed = self.database.final_failures()
        return [as_validated(t.record, self.directory, round) for t in self.database.trials()
                if t.round <= round and t.record is not None and t.record.get("id") not in failed]

    def confirm(self, round: int) -> None:
        """Train all that would be measured a second time; who thereby falls behind makes room for the next. Nothing,
        where weights are inherited: networks are not trained by themselves."""
        while self.inheritance is None:
            best = best_records(self.records(round), self.options.finalists, self.options.goals)
            doubtful = [r for r in best if "accuracies" not in r]
            if not doubtful:
                return
            self._train(round, doubtful)

    def _train(self, round: int, records: Iterable[dict]) -> None:
        by_path = {second_path(self.directory, r, round): r for r in records}
        jobs = [Job(network=Network.from_dict(r["network"]), epochs=self.options.epochs, all_data=False, split=SPLIT,
                    seed=self.options.seed + SPLIT, path=path) for path, r in by_path.items()]
        self.tracker.tell(round, "validating the best again")
        for job, answer in self.runner.train(jobs, self.dataset):
            record = by_path[job.path]
            if isinstance(answer, Failure):
                self.database.fail_final(record["id"], {"what": "second training", "kind": answer.kind,
                                                        "reason": answer.reason})
                news = f"{record['id'][:8]}: {answer.reason}"
            else:
                news = f"{record['id'][:8]}: {answer.accuracy:.1%} valid. after {record['accuracy']:.1%}"
            self.tracker.tell(round, "validating the best again", latest=news)
