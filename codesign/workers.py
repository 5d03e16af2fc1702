"""Worker processes on this machine."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from .errors import require
from .pool import Failure, Task, WorkerDied, attempt

__all__ = ["LocalCrew"]

JOIN_S = 10
LOCAL_RANK = "LOCAL_RANK"  # the variable with a worker's number on its machine, as PyTorch's launchers call it


def _start_worker() -> None:
    """To be called first in a spawned worker: Ctrl-C ends it without a word, and it does not outlive a parent that was
    killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def follow(parent: multiprocessing.process.BaseProcess) -> None:
        parent.join()
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)  # a compiler that it started, too
        os._exit(1)

    threading.Thread(target=follow, args=(multiprocessing.parent_process(),), daemon=True).start()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started here use one thread each for their linear algebra."""
    previous = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if previous is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = previous


@contextlib.contextmanager
def _interrupts_later() -> Iterator[None]:
    """To processes started here, a Ctrl-C comes when they unblock it, and not while they begin."""
    resource_tracker.ensure_running()  # as beginning later, it would unblock it here
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def _serve(pipe: Connection, shared: Any, rank: int) -> None:
    """A worker's life: tasks in, answers out. In a process group of its own, to be ended with all it started."""
    os.setpgid(0, 0)
    os.environ[LOCAL_RANK] = str(rank)
    _start_worker()
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        answer = attempt(shared, function, arguments)
        try:
            pipe.send(answer)
        except (TypeError, AttributeError, ValueError) as e:  # what cannot be sent
            pipe.send(Failure(reason=f"unexpected {type(e).__name__}: {e}"))


class _LocalWorker:
    """A :class:`codesign.pool.Worker` on this machine, the one with number ``rank``, which it lets go of
    (``leave(rank)``) when it stops."""

    def __init__(self, shared: Any, rank: int, leave: Callable[[int], None]):
        self._rank, self._leave = rank, leave
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, shared, rank), daemon=True)
        with _one_thread(), _interrupts_later():
            self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self._pid = self._process.pid
        self._began = 0.0

    def ready(self) -> bool:
        return True

    def begin(self, task: Task) -> None:
        self._began = time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # it died while idle: wait() says so next
            self.pipe.send((task.function, task.arguments))

    def running_s(self) -> float:
        return time.monotonic() - self._began

    def answer(self) -> Any:
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self._process.join(JOIN_S)
            raise WorkerDied(_death(self._process.exitcode)) from None

    def stop(self) -> None:
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it has no group yet, or is gone
            self._process.kill()
        self._process.join()
        self.pipe.close()
        self._leave(self._rank)


def _death(status: int | None) -> str:
    if status is not None and status < 0:
        hint = "; out of memory?" if status == -signal.SIGKILL else ""
        return f"its process was ended by signal {-status} ({signal.Signals(-status).name}{hint})"
    return f"its process ended with status {status}"


class LocalCrew:
    """``size`` processes on this machine, a :class:`codesign.pool.Crew`; each is given ``shared`` once, and finds its
    number, 0 to ``size`` - 1, in the environment variable ``LOCAL_RANK``, by which it takes one of several GPUs."""

    def __init__(self, size: int, shared: Any = None):
        require(size >= 1, f"Workers must be at least 1, not {size}")
        self.size, self._shared = size, shared
        self._ranks: set[int] = set()  # of those at work

    def hire(self) -> _LocalWorker:
        rank = min(set(range(len(self._ranks) + 1)) - self._ranks)
        worker = _LocalWorker(self._shared, rank, self._ranks.discard)
        self._ranks.add(rank)
        return worker

    def wait(self, workers: Sequence[_LocalWorker], timeout_s: float) -> list[_LocalWorker]:
        if not workers:
            time.sleep(timeout_s)
            return []
        ready = wait([worker.pipe for worker in workers], timeout_s)
        return [worker for worker in workers if worker.pipe in ready]

    def close(self) -> None:
        pass
