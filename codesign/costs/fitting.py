"""Corrections fitted to a board's runs, which accelerators of one board learn of each other.

    log ratio of a class on an accelerator = the board's + the accelerator's own

and so for the overhead. An accelerator's own part is normal about 0, as wide as :data:`TRANSFER` says before there
are runs on two of them, and as these then differ (the variance by expectation maximisation: Dempster, Laird and Rubin,
J. R. Statist. Soc. B 39, 1977, with a prior). So an accelerator with runs is corrected by them, one with few leans on
the others, and one with none has the board's correction and the doubt that it may be another's: all on one footing.

Ratios are fitted to what the layers took, the overhead to what the run took besides: to medians over the runs of each
network on an accelerator, robustly, so that a run that an interrupt held up weighs little.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import require
from .correction import RATIO_PRIOR, Correction
from .interval import Estimate
from .robust import Group, Solution, Spread, repeats, solve_robustly
from .row import Row
from .runs import Origin, Run, check_method, runs_of

__all__ = ["OVERHEAD_PRIOR_S", "TRANSFER", "Pool", "fit", "fit_pool", "fit_runs"]

#: Before there are rows: an overhead is 0 with this standard deviation, in seconds. Wide: it lets the rows speak.
OVERHEAD_PRIOR_S = 1e-3
#: Before there are runs on two accelerators of a board: by so much, relative, does one differ from the board's mean, in
#: the ratio of a class and in the overhead; as if seen on so many. An assumption: no board has been measured.
TRANSFER = Spread(scale=0.05, dof=4)
MOST_STEPS = 30  # of expectation maximisation
ENOUGH = 0.01  # relative change of a spread, at which it has settled


@dataclass(frozen=True, kw_only=True, eq=False)
class _Levels:
    """``count`` values of a board, then as many by which each of its accelerators differs, with their covariance;
    ``own``: the spread of the latter."""

    count: int
    parameters: np.ndarray
    covariance: np.ndarray
    own: Spread

    def at(self, accelerator: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Values on an accelerator and their covariance; None: the board's."""
        pick = np.zeros((self.count, len(self.parameters)))
        pick[:, :self.count] = np.eye(self.count)
        if accelerator is not None:
            first = self.count * (1 + accelerator)
            pick[:, first:first + self.count] = np.eye(self.count)
        return pick @ self.parameters, pick @ self.covariance @ pick.T


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """What runs on the accelerators ``origins`` of one board tell of it, and of each of them."""

    origins: tuple[Origin, ...]
    classes: tuple[str, ...]
    runs: Mapping[Origin, Sequence[Run]]
    ratios: _Levels
    layer_spread: Spread
    overhead: _Levels
    overhead_spread: Spread

    def correction(self, origin: Origin) -> Correction:
        """For the accelerator of ``origin``, whether there are runs on it or not."""
        index = self.origins.index(origin) if origin in self.origins else None
        logs, covariance = self.ratios.at(index)
        overhead, variance = self.overhead.at(index)
        everything = [run for runs in self.runs.values() for run in runs]
        return Correction(
            origin=origin, overhead=Estimate(value=max(0.0, float(overhead[0])), error=float(variance[0, 0]) ** 0.5),
            overhead_spread=self.overhead_spread, classes=self.classes, log_ratios=tuple(map(float, logs)),
            covariance=tuple(tuple(map(float, row)) for row in covariance), layer_spread=self.layer_spread,
            ratio_transfer=self.ratios.own if index is None else None,
            overhead_transfer=self.overhead.own if index is None else None,
            own_runs=0 if index is None else len(self.runs[origin]), runs=len(everything),
            networks=len({run.network for run in everything}), accelerators=len(self.origins),
            network_rows=tuple(id for run in everything for id in run.network_rows),
            class_rows={name: tuple(id for run in everything for id in run.class_rows.get(name, ()))
                        for name in self.classes})


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
    return fit_pool({origin: runs}).correction(origin)


def fit_pool(runs: Mapping[Origin, Sequence[Run]]) -> Pool:
    """What ``runs`` on accelerators of one board, clock, memory and method tell; at least one of each.

    Raises :class:`CodesignError` where they are of several.
    """
    origins = tuple(runs)
    require(bool(origins) and all(runs.values()), "Pool must be given runs of each of its accelerators")
    for origin in origins:
        require(origin.place == origins[0].place, f"Accelerators of a pool must share their board, clock, memory and "
                                                  f"method, {origins[0].place}, not {origin.place}")
    cells = [_Cell.of(index, group) for index, origin in enumerate(origins) for group in _by_network(runs[origin])]
    names = tuple(sorted({name for own in runs.values() for run in own for name, c in run.model.items() if c > 0}))
    overhead, overhead_spread = _fit_overhead(cells, len(origins), origins[0].clock_hz)
    ratios, layer_spread = _fit_ratios(cells, len(origins), names)
    return Pool(origins=origins, classes=names, runs=runs, ratios=ratios, layer_spread=layer_spread, overhead=overhead,
                overhead_spread=overhead_spread)


