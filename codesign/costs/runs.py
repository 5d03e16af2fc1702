"""Whole runs out of rows: what one network took in one go, and which classes of layers its layers' rows say it went to.

Rows of one method, Verilog, accelerator, clock, memory and board belong together.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import require
from .row import CostKey, Row

__all__ = ["BOARD_METHODS", "Origin", "Run", "check_method", "runs_of"]

#: Methods whose rows may differ from the model: a board's, and an invented board's (never one with the other).
BOARD_METHODS = ("measured", "synthetic")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What rows of one run share, and all that are fitted as one accelerator's."""

    method: str
    accelerator: str
    clock_hz: int
    memory: str
    board: str
    quantity: str
    verilog_digest: str | None

    @property
    def place(self) -> tuple[str, int, str, str, str]:
        """Method, clock, memory, board and quantity: what accelerators must share to learn of each other."""
        return self.method, self.clock_hz, self.memory, self.board, self.quantity

    @classmethod
    def of(cls, row: Row) -> "Origin":
        """The origin of ``row``."""
        return cls.at(row.key, row.method, row.verilog_digest)

    @classmethod
    def at(cls, key: CostKey, method: str, verilog_digest: str | None) -> "Origin":
        """Where an answer to ``key`` by ``method`` from that Verilog would come from."""
        return cls(method=method, accelerator=key.accelerator, clock_hz=key.clock_hz, memory=key.memory,
                   board=key.board, quantity=key.quantity, verilog_digest=verilog_digest)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One network's run: cycles of an image.

    network : digest of its graph
    value : the network's row: all of it, what surrounds the accelerator's run included
    model, found : by class (a layer's operator) the sums over its layers of the model's cycles and of the rows'
    rest : the model's cycles that belong to no layer
    network_rows, class_rows : ids of the network's row, and by class of its layers'
    """

    network: str
    value: float
    model: Mapping[str, float]
    found: Mapping[str, float]
    rest: float = 0
    network_rows: tuple[int, ...] = ()
    class_rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def layers(self) -> float:
        """What the rows say that all layers took."""
        return sum(self.found.values())


def check_method(rows: Iterable[Row], method: str) -> list[Row]:
    """``rows`` of cycles. Raises :class:`CodesignError` where one is not of ``method``, or that is not a board's."""
    require(method in BOARD_METHODS, f"Correction's method must be one of {', '.join(BOARD_METHODS)}, not {method!r}")
    rows = [row for row in rows if row.key.quantity == "cycles"]
    for row in rows:
        require(row.method == method, f"Correction's rows must all be {method}, not {row.method} as row {row.id}")
    return rows


def runs_of(rows: Iterable[Row]) -> list[Run]:
    """The runs among ``rows`` of which a network's row and layers' rows are there, in the order of the rows.

    Rows of other quantities than cycles are passed over, as are runs that miss either part or the model's word.
    Raises :class:`CodesignError` where rows of different origins are given, or a run has several networks.
    """
    rows = [row for row in rows if row.key.quantity == "cycles"]
    by_run: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        origin, first = Origin.of(row), Origin.of(rows[0])
        for name in ("method", "accelerator", "clock_hz", "memory", "board", "verilog_digest"):
            wanted, got = getattr(first, name), getattr(origin, name)
            require(wanted == got, f"Rows fitted together must share their {name}: row {rows[0].id} has {wanted!r}, "
                                   f"row {row.id} has {got!r}")
        by_run[row.run_id].append(row)
    runs = [_run(run_id, members) for run_id, members in by_run.items()]
    return [run for run in runs if run is not None]


def _run(run_id: str, rows: Sequence[Row]) -> Run | None:
    """The run whose rows these are; None where they do not make a whole one."""
    networks = [row for row in rows if row.key.operator == "network"]
    layers = [row for row in rows if row.key.operator != "network"]
    require(len(networks) <= 1, f"Run {run_id!r} must have one row of a network, not {len(networks)}: rows "
                                f"{', '.join(str(row.id) for row in networks)}")
    told = all(row.model_value is not None and row.value >= 0 for row in rows)
    if not networks or not told or networks[0].value <= 0 or not any(row.value and row.model_value for row in layers):
        return None
    model: defaultdict[str, float] = defaultdict(float)
    found: defaultdict[str, float] = defaultdict(float)
    ids: defaultdict[str, tuple[int, ...]] = defaultdict(tuple)
    for row in layers:
        model[row.key.operator] += row.model_value or 0
        found[row.key.operator] += row.value
        ids[row.key.operator] += _ids(row)
    whole = networks[0]
    return Run(network=whole.key.shape, value=whole.value, model=dict(model), found=dict(found),
               rest=(whole.model_value or 0) - sum(model.values()),
               network_rows=_ids(whole), class_rows=dict(ids))


def _ids(row: Row) -> tuple[int, ...]:
    return () if row.id is None else (row.id,)
