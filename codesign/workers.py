"""What worker processes have in common."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

__all__ = ["one_thread", "start_worker"]


def start_worker() -> None:
    """To be called first in a spawned worker: Ctrl-C ends it without a word, and it does not outlive a parent that was
    killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    def follow(parent: multiprocessing.process.BaseProcess) -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, args=(multiprocessing.parent_process(),), daemon=True).start()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
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
