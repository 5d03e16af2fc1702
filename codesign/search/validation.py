"""Accuracies of trained networks: by one training and one part of the training images for validation, or, of those that
are to be measured, by two.

Of many that were tried, the best are the best by luck, too. A second training, on another split, was not chosen by: the
mean of both says more of what held-out images will.
"""

from collections.abc import Iterable
from pathlib import Path

from ..datasets import Dataset
from ..network import Network
from ..pool import Failure
from .directory import SweepDirectory
from .options import SweepOptions
from .prepared import Inheritance
from .records import best_records
from .runner import Runner
from .tracker import Tracker
from .training import Job, load_trained
from .trials import TrialDatabase

__all__ = ["ROUNDS", "Validation", "as_validated"]

ROUNDS = 2
SPLIT = 1  # of the second training; the search's own is 0


def as_validated(record: dict, directory: SweepDirectory, round: int = ROUNDS) -> dict:
    """``record`` with the mean accuracy of both trainings, and ``accuracies``, where its network had a second one up to
    ``round``: what came later decides nothing in a round that is gone through again."""
    paths = [_path(directory, record, r) for r in range(1, round + 1)] if record["status"] == "trained" else []
    second = next((load_trained(path).accuracy for path in paths if path.exists()), None)
    if second is None:
        return record
    return {**record, "accuracy": (record["accuracy"] + second) / 2, "accuracies": [record["accuracy"], second]}


def _path(directory: SweepDirectory, record: dict, round: int) -> Path:
    """The model directory of a second training in ``round``."""
    return directory.candidates / f"{record['network_digest'][:12]}-second{round}"


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
        by_path = {_path(self.directory, r, round): r for r in records}
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
