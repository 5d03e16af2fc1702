"""Prices: what a network costs on an accelerator, from the best evidence that the table has, else from the model.

In this order:

1. rows of the whole network: on a board, the median of its runs;
2. a board's rows of other networks, and of other accelerators on it: the cost model, corrected by them
   (:mod:`codesign.costs.fitting`);
3. rows of layers, each where its key has one. A layer's key holds its shape, what is fused into it, and the cycles
   the model gives it in its place: the same layer elsewhere, with another neighbour to hide its weights behind, is
   another question;
4. the cost model.

All rows of one price are of one method and from one Verilog.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Protocol

from ..accelerator import AcceleratorConfig
from ..errors import CodesignError, require
from ..graph import Graph
from ..integer import A_BITS, PIXEL_BITS, W_BITS
from ..lowering import lower
from .correction import Correction
from .evidence import Evidence
from .interval import Interval
from .keys import graph_digest
from .parts import MODEL, Part, Price
from .robust import repeats
from .row import METHODS, CostKey, Row
from .runs import BOARD_METHODS, Origin
from .table import CostTable

__all__ = ["Predict", "layer_keys", "network_key", "price"]

MISSING = ("model", "error", "interpolate")
OTHERS = " of other accelerators"


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


def network_key(graph: Graph, config: AcceleratorConfig, board: str) -> CostKey:
    """The key of a whole network's cycles; weights do not matter, the graph does."""
    gemms = [gemm for gemm in lower(graph) if not gemm.identity]
    return CostKey.on(config, board, operator="network", shape=graph_digest(graph),
                      bits=_bits({g.weight_bits for g in gemms}, {g.activation_bits for g in gemms}))


def _bits(weights: set[int], activations: set[int]) -> str:
    """``w4a4p8``; of several ``w4/8a4p8``."""
    return f"w{'/'.join(map(str, sorted(weights)))}a{'/'.join(map(str, sorted(activations)))}p{PIXEL_BITS}"


def layer_keys(graph: Graph, config: AcceleratorConfig, board: str, layers: Sequence[Layer]) -> list[CostKey]:
    """The key of each of ``layers``, as the cost model gives them, in their order."""
    gemms = {gemm.name: gemm for gemm in lower(graph)}
    keys = []
    for layer in layers:
        name, cycles = layer.name, layer.cycles
        whole_name = name.partition("[")[0]  # of a band of it
        if whole_name in gemms:
            g = gemms[whole_name]
            bits = _bits({g.weight_bits}, {g.activation_bits})
            operator = "identity" if g.identity else "linear" if g.raw else "conv"
            shape = "x".join(map(str, (len(g.operands), *g.in_shape)))
            shifted = any(o.dx or o.dy for o in g.operands)
            fused = [f"planes {g.planes}", *(["shift"] if shifted else []), *(["average"] if g.total else []),
                     *([f"pool {g.padding}"] if g.padding is not None else [])]
        else:
            operator, shape, fused = name, "x".join(map(str, graph.input_shape)), []
            bits = _bits({W_BITS}, {A_BITS})
        keys.append(CostKey.on(config, board, operator=operator, shape=shape, bits=bits,
                               schedule=", ".join([*fused, f"{cycles} model cycles"])))
    return keys


def price(graph: Graph, config: AcceleratorConfig, *, predict: Predict, board: str, table: CostTable | None = None,
          method: str | None = None, verilog_digest: str | None = None, others: Mapping[str, str] | None = None,
          evidence: Evidence | None = None, stale: bool = False, missing: str = "model", level: float = 0.9) -> Price:
    """Price one image of ``graph`` on ``config``.

    method : of the rows; by default ``measured`` where there are fresh ones of ``board``, else ``simulated``;
        ``model`` uses no rows
    verilog_digest : today's Verilog of ``config``; rows from another are stale and not used unless ``stale``, and then
        only where there are no fresh ones; ``others`` : that of other accelerators, by digest, whose rows may correct
    evidence : instead of these and the table, for many prices on one footing
    missing : a layer for which there is neither a row nor a correction is taken from the ``model``, is an ``error``,
        or is ``interpolate``\\ d: the model's value times the median of row/model over that operator's rows here;
        ``error`` also means that nothing is corrected: only rows answer
    level : of the interval

    Raises :class:`CodesignError` where the network does not fit, or a key is missing and that is an error.
    """
    require(missing in MISSING, f"Price's missing must be one of {', '.join(MISSING)}, not {missing!r}")
    require(method is None or method in METHODS,
            f"Price's method must be one of {', '.join(METHODS)}, not {method!r}")
    model = predict(graph, config)
    if evidence is None and table is not None:
        known = {**(others or {}), config.digest(): verilog_digest}
        evidence = Evidence(table, board, known.get)
    if evidence is None or method == MODEL:
        require(missing == "model", "Price must be given a cost table, and a method other than model, unless missing "
                                    "is 'model'")
        return _summed(model, [_modelled(layer) for layer in model.layers], MODEL)

    key = network_key(graph, config, board)
    stale_rows = 0
    for tried in ("measured", "simulated") if method is None else (method,):
        origin = evidence.origin(Origin.at(key, tried, None))
        rows, left_out = evidence.rows(origin, stale)
        correction = evidence.correction(origin, rows) if missing != "error" else None
        stale_rows += left_out
        if rows or correction:
            break
    whole = [row for row in rows if row.key == key]
    if whole:
        return _from_runs_of_it(model, whole, rows, stale_rows, level)
    keys = layer_keys(graph, config, board, model.layers)
    if correction:
        return _corrected(model, keys, correction, stale_rows, level)
    parts = []
    for layer, layer_key in zip(model.layers, keys, strict=True):
        part = _from_rows(layer, layer_key, rows, missing)
        if part is None:
            raise CodesignError(f"Cost table must have a fresh {tried} row for layer {layer.name} "
                                f"({layer_key.operator} {layer_key.shape}, {layer_key.schedule}) on {config.name}")
        parts.append(part)
    return _summed(model, parts, tried, stale_rows)


