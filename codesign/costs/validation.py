"""How well corrections price networks that they have not seen: each network held out in turn, whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import require
from .fitting import fit_pool
from .interval import Interval
from .row import Row
from .runs import Origin, Run, check_method, runs_of

__all__ = ["HeldOut", "Validation", "cross_validate", "cross_validate_runs"]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A network priced without its own rows; cycles.

    network : digest of its graph; predicted : from all other networks; actual : median of its ``runs``
    model : the model's own; rows : ids of its runs' rows of the network
    """

    network: str
    predicted: Interval
    actual: float
    model: float
    runs: int
    rows: tuple[int, ...]

    @property
    def error(self) -> float:
        """Relative: 0.01 where the price is 1 % too high."""
        return self.predicted.value / self.actual - 1

    @property
    def covered(self) -> bool:
        """Whether the interval holds what the network took."""
        return self.predicted.low <= self.actual <= self.predicted.high

    def to_dict(self) -> dict:
        return {"network": self.network, "predicted": self.predicted.value, "low": self.predicted.low,
                "high": self.predicted.high, "actual": self.actual, "error": self.error, "covered": self.covered,
                "model": self.model, "runs": self.runs, "rows": list(self.rows)}


@dataclass(frozen=True, kw_only=True)
class Validation:
    """All networks of one origin, each held out once; ``level`` of the intervals."""

    origin: Origin
    level: float
    held_out: tuple[HeldOut, ...]

    @property
    def mape(self) -> float:
        """Mean absolute relative error of the corrected model."""
        return float(np.mean([abs(h.error) for h in self.held_out]))

    @property
    def model_mape(self) -> float:
        """Of the model without correction."""
        return float(np.mean([abs(h.model / h.actual - 1) for h in self.held_out]))

    @property
    def coverage(self) -> float:
        """Share of the networks within their intervals."""
        return float(np.mean([h.covered for h in self.held_out]))

    def to_dict(self) -> dict:
        return {"method": self.origin.method, "level": self.level, "mape": self.mape, "model_mape": self.model_mape,
                "coverage": self.coverage, "held_out": [h.to_dict() for h in self.held_out]}


def cross_validate(rows: Iterable[Row], *, method: str = "measured", level: float = 0.9) -> Validation:
    """Fit without each network in turn, then price it. ``rows`` as :func:`~codesign.costs.fitting.fit` takes them.

    Raises :class:`CodesignError` as it does, and where there are not two networks.
    """
    rows = check_method(rows, method)
    runs = runs_of(rows)
    require(bool(runs), f"Cross-validation must be given {method} runs, with rows of their layers, not none")
    return cross_validate_runs(runs, Origin.of(rows[0]), level=level)


def cross_validate_runs(runs: Sequence[Run], origin: Origin, *, level: float = 0.9,
                        others: Mapping[Origin, Sequence[Run]] | None = None) -> Validation:
    """As :func:`cross_validate`, of runs; those of ``others``, accelerators on the board, lend what they tell of other
    networks than the one held out."""
    networks = list(dict.fromkeys(run.network for run in runs))
    known = {run.network for some in (runs, *(others or {}).values()) for run in some}
    require(len(known) >= 2, f"Cross-validation must be given runs of at least 2 networks, not {len(known)}")
    held_out = []
    for network in networks:
        own = [run for run in runs if run.network == network]
        left = {place: [run for run in some if run.network != network]
                for place, some in {**(others or {}), origin: runs}.items()}
        correction = fit_pool({place: some for place, some in left.items() if some}).correction(origin)
        held_out.append(HeldOut(
            network=network, predicted=correction.price(own[0].model, rest=own[0].rest, level=level),
            actual=float(np.median([run.value for run in own])), model=own[0].rest + sum(own[0].model.values()),
            runs=len(own), rows=tuple(id for run in own for id in run.network_rows)))
    return Validation(origin=origin, level=level, held_out=tuple(held_out))
