"""What a price is: cycles, the parts they are the sum of, where each comes from, and how sure they are."""

from dataclasses import dataclass

from .interval import Interval

__all__ = ["MODEL", "Part", "Price"]

MODEL = "model"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One summand of a price.

    source : the rows' method, ``model``, ``model corrected by`` rows of a method (``of other accelerators``, where none
        is of this one), or ``interpolated``
    rows : ids of those it rests on
    """

    name: str
    cycles: float
    model_cycles: int
    source: str
    rows: tuple[int, ...] = ()

    def to_dict(self) -> dict:
        return {"name": self.name, "cycles": self.cycles, "model_cycles": self.model_cycles, "source": self.source,
                "rows": list(self.rows)}


@dataclass(frozen=True, kw_only=True)
class Price:
    """Cycles of one image and where every part of them comes from; ``model_cycles`` is the model's own answer.

    method : of the rows used, or ``model`` where none were; rows of two methods are never in one price
    interval : of one run, where a board's rows say how runs differ; None: exact for the RTL, and nothing about a board
    stale_rows : how many rows of this accelerator and board were left out because other Verilog ran
    """

    cycles: float
    model_cycles: int
    counters: dict[str, int]
    parts: tuple[Part, ...]
    method: str = MODEL
    interval: Interval | None = None
    stale_rows: int = 0

    @property
    def rows(self) -> tuple[int, ...]:
        """Ids of all rows used."""
        return tuple(sorted({id for part in self.parts for id in part.rows}))

    @property
    def mix(self) -> dict[str, float]:
        """Cycles by source."""
        mix: dict[str, float] = {}
        for part in self.parts:
            mix[part.source] = mix.get(part.source, 0) + part.cycles
        return mix

    def to_dict(self) -> dict:
        """All of it, JSON-compatible."""
        low, high, level = (getattr(self.interval, name, None) for name in ("low", "high", "level"))
        return {"cycles": self.cycles, "model_cycles": self.model_cycles, "low": low, "high": high, "level": level,
                "method": self.method, "mix": self.mix, "counters": self.counters, "rows": list(self.rows),
                "stale_rows": self.stale_rows, "parts": [part.to_dict() for part in self.parts]}