def _from_runs_of_it(model: Prediction, whole: Sequence[Row], rows: Sequence[Row], stale_rows: int,
                     level: float) -> Price:
    """From rows of the network itself. Simulated ones are all alike; a board's differ as runs of networks do there."""
    newest, value, interval = whole[-1], whole[-1].value, None
    if newest.method in BOARD_METHODS:
        networks: dict[CostKey, list[float]] = {}
        for row in rows:
            if row.key.operator == "network" and row.value:
                networks.setdefault(row.key, []).append(math.log(row.value))
        interval = Interval.of_next_run([row.value for row in whole], repeats(networks.values()), level)
        value = interval.value
    else:
        whole = whole[-1:]
    part = Part(name="network", cycles=value, model_cycles=model.cycles, source=newest.method, rows=_ids(*whole))
    return Price(cycles=value, model_cycles=model.cycles, counters=dict(newest.counters or model.counters),
                 parts=(part,), method=newest.method, interval=interval, stale_rows=stale_rows)


def _corrected(model: Prediction, keys: Sequence[CostKey], correction: Correction, stale_rows: int,
               level: float) -> Price:
    """From the model, corrected by runs of other networks, or only of other accelerators: then the source says so. A
    class that they know nothing of stays the model's."""
    method = correction.origin.method
    source = f"model corrected by {method}{'' if correction.own_runs else OTHERS}"
    by_class: dict[str, float] = {}
    parts = []
    for layer, key in zip(model.layers, keys, strict=True):
        name, cycles = key.operator, layer.cycles
        by_class[name] = by_class.get(name, 0) + cycles
        parts.append(Part(name=layer.name, cycles=correction.ratio(name) * cycles, model_cycles=cycles, source=source,
                          rows=correction.class_rows[name]) if name in correction.classes else _modelled(layer))
    parts.append(Part(name="overhead", cycles=correction.overhead.value, model_cycles=0, source=source,
                      rows=correction.network_rows))
    rest = model.cycles - sum(by_class.values())
    return _summed(model, parts, method, stale_rows, correction.price(by_class, rest=rest, level=level))


def _from_rows(layer: Layer, key: CostKey, rows: Sequence[Row], missing: str) -> Part | None:
    """From the newest row of the layer; else as ``missing`` says; None where that is an error."""
    own = [row for row in rows if row.key == key]
    if own:
        return Part(name=layer.name, cycles=own[-1].value, model_cycles=layer.cycles, source=own[-1].method,
                    rows=_ids(own[-1]))
    if missing == "model":
        return _modelled(layer)
    near = [row for row in rows if row.key.operator == key.operator and row.ratio is not None]
    if missing == "error" or not near:
        return None
    return Part(name=layer.name, cycles=layer.cycles * median(row.ratio or 0 for row in near),
                model_cycles=layer.cycles, source="interpolated", rows=_ids(*near))


def _modelled(layer: Layer) -> Part:
    return Part(name=layer.name, cycles=layer.cycles, model_cycles=layer.cycles, source=MODEL)


def _ids(*rows: Row) -> tuple[int, ...]:
    """Ids of stored rows."""
    return tuple(row.id for row in rows if row.id is not None)


def _summed(model: Prediction, parts: Sequence[Part], method: str, stale_rows: int = 0,
            interval: Interval | None = None) -> Price:
    """The sum of ``parts`` and, if the model gives some of its cycles to no layer, those; of ``method`` if rows of it
    were used."""
    rest = model.cycles - sum(part.model_cycles for part in parts)
    if rest:
        parts = [*parts, Part(name="rest", cycles=rest, model_cycles=rest, source=MODEL)]
    used = any(part.rows or part.source != MODEL for part in parts)
    return Price(cycles=sum(part.cycles for part in parts), model_cycles=model.cycles, counters=dict(model.counters),
                 parts=tuple(parts), method=method if used else MODEL, interval=interval, stale_rows=stale_rows)
