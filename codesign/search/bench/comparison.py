"""Searches compared: what each has conquered with each budget, seed after seed, and what that says of their means."""

import csv
import math
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

from scipy.stats import t as student
from tqdm import tqdm

from ...errors import CodesignError, require
from ...pool import Pool
from ...recipe import Recipe
from ..preparation import complete
from ..prepared import PREPARED, prepare
from .judge import Judge, Search, trained
from .table import EPOCHS, LIMIT_S

__all__ = ["BASELINE", "Run", "Runs", "Summary", "compare", "interval", "summarize"]

BASELINE = "random"
LEVEL = 0.95
PROPOSALS = 4  # that inherit their weights, for each training in the budget

Run = tuple[str, int, int]  # search, seed, budget in whole trainings


class Runs(dict[Run, float]):
    """Hypervolumes; with a ``path``, also in that file, so that a comparison goes on where it was stopped.

    about : what they are of; a file of another is refused with :class:`CodesignError`
    """

    def __init__(self, path: Path | None = None, about: str = ""):
        self.path, self.about = path, about
        if path is not None and path.exists():
            super().__init__(self._read(path))

    def _read(self, path: Path) -> Iterable[tuple[Run, float]]:
        try:
            with open(path, newline="") as file:
                first, rows = file.readline().strip("# \n"), list(csv.DictReader(file))
            found = [((row["search"], int(row["seed"]), int(row["trainings"])), float(row["hypervolume"]))
                     for row in rows]
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise CodesignError(f"Runs {str(path)!r} must be readable, with search, seed, trainings, hypervolume: "
                                f"{e}") from None
        require(first == self.about, f"Runs {str(path)!r} must be {self.about}, not {first!r}")
        return found

    def keep(self) -> None:
        """Write the file anew: always a whole one."""
        if self.path is None:
            return
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with open(temporary, "w", newline="") as file:
            file.write(f"# {self.about}\n")
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["search", "seed", "trainings", "hypervolume"])
            writer.writerows((*run, repr(value)) for run, value in sorted(self.items()))
        os.replace(temporary, self.path)


def prepared_search(kind: str, seed: int, budget: int, judge: Judge, pool: Pool) -> float:
    """What such a one has conquered, its preparation, of this ``budget``'s length, trained on ``pool``; networks that
    are trained afterwards are by ``judge``."""
    prepared = prepare(kind, judge.space, judge.board, passes=budget * EPOCHS, proposals=budget * PROPOSALS, seed=seed,
                       recipe=Recipe(), complete=partial(complete, pool=pool, folder=None, limit_s=LIMIT_S))
    if prepared.inheritance is not None:
        judge = Judge(trained(pool, prepared.inheritance))
    return Search(kind, seed, judge, prepared).run([budget * EPOCHS])[0]


def compare(kinds: Sequence[str], seeds: int, budgets: Sequence[int], judge: Judge, pool: Pool | None = None,
            runs: Runs | None = None) -> Runs:
    """``runs``, and those that it has not yet: of :data:`BASELINE` and ``kinds``, with every seed and budget (whole
    trainings). ``pool`` is for those that train before they propose."""
    runs = Runs() if runs is None else runs
    missing = [(kind, seed, [n for n in budgets if (kind, seed, n) not in runs])
               for kind in dict.fromkeys([BASELINE, *kinds]) for seed in range(seeds)]
    for kind, seed, left in tqdm([m for m in missing if m[2]], desc="searches", file=sys.stderr):
        if kind not in PREPARED or pool is None:
            found = Search(kind, seed, judge).run([n * EPOCHS for n in left])
            runs.update({(kind, seed, n): value for n, value in zip(left, found, strict=True)})
            runs.keep()
            continue
        for n in left:
            runs[kind, seed, n] = prepared_search(kind, seed, n, judge, pool)
            runs.keep()
    return runs


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Of their mean, by Student's t: as wide as few values ask for."""
    half = float(student.ppf((1 + LEVEL) / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Shares of what the whole space conquers: the mean over ``seeds`` runs, and what it is more than the baseline's
    with the same seeds; each with its interval."""

    seeds: int
    mean: float
    interval: tuple[float, float]
    gain: float
    gain_interval: tuple[float, float]


def summarize(runs: Runs, best: float, kinds: Sequence[str], budget: int) -> dict[str, Summary]:
    """Of each of ``kinds`` with ``budget``, as a share of ``best``; those without two runs are left out."""
    found = {}
    for kind in kinds:
        values = {seed: value / best for (k, seed, n), value in runs.items() if (k, n) == (kind, budget)}
        gains = [value - runs[BASELINE, seed, budget] / best for seed, value in values.items()]
        if len(values) > 1:
            shares = list(values.values())
            found[kind] = Summary(seeds=len(shares), mean=fmean(shares), interval=interval(shares),
                                  gain=fmean(gains), gain_interval=interval(gains))
    return found
