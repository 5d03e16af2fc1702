"""Energy per event fitted to measured rows: non-negative least squares, held by the data file where rows say little.

Rows of the cost table, of whole networks with their counters: ``power_idle`` (W, configured and clocked but not
running), ``power_active`` (W, running image after image) and ``energy`` (J, all of one image, idle power
included). Idle power is fitted to the idle rows above all, and reported apart: boards differ mostly in it.

A coefficient is written as a factor on the data file's value. One factor common to all events is fitted first; then
each event's own is drawn towards it with a relative standard deviation of :data:`PRIOR_DEVIATION`, against which rows
weigh by their own. So counters that always rise together, or a handful of rows, leave what they cannot tell apart at
the data file's proportions. Where the rows hardly narrow a factor, it is reported as ``tied``.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from .accelerator import AcceleratorConfig
from .board import Board
from .costs import Row
from .energy import Energy, board_joules, estimate_energy, events
from .errors import require

__all__ = ["QUANTITIES", "Coefficient", "EnergyFit", "fit_energy"]

QUANTITIES = ("power_idle", "power_active", "energy")  # that are fitted to
COMMON_DEVIATION = 10.0  # of the common factor about 1: the data file may well be off by ten
PRIOR_DEVIATION = 2.0  # of an event's factor about the common one, relative
ROW_DEVIATION = 0.02  # of a row's value, where it has no quantiles
DECILES_APART = 2.563  # standard deviations between the 0.1 and 0.9 quantiles of a normal distribution
TIED = 0.5  # times the prior's deviation: what is no narrower has hardly been measured


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """A fitted coefficient and its standard error, in the data file's unit; ``prior`` is the data file's value."""

    value: float
    standard_error: float
    prior: float
    tied: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergyFit:
    """Joules per event (see :class:`~codesign.energy.Joules`) as rows say.

    method : ``fitted``, or ``fitted to synthetic rows``, which no measurement stands behind
    coefficients : by event; ``static_w`` is the idle power, in W
    rows : ids of the rows of runs; idle_rows : of idle power, if any
    residual : root mean square of (row - fit) / row over the runs
    covariance : of the coefficients, in their order
    """

    method: str
    coefficients: Mapping[str, Coefficient]
    rows: tuple[int, ...]
    idle_rows: tuple[int, ...]
    residual: float
    covariance: np.ndarray

    def __getitem__(self, event: str) -> float:
        return self.coefficients[event].value

    def predict(self, config: AcceleratorConfig, counters: Mapping[str, float], board: Board) -> tuple[Energy, float]:
        """Energy of one image by component, and the standard error of its total in joules."""
        counts = _counts(config, counters)
        vector = np.array([counts[name] for name in self.coefficients])
        return estimate_energy(config, counters, board, self), float(np.sqrt(vector @ self.covariance @ vector))

    def to_dict(self) -> dict:
        """All but the covariance, JSON-compatible."""
        return {"method": self.method, "idle_w": self["static_w"], "rows": list(self.rows),
                "idle_rows": list(self.idle_rows), "residual": self.residual,
                "coefficients": {name: dataclasses.asdict(c) for name, c in self.coefficients.items()}}


def fit_energy(rows: Sequence[Row], configs: Mapping[str, AcceleratorConfig], board: Board, *,
               synthetic: bool = False) -> EnergyFit:
    """Fit to ``rows`` of ``board``; quantities that are not of power or energy are passed over.

    configs : by digest, for the rows' accelerators; synthetic : fit to synthetic rows, and to those alone

    Raises :class:`CodesignError` where there is no run, a row is of another board, accelerator or method, or
    lacks counters.
    """
    rows = [row for row in rows if row.key.quantity in QUANTITIES]
    wanted = "synthetic" if synthetic else "measured"
    for row in rows:
        _check(row, configs, board, wanted)
    runs = _runs(rows)
    require(len(runs) > 0, f"Energy fit must have {wanted} rows of energy or power_active, not none")
    prior = board_joules(board)
    names = list(_counts(board.preset(), runs[0].counters))
    scale = np.array([prior[name] or 1.0 for name in names])
    design, measured, deviation = (np.array(v) for v in zip(
        *(_equation(row, configs[row.key.accelerator], names, scale) for row in runs), strict=True))
    static, idle = names.index("static_w"), [row for row in rows if row.key.quantity == "power_idle"]
    centre, width = _prior(design, measured, deviation, static, [v / scale[static] for v in _idle_power(idle)])
    weighted = np.vstack([design / deviation[:, None], np.diag(1 / width)])
    right = np.concatenate([measured / deviation, centre / width])
    factors, covariance = nnls(weighted, right)[0], np.linalg.inv(weighted.T @ weighted)
    off = design @ factors / measured - 1
    told = len(runs) - np.trace(covariance @ weighted[:len(runs)].T @ weighted[:len(runs)])
    if told >= 1:  # degrees of freedom left: rows may scatter more than they say
        covariance *= max(1.0, float(np.sum((off * measured / deviation) ** 2) / told))
    errors = np.sqrt(np.diag(covariance))
    return EnergyFit(
        method="fitted to synthetic rows" if synthetic else "fitted",
        coefficients={name: Coefficient(value=float(factors[i] * scale[i]), standard_error=float(errors[i] * scale[i]),
                                        prior=prior[name],
                                        tied=bool(errors[i] > TIED * width[i]) and not (idle and i == static))
                      for i, name in enumerate(names)},
        rows=_ids(runs), idle_rows=_ids(idle), residual=float(np.sqrt(np.mean(off**2))),
        covariance=covariance * np.outer(scale, scale))


def _equation(row: Row, config: AcceleratorConfig, names: Sequence[str],
              scale: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Joules of each event kind in the row's run by the data file, joules measured, and their deviation."""
    counts = _counts(dataclasses.replace(config, clock_hz=row.key.clock_hz), row.counters)
    seconds = counts["static_w"] if row.key.quantity == "power_active" else 1.0
    return np.array([counts[name] for name in names]) * scale, row.value * seconds, _deviation(row) * seconds


