"""Prices: what a network costs on an accelerator, from the table's rows where they answer, else from the model.

A whole network's row comes first. Without one, each layer whose key has a row is priced from it and the others
from the cost model. A layer's key holds its shape, what is fused into it, and the cycles the model gives it in
its place: the same layer elsewhere, with another neighbour to hide its weights behind, is another question.
All rows of one price are of one method.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from ..accelerator import AcceleratorConfig
from ..errors import CodesignError, require
from ..graph import Graph
from ..lowering import lower
from .keys import graph_digest
from .row import CostKey, Row
from .table import CostTable

__all__ = ["Part", "Predict", "Price", "layer_keys", "network_key", "price"]

MISSING = ("model", "error", "interpolate")


class Layer(Protocol):
    """A layer of a prediction."""

    @property
    def name(self) -> str: ...

    @property
    def cycles(self) -> int: ...


class Prediction(Protocol):
    """What the cost model says of a network: cycles of an image, by layer too, and the counters."""

    @property
    def cycles(self) -> int: ...

    @property
    def layers(self) -> Sequence[Layer]: ...

    @property
    def counters(self) -> dict[str, int]: ...


Predict = Callable[[Graph, AcceleratorConfig], Prediction]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One summand of a price. ``source`` is the rows' method, ``model`` or ``interpolated``; ``rows`` their ids."""

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
    """Cycles of one image and where every part of them comes from; ``model_cycles`` is the model's own answer."""

    cycles: float
    model_cycles: int
    counters: dict[str, int]
    parts: tuple[Part, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """Ids of all rows used."""
        return tuple(sorted({id for part in self.parts for id in part.rows}))

    def to_dict(self) -> dict:
        """All of it, JSON-compatible."""
        return {"cycles": self.cycles, "model_cycles": self.model_cycles, "counters": self.counters,
                "rows": list(self.rows), "parts": [part.to_dict() for part in self.parts]}


def network_key(graph: Graph, config: AcceleratorConfig, board: str) -> CostKey:
    """The key of a whole network's cycles; weights do not matter, the graph does."""
    return CostKey.on(config, board, operator="network", shape=graph_digest(graph))


def layer_keys(graph: Graph, config: AcceleratorConfig, board: str, layers: Sequence[Layer]) -> list[CostKey]:
    """The key of each of ``layers``, as the cost model gives them, in their order."""
    gemms = {gemm.name: gemm for gemm in lower(graph)}
    keys = []
    for layer in layers:
        name, cycles = layer.name, layer.cycles
        whole_name = name.partition("[")[0]  # of a band of it
        if whole_name in gemms:
            g = gemms[whole_name]
            operator = "identity" if g.identity else "linear" if g.raw else "conv"
            shape = "x".join(map(str, (len(g.operands), *g.in_shape)))
            shifted = any(o.dx or o.dy for o in g.operands)
            fused = [f"planes {g.planes}", *(["shift"] if shifted else []), *(["average"] if g.total else []),
                     *([f"pool {g.padding}"] if g.padding is not None else [])]
        else:
            operator, shape, fused = name, "x".join(map(str, graph.input_shape)), []
        keys.append(CostKey.on(config, board, operator=operator, shape=shape,
                               schedule=", ".join([*fused, f"{cycles} model cycles"])))
    return keys


def _ratios(table: CostTable, key: CostKey, method: str, verilog_digest: str | None,
            stale: bool) -> list[tuple[Row, float]]:
    """Rows, each with row/model, of the same operator on the same accelerator, clock, memory and board."""
    same = ("operator", "accelerator", "clock_hz", "memory", "board", "quantity", "bits")
    return [(row, row.ratio) for row in table.rows(method=method, accelerator=key.accelerator)
            if row.ratio is not None and (stale or row.verilog_digest == verilog_digest)
            and all(getattr(row.key, f) == getattr(key, f) for f in same)]


def price(graph: Graph, config: AcceleratorConfig, *, predict: Predict, board: str, table: CostTable | None = None,
          method: str = "simulated", verilog_digest: str | None = None, stale: bool = False,
          missing: str = "model") -> Price:
    """Price one image of ``graph`` on ``config``.

    verilog_digest : today's Verilog of ``config``; rows from another are stale and not used unless ``stale``
    missing : a part without a row is taken from the ``model``, is an ``error``, or is ``interpolate``\\ d: the
        model's value times the median of row/model over that operator's rows on this accelerator

    Raises :class:`CodesignError` where the network does not fit, or a key is missing and that is an error.
    """
    require(missing in MISSING, f"Price's missing must be one of {', '.join(MISSING)}, not {missing!r}")
    model = predict(graph, config)
    if table is None:
        require(missing == "model", "Price must be given a cost table unless missing is 'model'")
        parts = tuple(Part(name=layer.name, cycles=layer.cycles, model_cycles=layer.cycles, source="model")
                      for layer in model.layers)
        return Price(cycles=model.cycles, model_cycles=model.cycles, counters=dict(model.counters),
                     parts=_with_rest(parts, model.cycles))

    row = table.newest(network_key(graph, config, board), method=method, verilog_digest=verilog_digest, stale=stale)
    if row is not None:
        whole = Part(name="network", cycles=row.value, model_cycles=model.cycles, source=method, rows=_ids(row))
        return Price(cycles=row.value, model_cycles=model.cycles, counters=dict(row.counters or model.counters),
                     parts=(whole,))

    found: list[Part] = []
    for layer, key in zip(model.layers, layer_keys(graph, config, board, model.layers), strict=True):
        name, cycles = layer.name, layer.cycles
        row = table.newest(key, method=method, verilog_digest=verilog_digest, stale=stale)
        if row is not None:
            found.append(Part(name=name, cycles=row.value, model_cycles=cycles, source=method, rows=_ids(row)))
        elif missing == "model":
            found.append(Part(name=name, cycles=cycles, model_cycles=cycles, source="model"))
        else:
            near = _ratios(table, key, method, verilog_digest, stale) if missing == "interpolate" else []
            if not near:
                raise CodesignError(f"Cost table must have a fresh {method} row for layer {name} "
                                    f"({key.operator} {key.shape}, {key.schedule}) on {config.name}")
            found.append(Part(name=name, cycles=cycles * median(ratio for _, ratio in near), model_cycles=cycles,
                              source="interpolated", rows=_ids(*(r for r, _ in near))))
    parts = _with_rest(tuple(found), model.cycles)
    return Price(cycles=sum(p.cycles for p in parts), model_cycles=model.cycles, counters=dict(model.counters),
                 parts=parts)


def _ids(*rows: Row) -> tuple[int, ...]:
    """Ids of stored rows."""
    return tuple(row.id for row in rows if row.id is not None)


def _with_rest(parts: tuple[Part, ...], cycles: int) -> tuple[Part, ...]:
    """``parts`` and, if the model gives some of its ``cycles`` to no layer, those."""
    rest = cycles - sum(p.model_cycles for p in parts)
    return parts if rest == 0 else (*parts, Part(name="rest", cycles=rest, model_cycles=rest, source="model"))
