"""Where a sweep is, from its database and what this process did."""

import time
from collections.abc import Callable

from .accuracy import as_validated
from .directory import SweepDirectory
from .options import SweepOptions
from .progress import Progress
from .records import front_of, training_spent
from .runner import Runner
from .trials import TrialDatabase

__all__ = ["SEARCHING", "Tracker"]

SEARCHING = "searching"


class Tracker:
    """Tells ``watch`` of one sweep's progress."""

    def __init__(self, options: SweepOptions, database: TrialDatabase, directory: SweepDirectory, runner: Runner,
                 watch: Callable[[Progress], None]):
        self.options, self.database, self.directory = options, database, directory
        self.runner, self.watch = runner, watch

    def tell(self, round: int, doing: str = SEARCHING, latest: str = "", final_trainings: int | None = None) -> None:
        """Now. ``final_trainings`` : those left in this round; None: all of them."""
        options, goals = self.options, self.options.goals
        records = [as_validated(t.record, self.directory) for t in self.database.trials() if t.record is not None]
        candidates = {r["id"]: r for r in records if "id" in r}
        trained = [r for r in records if r["status"] == "trained"]
        seconds = time.monotonic() - self.runner.began if self.runner.began is not None else 0.0
        searching = doing == SEARCHING or round == 1
        epochs = options.epochs * max(0.0, options.trained - training_spent(records)) if searching else 0.0
        finals = options.finalists if final_trainings is None else final_trainings
        epochs += options.final_epochs * (finals + options.finalists * (2 - round))
        self.watch(Progress(
            round=round, doing=doing, latest=latest, priced=len(candidates),
            trials=max(options.trials, len(candidates)),
            impossible=sum(r["status"] == "impossible" for r in records),
            over_budget=sum(r["status"] == "over budget" for r in records),
            trained=len({r["network_digest"] for r in trained}), to_train=options.trained,
            failed=sum(r["status"] == "failed" for r in records) + len(self.database.final_failures()),
            measured=sum(not path.name.startswith(".") for path in self.directory.measured.iterdir()),
            front=sorted(front_of(list({r["id"]: r for r in trained}.values()), goals), key=goals.losses),
            columns=goals.objectives,
            trained_here=self.runner.trainings, seconds=seconds,
            left_s=seconds * epochs / self.runner.epochs if self.runner.epochs else None))
