"""How far a sweep is: what whoever watches it is told after every change."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ..objectives import Metric

__all__ = ["Progress", "duration", "plain"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A sweep at one time.

    round : 1 or 2; doing : what it is at, in a word or two
    priced : pairs, of ``trials``; impossible, over_budget : proposals
    trained : networks, of about ``to_train``; failed : trainings and measurements
    measured : pairs, on the device
    front : records of trained pairs that no other beats, the best by the first of the objectives, ``columns``, first
    trained_here, seconds : trainings that this process ended, and the time since it began the first
    left_s : until the end, if trainings go on as they went here; None before the first
    latest : what was just done, in a line, if anything
    """

    round: int
    doing: str
    priced: int
    trials: int
    impossible: int
    over_budget: int
    trained: int
    to_train: int
    failed: int
    measured: int
    front: Sequence[dict]
    columns: Sequence[Metric]
    trained_here: int
    seconds: float
    left_s: float | None
    latest: str = ""

    @property
    def per_minute(self) -> float | None:
        """Trainings a minute; None before the first."""
        return 60 * self.trained_here / self.seconds if self.trained_here and self.seconds else None

    def line(self) -> str:
        """Round, counts and time left."""
        failed = f", {self.failed} failed" if self.failed else ""
        left = "" if self.left_s is None else f", about {duration(self.left_s)} left"
        return (f"round {self.round}, {self.doing}: {self.priced} of {self.trials} pairs priced, {self.trained} "
                f"networks trained, {self.measured} measured{failed}{left}")


def duration(seconds: float) -> str:
    """Such as ``20 s``, ``3 min`` or ``2 h 05 min``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def plain(progress: Progress) -> None:
    """A line on stderr, where that is no terminal."""
    print(progress.line() + (f"; {progress.latest}" if progress.latest else ""), file=sys.stderr, flush=True)
