"""What some searches train before they propose anything: a supernet, or distributions over choices.

It is trained by workers, a while at a time; the state between is a file in the sweep's directory, always a whole one,
so a kill costs that while at most and the end is the same.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from ..datasets import Dataset
from ..errors import CodesignError
from ..pool import Failure, Pool, Task

__all__ = ["Advance", "Course", "Training", "advance", "complete"]

AT_ONCE_S = 20.0  # of training between two states


class Training(Protocol):
    """A training under way."""

    @property
    def epochs_done(self) -> int: ...

    @property
    def done(self) -> bool: ...

    def epoch(self) -> None: ...

    def state(self) -> bytes:
        """All of it."""

    def outcome(self) -> dict[str, Any]:
        """Of a finished one, what a proposer is to know, JSON-compatible."""


class Course(Protocol):
    """A training's plan; can be sent to workers. The same plan and data give the same end, however often it stops."""

    @property
    def epochs(self) -> int: ...

    def begin(self, dataset: Dataset, state: bytes | None, device: str) -> Training:
        """The training where ``state`` left it, or from its start."""


@dataclass(frozen=True, kw_only=True)
class Advance:
    """How far a course has come: ``state`` to go on from, and, when it is ``done``, its outcome."""

    state: bytes
    epochs_done: int
    done: bool
    outcome: Mapping[str, Any]


def advance(shared: Any, course: Course, state: bytes | None, at_once_s: float = AT_ONCE_S) -> Advance:
    """In a worker: some epochs more, at least one where one is left."""
    import torch  # here: the parent need not have it

    torch.set_num_threads(1)
    training = course.begin(shared.search_dataset, state, shared.device)
    began = time.monotonic()
    while not training.done:
        training.epoch()
        if time.monotonic() - began >= at_once_s:
            break
    return Advance(state=training.state(), epochs_done=training.epochs_done, done=training.done,
                   outcome=training.outcome() if training.done else {})


def complete(courses: Sequence[tuple[str, Course]], pool: Pool, folder: Path | None, limit_s: float) -> list[Advance]:
    """Train all of ``courses`` (name, course), as many at a time as there are workers; their ends, in their order.

    folder : where their states are kept, as ``NAME.pt``; None: nowhere
    Raises :class:`CodesignError` where one fails, or the folder cannot be written.
    """
    ends: dict[int, Advance] = {}
    with ExitStack() as stack:
        bars = [stack.enter_context(tqdm(total=course.epochs, desc=name, unit="epoch", file=sys.stderr))
                for name, course in courses]
        states = [_read(folder, name) for name, _ in courses]
        while len(ends) < len(courses):
            tasks = {Task(function=advance, arguments=(course, states[i]), limit_s=limit_s): i
                     for i, (_, course) in enumerate(courses) if i not in ends}
            for task, answer in pool.run(list(tasks)):
                i = tasks[task]
                name = courses[i][0]
                if isinstance(answer, Failure):
                    raise CodesignError(f"Training of {name} must succeed before a search can begin: {answer.reason}")
                if answer.state != states[i]:
                    _write(folder, name, answer.state)
                states[i] = answer.state
                bars[i].update(answer.epochs_done - bars[i].n)
                if answer.done:
                    ends[i] = answer
    return [ends[i] for i in range(len(courses))]


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.pt"


def _read(folder: Path | None, name: str) -> bytes | None:
    if folder is None or not _path(folder, name).exists():
        return None
    try:
        return _path(folder, name).read_bytes()
    except OSError as e:
        raise CodesignError(f"Checkpoint {str(_path(folder, name))!r} must be readable: {e.strerror or e}") from None


def _write(folder: Path | None, name: str, state: bytes) -> None:
    """Whole or not at all."""
    if folder is None:
        return
    temporary = folder / f".{name}.pt.{os.getpid()}"
    try:
        temporary.write_bytes(state)
        os.replace(temporary, _path(folder, name))
    except OSError as e:
        raise CodesignError(f"Disk must have room, for {name}.pt in {str(folder)!r}: {e.strerror or e}") from None
    finally:
        temporary.unlink(missing_ok=True)
