"""Building a table for a device: questions put to it by several processes, rows stored run by run."""

import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from ..accelerator import AcceleratorConfig
from ..cycles import predict
from ..device import Device
from ..errors import CodesignError, require
from ..pool import Failure, Pool, Task
from ..random_weights import random_network
from ..workers import LocalCrew
from .measurement import measure_on, measurement_rows
from .pricing import network_key
from .question import Question
from .row import CostKey, Row
from .table import CostTable

__all__ = ["Target", "build", "run_question", "unanswered"]

SEED = 0  # of weights and images: cycles do not depend on them, but a wrong bit is seen best among many values


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where questions are put.

    open_device : opens a device for a configuration; at the top level of a module, as workers need it
    method : its rows': ``simulated``, or ``measured`` on the board ``board_serial``
    verilog_digest : of the Verilog that runs there: a question with a row of it is answered
    images : of a run; more than one where its cycles vary
    """

    open_device: Callable[[AcceleratorConfig], Device]
    method: str
    verilog_digest: str
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    board_serial: str | None = None
    images: int = 1


def unanswered(table: CostTable, questions: Sequence[Question], target: Target) -> list[Question]:
    """Those of ``questions`` that have no fresh row in ``table``, each once."""
    missing: dict[CostKey, Question] = {}
    for question in questions:
        key = network_key(question.network.graph(), question.accelerator, question.board)
        if table.newest(key, method=target.method, verilog_digest=target.verilog_digest) is None:
            missing.setdefault(key, question)
    return list(missing.values())


def build(table: CostTable, questions: Sequence[Question], target: Target, *,
          workers: int = 1) -> Iterator[tuple[Question, list[int]]]:
    """Run what is :func:`unanswered` and store its rows; yields each question and the ids of its rows.

    A run's rows are stored in one transaction when it ends, so whatever ends this loses the runs in flight alone, and
    the same call goes on. Every run is held against the reference, bit for bit, and, if simulated, against the cost
    model: :class:`CodesignError` where they differ. One worker is this process itself.
    """
    require(workers >= 1, f"Workers must be at least 1, not {workers}")
    missing = unanswered(table, questions, target)
    for question, rows in _runs(missing, target, min(workers, len(missing))):
        yield question, table.add(rows, question)


def _runs(questions: Sequence[Question], target: Target, workers: int) -> Iterator[tuple[Question, list[Row]]]:
    if workers <= 1:
        for question in questions:
            yield question, run_question(question, target)
        return
    tasks = {Task(function=_run, arguments=(question,), limit_s=math.inf): question for question in questions}
    with Pool(LocalCrew(workers, target)) as pool:
        for task, answer in pool.run(list(tasks)):
            if isinstance(answer, Failure):
                name = tasks[task].network.name
                raise CodesignError(f"Workers must not die, as with network {name}: {answer.reason}"
                                    if answer.kind == "died" else answer.reason)
            yield tasks[task], answer


def _run(target: Target, question: Question) -> list[Row]:
    """In a worker."""
    return run_question(question, target)


@cache
def _device(open_device: Callable[[AcceleratorConfig], Device], config: AcceleratorConfig) -> Device:
    """One of a configuration in a process."""
    return open_device(config)


def run_question(question: Question, target: Target) -> list[Row]:
    """Rows of one run of ``question``, with random weights and images, checked."""
    network, config = question.network, question.accelerator
    graph = network.graph()
    images = np.random.default_rng(SEED).integers(0, 256, (target.images, *network.input), dtype=np.uint8)
    device = _device(target.open_device, config)
    require(device.method == target.method, f"Device must be for {target.method} rows, not {device.method} ones")
    measure = measure_on(lambda _: device, lambda _: target.verilog_digest, target.tool_versions, target.board_serial)
    try:
        measurement = measure(network, random_network(graph, SEED), config, images)
        return measurement_rows(measurement, network, config, question.board, predict(graph, config), uuid.uuid4().hex)
    except CodesignError as e:
        raise CodesignError(f"Network {network.name} on {config.name}: {e}") from None
