"""Accuracies of trained networks: of one training, or the mean of two (:mod:`codesign.search.validation`)."""

from functools import lru_cache
from pathlib import Path

from .directory import SweepDirectory
from .training import load_trained

__all__ = ["ROUNDS", "as_validated", "second_path"]

ROUNDS = 2


def as_validated(record: dict, directory: SweepDirectory, round: int = ROUNDS) -> dict:
    """``record`` with the mean accuracy of both trainings, and ``accuracies``, where its network had a second one up to
    ``round``: what came later decides nothing in a round that is gone through again."""
    paths = [second_path(directory, record, r) for r in range(1, round + 1)] if record["status"] == "trained" else []
    second = next((_accuracy(path) for path in paths if path.exists()), None)
    if second is None:
        return record
    return {**record, "accuracy": (record["accuracy"] + second) / 2, "accuracies": [record["accuracy"], second]}


@lru_cache(10_000)
def _accuracy(path: Path) -> float:
    """Of a model directory, which never changes."""
    return load_trained(path).accuracy


def second_path(directory: SweepDirectory, record: dict, round: int) -> Path:
    """The model directory of a second training in ``round``."""
    return directory.candidates / f"{record['network_digest'][:12]}-second{round}"
