"""Is the table still right: run a sample of its questions again and compare."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import require
from .row import Row

__all__ = ["Drift", "check"]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One row asked again: ``again`` is the new value, ``relative`` = again / value - 1."""

    row: Row
    again: float

    @property
    def relative(self) -> float:
        return self.again / self.row.value - 1 if self.row.value else float(self.again != 0)

    def within(self, tolerance: float) -> bool:
        """Whether the two values agree to ``tolerance`` (0 for simulated cycles: they are exact)."""
        return abs(self.relative) <= tolerance

    def to_dict(self) -> dict:
        return {"id": self.row.id, "operator": self.row.key.operator, "method": self.row.method, "unit": self.row.unit,
                "value": self.row.value, "again": self.again, "relative": self.relative}


def check(rows: Sequence[Row], measure: Callable[[Row], float], *, sample: int | None = None,
          seed: int = 0) -> list[Drift]:
    """Measure a random ``sample`` of ``rows`` again (all by default) with ``measure(row) -> value``."""
    require(sample is None or sample >= 1, f"Check's sample must be at least 1 row, not {sample}")
    chosen = list(rows) if sample is None or sample >= len(rows) else random.Random(seed).sample(list(rows), sample)
    return [Drift(row=row, again=measure(row)) for row in chosen]
