"""The cost model corrected by a board's rows: a ratio for each class of layers, and an overhead for each run.

    cycles of a run = overhead + rest + sum over classes of ratio * the model's cycles

A class is a layer's operator. On a board the accelerator's counters are the model's but for contention at the memory
(the ratios, with noise in proportion) and for what surrounds a run, driver and interrupt (the overhead, with noise of
its own). Ratios are fitted to what the layers took, the overhead to what the run took besides: to medians over the
runs of each network, robustly, so that a run that an interrupt held up weighs little.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import require
from .interval import Estimate, Interval
from .robust import Group, Spread, repeats, solve_robustly
from .row import Row
from .runs import Origin, Run, check_method, runs_of

__all__ = ["OVERHEAD_PRIOR_S", "RATIO_PRIOR", "Correction", "fit", "fit_runs"]

#: Before there are rows: the logarithm of a ratio is 0 with this standard deviation, so a ratio within 0.82..1.22
#: with two chances in three.
RATIO_PRIOR = 0.2
#: Before there are rows: an overhead is 0 with this standard deviation, in seconds. Wide: it lets the rows speak.
OVERHEAD_PRIOR_S = 1e-3


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A fitted correction; :func:`fit` makes it.

    origin : of the rows, so where it holds
    overhead : cycles of a run; ``overhead_spread``: of that of one run of a new network, cycles
    classes, log_ratios, covariance : of the logarithms of board / model, by class
    layer_spread : of the sum of the layers of one run of a new network about the corrected model, relative
    runs, networks : counts
    network_rows, class_rows : ids of the rows of whole networks, and of a class
    """

    origin: Origin
    overhead: Estimate
    overhead_spread: Spread
    classes: tuple[str, ...]
    log_ratios: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    layer_spread: Spread
    runs: int
    networks: int
    network_rows: tuple[int, ...]
    class_rows: Mapping[str, tuple[int, ...]]

    @property
    def rows(self) -> tuple[int, ...]:
        """Ids of all rows that it was fitted to."""
        return tuple(sorted(self.network_rows + sum(self.class_rows.values(), ())))

    @property
    def ratios(self) -> dict[str, Estimate]:
        """By class, board / model."""
        return {name: Estimate(value=float(np.exp(log)), error=float(np.exp(log)) * self.covariance[i][i] ** 0.5)
                for i, (name, log) in enumerate(zip(self.classes, self.log_ratios, strict=True))}

    def ratio(self, name: str) -> float:
        """Of the class ``name``; 1 where no row tells of it."""
        return float(np.exp(self.log_ratios[self.classes.index(name)])) if name in self.classes else 1.0

    def price(self, model: Mapping[str, float], *, rest: float = 0, level: float = 0.9) -> Interval:
        """One run of a new network, not held up by an interrupt, of ``model`` cycles by class and ``rest``.

        The interval is one run's, not a mean's: it has the noise of a run and the uncertainty of the parameters.
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
        return Interval.around(value, (in_layers + outside) * (1 / value), level)

    def to_dict(self) -> dict:
        """For people and programs: what was fitted, to what."""
        return {"method": self.origin.method, "verilog_digest": self.origin.verilog_digest,
                "overhead_cycles": self.overhead.to_dict(), "overhead_noise_cycles": self.overhead_spread.scale,
                "ratios": {name: ratio.to_dict() for name, ratio in self.ratios.items()},
                "noise": self.layer_spread.scale, "runs": self.runs, "networks": self.networks, "rows": list(self.rows)}


def fit(rows: Iterable[Row], *, method: str = "measured") -> Correction:
    """The correction that ``rows``, all of one origin and of ``method``, tell of.

    Raises :class:`CodesignError` where rows are of another method or of several origins, or hold no whole run.
    """
    rows = check_method(rows, method)
    runs = runs_of(rows)
    require(bool(runs), f"Correction must be given the rows of a {method} run's network and of its layers, not "
                        f"{len(rows)} rows without")
    return fit_runs(runs, Origin.of(rows[0]))


def fit_runs(runs: Sequence[Run], origin: Origin) -> Correction:
    """As :func:`fit`, of at least one of ``runs``, which came from ``origin``."""
    grouped: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        grouped[run.network].append(run)
    networks = list(grouped.values())
    names = tuple(sorted({name for run in runs for name, cycles in run.model.items() if cycles > 0}))
    overhead, overhead_spread = _fit_overhead(networks, origin.clock_hz)
    logs, covariance, layer_spread = _fit_ratios(networks, names)
    return Correction(
        origin=origin, overhead=overhead, overhead_spread=overhead_spread, classes=names,
        log_ratios=tuple(map(float, logs)), covariance=tuple(tuple(map(float, row)) for row in covariance),
        layer_spread=layer_spread, runs=len(runs), networks=len(networks),
        network_rows=tuple(id for run in runs for id in run.network_rows),
        class_rows={name: tuple(id for run in runs for id in run.class_rows.get(name, ())) for name in names})


def _single_run(spread: Spread, values: Sequence[np.ndarray]) -> Spread:
    """From the spread of networks' medians to that of one run: medians vary less where networks ran repeatedly."""
    return spread + repeats(values) * (1 - float(np.mean([1 / len(group) for group in values]))) ** 0.5


