"""Worker processes on the machines of a Ray cluster. Each must have codesign installed."""

import logging
import math
import re
import socket
import time
from collections.abc import Sequence
from typing import Any

from .errors import CodesignError
from .pool import Task, WorkerDied, attempt

__all__ = ["RayCrew"]

CONNECT_S = 10


class _Actor:
    """What runs in a worker."""

    def __init__(self, shared: Any):
        self.shared = shared

    def ready(self) -> None:
        """Returns once there is a machine for it."""

    def run(self, function: Any, arguments: tuple) -> Any:
        return attempt(self.shared, function, arguments)


class _RayWorker:
    """A :class:`codesign.pool.Worker` somewhere in the cluster: an actor with a processor of its own."""

    def __init__(self, ray: Any, shared: Any, gpus: float):
        self._ray = ray
        self._actor = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0)(_Actor).remote(shared)
        self._ready = self._actor.ready.remote()
        self.result: Any = None
        self._up = False
        self._began = 0.0

    def ready(self) -> bool:
        if not self._up and self._ray.wait([self._ready], timeout=0)[0]:
            self._get(self._ready)  # raises where it died
            self._up = True
        return self._up

    def begin(self, task: Task) -> None:
        self._began = time.monotonic()
        self.result = self._actor.run.remote(task.function, task.arguments)

    def running_s(self) -> float:
        return time.monotonic() - self._began

    def answer(self) -> Any:
        return self._get(self.result)

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as e:
            raise WorkerDied("its process or machine in the cluster ended: "
                             f"{(str(e).splitlines() or [type(e).__name__])[0]}") from None

    def stop(self) -> None:
        self._ray.kill(self._actor)


class RayCrew:
    """Workers in the cluster at ``address`` (``HOST:PORT``, ``ray://...`` or ``auto``), a
    :class:`codesign.pool.Crew`: ``size`` of them, or as many as it has processors; they share its GPUs.
    """

    def __init__(self, address: str, shared: Any = None, size: int | None = None):
        try:
            import ray
        except ModuleNotFoundError:
            raise CodesignError("Ray must be installed: pip install 'codesign[cluster]'") from None
        self._ray = ray
        _knock(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, namespace="codesign")
        except Exception as e:  # of many kinds
            reason = (str(e).splitlines() or [type(e).__name__])[0]
            raise CodesignError(f"Ray address must be a cluster's, not {address!r}: {reason}") from None
        resources = ray.cluster_resources()
        self.size = size or max(1, int(resources.get("CPU", 1)))
        self._gpus = _gpus_each(resources.get("GPU", 0), self.size)
        self._shared = ray.put(shared)

    def hire(self) -> _RayWorker:
        return _RayWorker(self._ray, self._shared, self._gpus)

    def wait(self, workers: Sequence[_RayWorker], timeout_s: float) -> list[_RayWorker]:
        if not workers:
            time.sleep(timeout_s)
            return []
        ready, _ = self._ray.wait([worker.result for worker in workers], num_returns=1, timeout=timeout_s)
        return [worker for worker in workers if worker.result in ready]

    def close(self) -> None:
        self._ray.shutdown()


def _gpus_each(gpus: float, workers: int) -> float:
    """A GPU for each of ``workers``, or, where there are fewer, a part of one that leaves room for all the others."""
    return 1 / math.ceil(workers / gpus) if gpus else 0.0


def _knock(address: str) -> None:
    """Raise :class:`CodesignError` where nobody listens at ``HOST:PORT``: Ray itself would wait for minutes."""
    found = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address)
    if found is None:
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as e:
        raise CodesignError(f"Ray address must be a cluster's, not {address!r}: {e}") from None