def _by_network(runs: Sequence[Run]) -> list[list[Run]]:
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.network, []).append(run)
    return list(grouped.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cell:
    """Runs of one network on one accelerator."""

    accelerator: int
    runs: Sequence[Run]
    outside: np.ndarray  # of each run, cycles that are no layer's
    logs: np.ndarray  # of each run, of the sum of its layers

    @classmethod
    def of(cls, accelerator: int, runs: Sequence[Run]) -> "_Cell":
        return cls(accelerator=accelerator, runs=runs, logs=np.log([run.layers for run in runs]),
                   outside=np.array([run.value - run.rest - run.layers for run in runs]))


def _single_run(spread: Spread, values: Sequence[np.ndarray]) -> Spread:
    """From the spread of networks' medians to that of one run: medians vary less where networks ran repeatedly."""
    return spread + repeats(values) * (1 - float(np.mean([1 / len(group) for group in values]))) ** 0.5


def _fit_levels(groups_at: Callable[[np.ndarray], list[Group]], start: np.ndarray, deviation: np.ndarray,
                low: np.ndarray, told: np.ndarray) -> tuple[_Levels, Solution]:
    """``told`` : (accelerators, values), whether the runs on one tell of it."""
    count, accelerators = len(start), len(told)
    at, scale, own = np.concatenate([start, np.zeros(told.size)]), TRANSFER.scale, told.ravel()
    tails = np.arange(len(at)) < count  # what accelerators differ by is fitted; it need not give way
    low = np.concatenate([low, np.full(told.size, -np.inf)])
    for _ in range(MOST_STEPS):
        found = solve_robustly(groups_at, at, mean=np.zeros(len(at)), low=low, tails=tails,
                               deviation=np.concatenate([deviation, np.full(told.size, scale)]))
        at, last = found.parameters, scale
        variances = np.diag(found.covariance)[count:][own]
        if accelerators == 1:
            break  # nothing tells how they differ
        seen = float(np.sum(at[count:][own] ** 2 + variances))
        scale = ((TRANSFER.dof * TRANSFER.scale**2 + seen) / (TRANSFER.dof + own.sum())) ** 0.5
        if abs(scale - last) <= ENOUGH * last:
            break
    told_of = float(np.sum(np.clip(1 - variances / scale**2, 0, 1))) if accelerators > 1 else 0.0
    return _Levels(count=count, parameters=at, covariance=found.covariance,
                   own=Spread(scale=scale, dof=TRANSFER.dof + told_of)), found


def _fit_overhead(cells: Sequence[_Cell], accelerators: int, clock_hz: int) -> tuple[_Levels, Spread]:
    """Cycles of a run that are no layer's."""
    medians = np.array([np.median(cell.outside) for cell in cells])
    owner = np.array([cell.accelerator for cell in cells])
    unit = max(float(np.median(np.abs(medians))), 1.0)
    slopes = np.zeros((len(cells), 1 + accelerators))
    slopes[:, 0] = slopes[np.arange(len(cells)), 1 + owner] = 1

    def groups_at(at: np.ndarray) -> list[Group]:
        return [Group(residuals=medians / unit - slopes @ at, jacobian=slopes, size=len(medians))]

    levels, found = _fit_levels(groups_at, np.zeros(1), np.array([OVERHEAD_PRIOR_S * clock_hz / unit]), np.zeros(1),
                                np.ones((accelerators, 1), bool))
    spread = _single_run(found.spreads[0], [cell.outside / unit for cell in cells]) * unit
    return _Levels(count=1, parameters=unit * levels.parameters, covariance=unit**2 * levels.covariance,
                   own=levels.own * unit), spread


def _fit_ratios(cells: Sequence[_Cell], accelerators: int, names: Sequence[str]) -> tuple[_Levels, Spread]:
    """Logarithms of the ratios, and the relative spread of the sum of the layers.

    Residuals are of the sum of the layers, and of the classes' shares in it, which noise common to all layers leaves
    alone.
    """
    count, owner = len(names), np.array([cell.accelerator for cell in cells])
    medians = np.array([np.median(cell.logs) for cell in cells])
    model = np.array([[cell.runs[0].model.get(name, 0.0) for name in names] for cell in cells])
    shares = np.array([np.median([[run.found.get(name, 0.0) / run.layers for name in names] for run in cell.runs],
                                 axis=0) for cell in cells])
    network, name = np.nonzero((model > 0) & (shares > 0))
    seen = np.log(shares[network, name])
    share_count = len(seen) - len(set(network))  # independent: those of a network add up to 1
    told = np.zeros((accelerators, count), bool)
    told[owner[network], name] = True
    own_columns = count * (1 + owner[:, None]) + np.arange(count)  # by cell and class

    def spread_out(slopes: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Derivatives by the classes of each cell, as derivatives by all parameters."""
        wide = np.zeros((len(slopes), count * (1 + accelerators)))
        wide[:, :count] = slopes
        np.put_along_axis(wide, own_columns[cell], slopes, axis=1)
        return wide

    def groups_at(at: np.ndarray) -> list[Group]:
        parts = model * np.exp(at[:count] + at[own_columns])
        whole = parts.sum(axis=1, keepdims=True)
        slopes = parts / whole  # of log(whole)
        share_slopes = -slopes[network]
        share_slopes[np.arange(len(seen)), name] += 1
        return [Group(residuals=medians - np.log(whole[:, 0]), jacobian=spread_out(slopes, np.arange(len(cells))),
                      size=len(medians)),
                Group(residuals=seen - np.log(slopes[network, name]), jacobian=spread_out(share_slopes, network),
                      size=share_count)]

    # From a common ratio, and from a class's own where two networks agree on it: one alone must pull it there.
    common = medians - np.log(model.sum(axis=1))
    start = np.full(count, np.median(common))
    ratios = seen + medians[network] - np.log(model[network, name])
    for index in range(count):
        if np.sum(name == index) >= 2:
            start[index] = np.median(ratios[name == index])
    levels, found = _fit_levels(groups_at, start, np.full(count, RATIO_PRIOR), np.full(count, -np.inf), told)
    return levels, _single_run(found.spreads[0], [cell.logs for cell in cells])