def _prior(design: np.ndarray, measured: np.ndarray, deviation: np.ndarray, static: int,
           idle: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Where the factors are before rows tell them apart, and how wide: the events' at what they have in common, that of
    idle power (column ``static``) at its own rows' mean and error, ``idle``, if there are any."""
    idle_centre, idle_width = idle or (1.0, COMMON_DEVIATION)
    events_only = design.sum(axis=1) - design[:, static]
    two = np.stack([events_only, design[:, static]], axis=1) / deviation[:, None]
    held = np.vstack([two, np.diag([1 / COMMON_DEVIATION, 1 / idle_width])])
    right = np.concatenate([measured / deviation, [1 / COMMON_DEVIATION, idle_centre / idle_width]])
    (common, _), _ = nnls(held, right)
    error = np.linalg.inv(held.T @ held)[0, 0] ** 0.5
    centre = np.full(design.shape[1], common)
    width = np.full(design.shape[1], float(np.hypot(PRIOR_DEVIATION * common, error)))
    centre[static], width[static] = idle_centre, idle_width
    return centre, width


def _check(row: Row, configs: Mapping[str, AcceleratorConfig], board: Board, wanted: str) -> None:
    name = f"Energy row {row.id}" if row.id is not None else "Energy row"
    require(row.method == wanted, f"{name} must be {wanted} like the others of the fit, not {row.method}")
    require(row.key.board == board.name, f"{name} must be of board {board.name}, not {row.key.board!r}")
    require(row.value > 0, f"{name}'s {row.key.quantity} must be above 0 {row.unit}, not {row.value}")
    if row.key.quantity != "power_idle":
        require(row.key.operator == "network", f"{name} must be of a whole network, not {row.key.operator!r}")
        require(row.key.accelerator in configs, f"{name}'s accelerator {row.key.accelerator[:12]} must be given")


def _runs(rows: Sequence[Row]) -> list[Row]:
    """Rows of runs, one each: energy where a run says both."""
    said = {(row.run_id, row.key.accelerator, row.key.shape) for row in rows if row.key.quantity == "energy"}
    return [row for row in rows if row.key.quantity == "energy" or row.key.quantity == "power_active"
            and (row.run_id, row.key.accelerator, row.key.shape) not in said]


def _counts(config: AcceleratorConfig, counters: Mapping[str, float]) -> dict[str, float]:
    """Events of all components together."""
    totals: dict[str, float] = {}
    for counts in events(config, counters).values():
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals


def _deviation(row: Row) -> float:
    """Standard deviation of a row's value, from its quantiles, and never less than a sensor's."""
    low, high = row.quantiles.get("0.1"), row.quantiles.get("0.9")
    spread = (high - low) / DECILES_APART if low is not None and high is not None else 0.0
    return max(spread, ROW_DEVIATION * row.value)


def _idle_power(rows: Sequence[Row]) -> tuple[float, ...]:
    """Mean idle power of ``rows`` and its standard error, in W; nothing of no rows."""
    if not rows:
        return ()
    values = np.array([row.value for row in rows])
    scatter = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return float(values.mean()), max(scatter, *(_deviation(row) for row in rows)) / len(values) ** 0.5


def _ids(rows: Sequence[Row]) -> tuple[int, ...]:
    return tuple(row.id for row in rows if row.id is not None)
