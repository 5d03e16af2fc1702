"""Training candidates in worker processes, each into its own model directory; what is there is not trained again."""

import dataclasses
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..datasets import Dataset
from ..errors import CodesignError, require
from ..integer import IntegerNetwork
from ..model import load_model, save_model
from ..network import Network
from ..workers import one_thread, start_worker

__all__ = ["Job", "Train", "Trained", "Trainer"]


class TrainResult(Protocol):
    """What training returns: the integers, their accuracy on the data set's test part, a record per epoch."""

    integer: IntegerNetwork
    accuracy: float
    history: Sequence[dict]


#: ``train(network, dataset, epochs=..., seed=...)``: a function at the top level of a module, as workers need it.
Train = Callable[..., TrainResult]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training. ``path`` is the model directory to be."""

    network: Network
    dataset: Dataset
    path: Path
    epochs: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model: its directory, and accuracy on what its data set holds out."""

    path: Path
    accuracy: float
    history: Sequence[dict]


def load_trained(path: Path) -> Trained:
    """Read back what :func:`train_job` left."""
    info = load_model(path)[1].info
    return Trained(path=path, accuracy=info["accuracy"], history=info["history"])


def train_job(job: Job, train: Train) -> Trained:
    """Train, and write the model with its accuracy and history; or read it if it is there."""
    if job.path.exists():
        return load_trained(job.path)
    result = train(job.network, job.dataset, epochs=job.epochs, seed=job.seed)
    info = {**result.integer.info, "accuracy": float(result.accuracy), "history": list(result.history),
            "dataset": job.dataset.name, "seed": job.seed, "epochs": job.epochs}
    save_model(job.path, job.network, dataclasses.replace(result.integer, info=info))
    return Trained(path=job.path, accuracy=info["accuracy"], history=info["history"])


def _start_trainer() -> None:
    """A worker with PyTorch on one thread."""
    start_worker()
    import torch  # here: the parent need not have it

    torch.set_num_threads(1)


class Trainer:
    """Worker processes that train; started when first needed, ended on leaving the context."""

    def __init__(self, train: Train, workers: int):
        require(workers >= 1, f"Workers must be at least 1, not {workers}")
        self.train, self.workers = train, workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(self, *exc_info) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Trained | CodesignError]]:
        """Train ``jobs``; yields each with its result, or its error, as it is done."""
        missing = [job for job in jobs if not job.path.exists()]
        for job in jobs:
            if job not in missing:
                yield job, load_trained(job.path)
        if not missing:
            return
        with one_thread():
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self.workers, mp_context=multiprocessing.get_context("spawn"),
                                                 initializer=_start_trainer)
            futures = {self._pool.submit(train_job, job, self.train): job for job in missing}
        try:
            for future in as_completed(futures):
                try:
                    result: Trained | CodesignError = future.result()
                except CodesignError as e:
                    result = e
                yield futures[future], result
        except BrokenProcessPool as e:
            raise CodesignError(f"Training workers must not die (out of memory?): {e}") from None
