"""What can be said of a candidate in a number, and asked of it: each metric once, for options, studies and reports.

All are functions of a candidate's record (:mod:`codesign.search.records`). Cycles, and time with them, are the cost
model's or from measured rows; energy and resources are estimates; accuracy is on validation images.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .errors import require
from .units import si

__all__ = ["METRICS", "TIME", "Metric"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number of a candidate's record.

    name : as options, files and studies have it; heading : of a column; label : beside an axis
    of : the number, of a record; number : as it is written, but for its ``unit``
    maximize : whether more is better
    trained : whether it is known only after training; else the cost model tells it before
    whole : whether it counts something; most : what it cannot be above
    estimate : whether no exact model is behind it
    log : whether it is better drawn on a logarithmic axis
    """

    name: str
    heading: str
    label: str
    of: Callable[[Mapping], float]
    number: Callable[[float], str] = "{:,.0f}".format
    unit: str = ""
    maximize: bool = False
    trained: bool = False
    whole: bool = False
    most: float = math.inf
    estimate: bool = False
    log: bool = False

    @property
    def option(self) -> str:
        """The option that bounds it, without dashes: ``min-accuracy``, ``max-cycles``."""
        return f"{'min' if self.maximize else 'max'}-{self.name}"

    def written(self, value: float) -> str:
        """``value`` with its unit."""
        return f"{self.number(value)} {self.unit}".rstrip()

    def loss(self, record: Mapping) -> float:
        """The number, turned so that less is better."""
        return -self.of(record) if self.maximize else self.of(record)

    def check(self, bound: object) -> float:
        """``bound``, if a candidate can be held to it; raises :class:`CodesignError` if not."""
        kind = "a whole number above 0" if self.whole else (
            f"a number above 0, at most {self.most:g}" if math.isfinite(self.most) else "a finite number above 0")
        require(isinstance(bound, int | float) and type(bound) is not bool and math.isfinite(bound)
                and 0 < bound <= self.most and (not self.whole or bound == int(bound)),
                f"{self.option} must be {kind} ({self.label}), not {bound!r}")
        assert isinstance(bound, int | float)
        return int(bound) if self.whole else float(bound)


def _seconds(record: Mapping) -> float:
    return record["price"]["cycles"] / record["accelerator"]["clock_hz"]


def _resource(name: str, heading: str, kind: str) -> Metric:
    return Metric(name=name, heading=heading, label=f"{heading}s (estimate)", unit=heading, whole=True, estimate=True,
                  of=lambda record: record["resources"][kind])


#: By name, in the order in which they are told, whatever the order they are asked for: the accuracy that is to be had,
#: time, energy, what it takes of the board.
METRICS = {metric.name: metric for metric in (
    Metric(name="accuracy", heading="accuracy", label="accuracy, 0 to 1", of=lambda record: record["accuracy"],
           maximize=True, trained=True, most=1.0, number=lambda v: f"{v:.2%}"),
    Metric(name="latency-ms", heading="ms/image", label="ms an image", of=lambda record: 1000 * _seconds(record),
           unit="ms", log=True, number=lambda v: f"{v:.4g}"),
    Metric(name="cycles", heading="cycles", label="cycles an image", of=lambda record: record["price"]["cycles"],
           unit="cycles", whole=True, log=True),
    Metric(name="fps", heading="images/s", label="images/s", of=lambda record: 1 / _seconds(record), unit="images/s",
           maximize=True, log=True),
    Metric(name="energy-uj", heading="energy/image", label="uJ an image (estimate)", estimate=True, log=True,
           of=lambda record: 1e6 * record["energy"]["total_j"], number=lambda v: si(v / 1e6, "J")),
    _resource("luts", "LUT", "lut"), _resource("ffs", "FF", "ff"), _resource("dsps", "DSP", "dsp"),
    _resource("bram18", "BRAM18", "bram18"),
    Metric(name="share", heading="board", label="share of the scarcest resource, 0 to 1", most=1.0,
           of=lambda record: record["board_share"], unit="of the board", estimate=True, number=lambda v: f"{v:.1%}"),
    Metric(name="params", heading="weights", label="weights", of=lambda record: record["weights"], unit="weights",
           whole=True, log=True),
)}

#: One thing said in three ways, at a board's clock.
TIME = tuple(METRICS[name] for name in ("latency-ms", "cycles", "fps"))
