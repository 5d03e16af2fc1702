"""A sweep's calls to its workers: what fails is counted, and too much of it ends the sweep."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import CodesignError
from ..pool import Failure, Pool, Task
from .options import SweepOptions
from .training import Job, Trained, load_trained, save_trained, train_network

__all__ = ["LEAST_TASKS", "Runner"]

LEAST_TASKS = 10  # trainings and measurements, before their failures may be too many


class Runner:
    """Trains and measures on ``pool``.

    Raises :class:`CodesignError` on what makes going on pointless: a full disk, a device that contradicts the
    reference or the cost model, more than the allowed share of failures among this process's tasks. A failure is handed
    out before, so that it is on record.

    trainings, epochs : that were ended here; began : when the first was begun, by ``time.monotonic()``
    """

    def __init__(self, pool: Pool, options: SweepOptions):
        self.pool, self.options = pool, options
        self._done = self._failed = 0
        self.trainings = self.epochs = 0
        self.began: float | None = None

    def run(self, tasks: Sequence[Task], names: Callable[[Task], str],
            at_most: int | None = None) -> Iterator[tuple[Task, Any]]:
        """As :meth:`Pool.run`; ``names(task)`` is what an error says it is about."""
        for task, answer in self.pool.run(tasks, at_most):
            if isinstance(answer, Failure) and answer.kind == "contradiction":
                raise CodesignError(f"{names(task)}: {answer.reason}")
            if isinstance(answer, Failure) and answer.kind == "full disk":
                raise CodesignError(f"Disk must have room, for {names(task)} among others: {answer.reason}")
            yield task, answer
            self._count(names(task), answer)

    def train(self, jobs: Sequence[Job], dataset: Any) -> Iterator[tuple[Job, Trained | Failure]]:
        """Train ``jobs``, each into its directory; those whose directory is there are only read."""
        missing = {Task(function=train_network, arguments=(job,), limit_s=self.options.train_limit_s): job
                   for job in jobs if not job.path.exists()}
        for job in jobs:
            if job.path.exists():
                yield job, load_trained(job.path)
        if missing and self.began is None:
            self.began = time.monotonic()
        for task, answer in self.run(list(missing), lambda task: f"Training of {missing[task].network.name}"):
            job = missing[task]
            self.trainings += 1
            self.epochs += job.epochs
            yield job, answer if isinstance(answer, Failure) else save_trained(job, answer, dataset)

    def _count(self, name: str, answer: Any) -> None:
        self._done += 1
        if not isinstance(answer, Failure):
            return
        self._failed += 1
        if self._done >= LEAST_TASKS and self._failed > self.options.max_failures * self._done:
            raise CodesignError(f"Failures must be at most {self.options.max_failures:.0%} of the trainings and "
                                f"measurements (--max-failures), not {self._failed} of {self._done}; the last, {name}: "
                                f"{answer.reason}")