def _fit_overhead(networks: Sequence[Sequence[Run]], clock_hz: int) -> tuple[Estimate, Spread]:
    """Cycles of a run that are no layer's."""
    outside = [np.array([run.value - run.rest - run.layers for run in runs]) for runs in networks]
    medians = np.array([np.median(group) for group in outside])
    unit = max(float(np.median(np.abs(medians))), 1.0)
    slopes = np.ones((len(networks), 1))

    def groups_at(at: np.ndarray) -> list[Group]:
        return [Group(residuals=medians / unit - at[0], jacobian=slopes, size=len(medians))]

    found = solve_robustly(groups_at, np.zeros(1), mean=np.zeros(1), low=np.zeros(1),
                           deviation=np.array([OVERHEAD_PRIOR_S * clock_hz / unit]))
    spread = _single_run(found.spreads[0], [group / unit for group in outside]) * unit
    return Estimate(value=unit * float(found.parameters[0]), error=unit * float(found.covariance[0, 0]) ** 0.5), spread


def _fit_ratios(networks: Sequence[Sequence[Run]],
                names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, Spread]:
    """Logarithms of the ratios, their covariance, and the relative spread of the sum of the layers.

    Residuals are of the sum of the layers, and of the classes' shares in it, which noise common to all layers leaves
    alone.
    """
    sums = [np.log([run.layers for run in runs]) for runs in networks]
    medians = np.array([np.median(group) for group in sums])
    model = np.array([[runs[0].model.get(name, 0.0) for name in names] for runs in networks])
    shares = np.array([np.median([[run.found.get(name, 0.0) / run.layers for name in names] for run in runs], axis=0)
                       for runs in networks])
    network, name = np.nonzero((model > 0) & (shares > 0))
    seen = np.log(shares[network, name])
    share_count = len(seen) - len(set(network))  # independent: those of a network add up to 1

    def groups_at(at: np.ndarray) -> list[Group]:
        parts = model * np.exp(at)
        whole = parts.sum(axis=1, keepdims=True)
        slopes = parts / whole  # of log(whole)
        share_slopes = -slopes[network]
        share_slopes[np.arange(len(seen)), name] += 1
        return [Group(residuals=medians - np.log(whole[:, 0]), jacobian=slopes, size=len(medians)),
                Group(residuals=seen - np.log(slopes[network, name]), jacobian=share_slopes, size=share_count)]

    # From a common ratio, and from a class's own where two networks agree on it: one alone must pull it there.
    common = medians - np.log(model.sum(axis=1))
    zeros, start = np.zeros(len(names)), np.full(len(names), np.median(common))
    ratios = seen + medians[network] - np.log(model[network, name])
    for index in range(len(names)):
        if np.sum(name == index) >= 2:
            start[index] = np.median(ratios[name == index])
    found = solve_robustly(groups_at, start, mean=zeros, deviation=zeros + RATIO_PRIOR, low=zeros - np.inf)
    return found.parameters, found.covariance, _single_run(found.spreads[0], sums)
