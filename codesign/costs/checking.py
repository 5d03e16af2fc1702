"""Is the table still right: run a sample of its questions again and compare."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..accelerator import AcceleratorConfig
from ..compiler import compile_network
from ..cycles import predict
from ..device import Device
from ..errors import CodesignError, require
from ..random_weights import random_network
from .pricing import layer_keys, network_key
from .question import Question
from .row import CostKey, Row

__all__ = ["Again", "Drift", "check"]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One row asked again: ``again`` is the new value, None where its run has no such layer now; ``relative`` =
    again / value - 1."""

    row: Row
    again: float | None

    @property
    def relative(self) -> float | None:
        if self.again is None:
            return None
        return self.again / self.row.value - 1 if self.row.value else float(self.again != 0)

    def within(self, tolerance: float) -> bool:
        """Whether the two values agree to ``tolerance`` (0 for simulated cycles: they are exact)."""
        return self.relative is not None and abs(self.relative) <= tolerance

    def to_dict(self) -> dict:
        return {"id": self.row.id, "operator": self.row.key.operator, "method": self.row.method, "unit": self.row.unit,
                "value": self.row.value, "again": self.again, "relative": self.relative}


def check(rows: Sequence[Row], measure: Callable[[Row], float | None], *, sample: int | None = None,
          seed: int = 0) -> list[Drift]:
    """Measure a random ``sample`` of ``rows`` again (all by default) with ``measure(row) -> value``."""
    require(sample is None or sample >= 1, f"Check's sample must be at least 1 row, not {sample}")
    chosen = list(rows) if sample is None or sample >= len(rows) else random.Random(seed).sample(list(rows), sample)
    return [Drift(row=row, again=measure(row)) for row in chosen]


class Again:
    """Answers rows' questions (of cycles) by putting them to devices again, each question once.

    questions : by run id
    others : where a row's run is not among them, these are asked one after another until one answers its key
    """

    def __init__(self, open_device: Callable[[AcceleratorConfig], Device], questions: Mapping[str, Question],
                 others: Iterable[Question] = ()):
        self._open_device, self._questions, self._others = open_device, questions, iter(others)
        self._answers: dict[str, dict[CostKey, float]] = {}
        self._known: dict[CostKey, float] = {}

    def __call__(self, row: Row) -> float | None:
        """The new value of ``row``, or None. Raises :class:`CodesignError` where nothing says what its run was."""
        question = self._questions.get(row.run_id)
        if question is not None:
            return self._ask(question).get(row.key)
        while row.key not in self._known:
            question = next(self._others, None)
            if question is None:
                raise CodesignError(f"Row {row.id} ({row.key.operator}) must be of a run whose network is known")
            self._known |= self._ask(question)
        return self._known[row.key]

    def _ask(self, question: Question) -> dict[CostKey, float]:
        """Cycles do not depend on weights or images, so any will do."""
        digest = question.digest()
        if digest not in self._answers:
            network, config, board = question.network, question.accelerator, question.board
            graph = network.graph()
            program = compile_network(random_network(graph, 0), config)
            result = self._open_device(config).run(program, np.zeros((1, *network.input), np.uint8))
            keys = layer_keys(graph, config, board, predict(graph, config).layers)
            self._answers[digest] = {
                network_key(graph, config, board): result.cycles[0],
                **{key: cycles for key, (_, cycles) in zip(keys, result.layer_cycles, strict=True)}}
        return self._answers[digest]
