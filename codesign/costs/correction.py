"""The cost model corrected by a board's rows: a ratio for each class of layers, and an overhead for each run.

    cycles of a run = overhead + rest + sum over classes of ratio * the model's cycles

A class is a layer's operator. On a board the accelerator's counters are the model's but for contention at the memory
(the ratios, with noise in proportion) and for what surrounds a run, driver and interrupt (the overhead, with noise of
its own). :mod:`codesign.costs.fitting` fits it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import require
from .interval import Estimate, Interval
from .robust import Spread
from .runs import Origin

__all__ = ["RATIO_PRIOR", "Correction"]

#: Before there are rows: the logarithm of a ratio is 0 with this standard deviation, so a ratio within 0.82..1.22
#: with two chances in three.
RATIO_PRIOR = 0.2


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A fitted correction of one accelerator's cycles.

    origin : where it holds
    overhead : cycles of a run; ``overhead_spread``: of that of one run of a new network, cycles
    classes, log_ratios, covariance : of the logarithms of board / model, by class
    layer_spread : of the sum of the layers of one run of a new network about the corrected model, relative
    ratio_transfer, overhead_transfer : where no run on this accelerator tells of it: by how much it may differ from
        those that it was fitted to, in the ratios (relative) and in the overhead (cycles); else None
    own_runs : of ``runs`` those on this accelerator; runs, networks, accelerators : counts, of all it was fitted to
    network_rows, class_rows : ids of the rows of whole networks, and of a class
    """

    origin: Origin
    overhead: Estimate
    overhead_spread: Spread
    classes: tuple[str, ...]
    log_ratios: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    layer_spread: Spread
    ratio_transfer: Spread | None
    overhead_transfer: Spread | None
    own_runs: int
    runs: int
    networks: int
    accelerators: int
    network_rows: tuple[int, ...]
    class_rows: Mapping[str, tuple[int, ...]]

    @property
    def rows(self) -> tuple[int, ...]:
        """Ids of all rows that it was fitted to."""
        return tuple(sorted(self.network_rows + sum(self.class_rows.values(), ())))

    @property
    def ratios(self) -> dict[str, Estimate]:
        """By class, board / model."""
        own = self.ratio_transfer.scale**2 if self.ratio_transfer else 0.0
        return {name: Estimate(value=float(np.exp(log)),
                               error=float(np.exp(log)) * (self.covariance[i][i] + own) ** 0.5)
                for i, (name, log) in enumerate(zip(self.classes, self.log_ratios, strict=True))}

    def ratio(self, name: str) -> float:
        """Of the class ``name``; 1 where no row tells of it."""
        return float(np.exp(self.log_ratios[self.classes.index(name)])) if name in self.classes else 1.0

    def price(self, model: Mapping[str, float], *, rest: float = 0, level: float = 0.9) -> Interval:
        """One run of a new network, not held up by an interrupt, of ``model`` cycles by class and ``rest``.

        The interval is one run's, not a mean's: it has the noise of a run and the uncertainty of the parameters, and of
        an accelerator without runs of its own that it may differ from the others.
        """
        parts = {name: self.ratio(name) * cycles for name, cycles in model.items()}
        layers = sum(parts.values())
        value = self.overhead.value + rest + layers
        require(value > 0, f"Corrected model must be given a network that takes cycles, not {value:g}")
        slopes = np.array([parts.get(name, 0.0) for name in self.classes])
        uncertain = float(slopes @ np.array(self.covariance) @ slopes)
        unseen = sum((cycles * RATIO_PRIOR) ** 2 for name, cycles in parts.items() if name not in self.classes)
        in_layers = Spread(scale=(uncertain + unseen + (layers * self.layer_spread.scale) ** 2) ** 0.5,
                           dof=self.layer_spread.dof)
        outside = Spread(scale=(self.overhead.error**2 + self.overhead_spread.scale**2) ** 0.5,
                         dof=self.overhead_spread.dof)
        if self.ratio_transfer and self.overhead_transfer:  # classes may differ all alike
            known = sum(cycles for name, cycles in parts.items() if name in self.classes)
            in_layers += self.ratio_transfer * known
            outside += self.overhead_transfer
        return Interval.around(value, (in_layers + outside) * (1 / value), level)

    def to_dict(self) -> dict:
        """For people and programs: what was fitted, to what."""
        return {"method": self.origin.method, "verilog_digest": self.origin.verilog_digest,
                "overhead_cycles": self.overhead.to_dict(), "overhead_noise_cycles": self.overhead_spread.scale,
                "ratios": {name: ratio.to_dict() for name, ratio in self.ratios.items()},
                "noise": self.layer_spread.scale, "runs": self.runs, "own_runs": self.own_runs,
                "networks": self.networks, "accelerators": self.accelerators, "rows": list(self.rows)}
