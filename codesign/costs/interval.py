"""Values that are not exact: estimates with standard errors, and intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from ..errors import require
from .robust import Spread

__all__ = ["Estimate", "Interval"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its standard error, same unit."""

    value: float
    error: float

    def to_dict(self) -> dict:
        return {"value": self.value, "error": self.error}


@dataclass(frozen=True, kw_only=True)
class Interval:
    """``value``, what is expected, and ``low`` to ``high``, which hold what comes with probability ``level``."""

    value: float
    low: float
    high: float
    level: float

    @classmethod
    def around(cls, value: float, spread: Spread, level: float) -> "Interval":
        """From a relative ``spread``: Student's t distribution of the logarithm."""
        require(0 < level < 1, f"Interval's level must be between 0 and 1, not {level:g}")
        reach = min(float(stdtrit(spread.dof, (1 + level) / 2)) * spread.scale, 100.0)  # e^100: as good as no bound
        return cls(value=value, low=value * float(np.exp(-reach)), high=value * float(np.exp(reach)), level=level)

    @classmethod
    def of_next_run(cls, values: Sequence[float], spread: Spread, level: float) -> "Interval":
        """What one more run of a network is to take that took ``values`` so far: their median, give or take the
        relative ``spread`` of its runs."""
        return cls.around(float(np.median(values)), spread * (1 + 1 / len(values)) ** 0.5, level)
