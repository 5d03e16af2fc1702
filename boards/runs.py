"""Runs of what a board's accelerator is configured for."""

from typing import Any

from codesign.errors import CodesignError
from codesign.protocol import protocol
from codesign.registers import Error

from .link import BoardError, Link

__all__ = ["finish_runs", "run_error", "start_run"]

WAIT_MS = 2000  # that one request waits: longer runs are asked for again, so that a board is not silent meanwhile


def start_run(link: Link, run_ms: int) -> dict[str, Any]:
    """Run, and return what the firmware answers. Raises :class:`CodesignError` where it takes longer than ``run_ms``
    or ends in an error."""
    return _await(link, "run", run_ms)


def finish_runs(link: Link, run_ms: int) -> None:
    """Await the run that sampling power left going on, if there is one; raises as :func:`start_run`."""
    try:
        _await(link, "finish", run_ms)
    except BoardError as e:
        if e.status != "idle":
            raise


def _await(link: Link, op: str, run_ms: int) -> dict[str, Any]:
    wait_ms = min(WAIT_MS, run_ms, protocol().max_wait_ms)
    for _ in range(-(-run_ms // wait_ms)):
        try:
            answer = link.request(op, timeout_ms=wait_ms, limit_s=15 + run_ms / 1000)
        except BoardError as e:
            if e.status != "timeout":
                raise
            op = "finish"
        else:
            if answer["error"]:
                raise run_error(link, answer["error"])
            return answer
    raise BoardError(f"{link.name} must end a run within {run_ms / 1000:g} s, not still be at it", "timeout")


def run_error(link: Link, error: int) -> CodesignError:
    """For a run that ended with ``error`` in the accelerator's register."""
    known = [e.name.lower() for e in Error if e.value == error]
    return CodesignError(f"Run on {link.name} must end without error, not with {known[0] if known else error}")
