"""Calls made by worker processes, any of which may fail, die or hang without the others or the caller."""

import errno
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from .errors import CodesignError, Contradiction

__all__ = ["Crew", "Failure", "Pool", "Task", "Worker", "WorkerDied", "attempt"]

POLL_S = 0.5  # at most between two looks at limits, and at workers that are to be ready
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
ATTEMPTS = 3  # of a task whose worker dies: that may be chance (somebody else's memory, a machine switched off)
STILLBORN = 20  # workers in a row that die before they are ready, before that is no chance either


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """The call ``function(shared, *arguments)``, by a function at the top level of a module.

    limit_s : seconds after which the worker is ended
    """

    function: Callable[..., Any]
    arguments: tuple
    limit_s: float


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A task without a result, and why, in one line.

    kind : ``error`` (it said so), ``died`` (its worker did, every time), ``limit`` (it took too long), ``full disk``,
        or ``contradiction`` (see :class:`codesign.errors.Contradiction`)
    """

    reason: str
    kind: Literal["error", "died", "limit", "full disk", "contradiction"] = "error"


class WorkerDied(Exception):
    """A worker ended without an answer; the message says how."""


class Worker(Protocol):
    """A process that does one task at a time."""

    def ready(self) -> bool:
        """Whether it is up and can begin; raises WorkerDied where it never will."""

    def begin(self, task: Task) -> None:
        """Start on ``task``."""

    def running_s(self) -> float:
        """Seconds since it began."""

    def answer(self) -> Any:
        """The task's result or :class:`Failure`, once :meth:`Crew.wait` named the worker; raises WorkerDied."""

    def stop(self) -> None:
        """End it at once, and what it started."""


class Crew(Protocol):
    """Where workers come from. ``size`` : how many there can be."""

    size: int

    def hire(self) -> Worker:
        """A new worker, with the ``shared`` of the crew."""

    def wait(self, workers: Sequence[Any], timeout_s: float) -> list[Any]:
        """Those of the busy ``workers`` that have an answer or died; empty after ``timeout_s`` without one."""

    def close(self) -> None:
        """Let go of everything."""


def attempt(shared: Any, function: Callable[..., Any], arguments: tuple) -> Any:
    """``function(shared, *arguments)``, its exceptions turned into :class:`Failure`."""
    try:
        return function(shared, *arguments)
    except Contradiction as e:
        return Failure(reason=_line(e), kind="contradiction")
    except Exception as e:
        if _is_full_disk(e):
            return Failure(reason=_line(e), kind="full disk")
        if isinstance(e, CodesignError):
            return Failure(reason=_line(e))
        frame = traceback.extract_tb(e.__traceback__)[-1]
        return Failure(reason=f"unexpected {type(e).__name__}: {_line(e)} ({Path(frame.filename).name}:{frame.lineno})")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether it, or what led to it, is a full disk, a compiler's among them."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL_DISK or "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


class Pool:
    """Runs tasks on the workers of a crew; hires them when first needed, and anew where one died."""

    def __init__(self, crew: Crew):
        self.crew = crew
        self._idle: list[Worker] = []
        self._busy: dict[Worker, Task] = {}
        self._stillborn = 0

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *exc_info) -> None:
        for worker in (*self._idle, *self._busy):
            worker.stop()
        self._idle.clear()
        self._busy.clear()
        self.crew.close()

    def run(self, tasks: Sequence[Task], at_most: int | None = None) -> Iterator[tuple[Task, Any]]:
        """Do ``tasks``, ``at_most`` so many at a time; yields each with its result or :class:`Failure`, as it is done.

        Whoever stops iterating ends the tasks that are running. Raises :class:`CodesignError` where no worker can
        start.
        """
        waiting = deque(tasks)
        attempts: dict[Task, int] = {}
        size = min(self.crew.size, at_most or self.crew.size)
        try:
            while waiting or self._busy:
                self._assign(waiting, size)
                for worker in self.crew.wait(list(self._busy), self._patience_s()):
                    task = self._busy.pop(worker)
                    try:
                        answer = worker.answer()
                    except WorkerDied as e:
                        worker.stop()
                        attempts[task] = attempts.get(task, 0) + 1
                        if attempts[task] < ATTEMPTS:
                            waiting.appendleft(task)
                            continue
                        answer = Failure(reason=str(e), kind="died")
                    else:
                        self._idle.append(worker)
                    yield task, answer
                for worker in [w for w, task in self._busy.items() if w.running_s() >= task.limit_s]:
                    task = self._busy.pop(worker)
                    worker.stop()
                    yield task, Failure(reason=f"it took longer than {task.limit_s:g} s", kind="limit")
        finally:
            for worker in self._busy:
                worker.stop()
            self._busy.clear()

    def _assign(self, waiting: deque[Task], size: int) -> None:
        """Give waiting tasks to workers that are ready."""
        while len(self._idle) + len(self._busy) < min(size, len(waiting) + len(self._busy)):
            self._idle.append(self.crew.hire())
        for worker in list(self._idle):
            if not waiting or len(self._busy) == size:
                return
            try:
                if not worker.ready():
                    continue
            except WorkerDied as e:
                self._idle.remove(worker)
                worker.stop()
                self._stillborn += 1
                if self._stillborn == STILLBORN:
                    raise CodesignError(f"Workers must be able to start: {e}") from None
                continue
            self._stillborn = 0
            self._idle.remove(worker)
            self._busy[worker] = waiting.popleft()
            worker.begin(self._busy[worker])

    def _patience_s(self) -> float:
        left = [task.limit_s - worker.running_s() for worker, task in self._busy.items()]
        return max(0.0, min([POLL_S, *left]))
