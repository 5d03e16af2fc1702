"""A table's layers in the formats of published latency tables, for the searches that read those.

``ofa``: the YAML of ProxylessNAS and Once-for-All, as read by ``LatencyTable`` in
github.com/mit-han-lab/once-for-all, ofa/nas/efficiency_predictor/latency_lookup_table.py: a mapping from
``TYPE-input:HxWxC-output:HxWxC`` to ``mean`` (milliseconds) and ``count``.

``fbnet``: the operator table of FBNet and ChamNet, as read by ``OpLut`` in github.com/facebookresearch/mobile-vision,
runtime_lut/code (api.py, lut_schema.py): a JSON record a line with ``op_type``, ``op_args``, ``input_shapes`` (map,
kernel and bias, channels last), ``input_dtypes``, percentiles ``runtime_us_p0`` .. ``runtime_us_p100`` and ``device``.
A reader takes no other keys, so where the numbers come from is said beside the file.

Both know a layer by its shape alone, so equal layers in other places of a network are one entry: its mean, and its
percentiles, are over them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import yaml

from ..cycles import predict
from ..errors import CodesignError, require
from ..gemm import Gemm
from ..graph import Conv, Graph, Shape
from ..lowering import lower
from .pricing import layer_keys
from .question import Question
from .row import CostKey, Row

__all__ = ["LayerCost", "layer_costs", "one_source", "to_fbnet", "to_ofa"]

# caffe2.proto's TensorProto.DataType, which op records speak in.
UINT8, INT8, INT32 = 6, 7, 2


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """One layer of a run, in its place.

    kind : ``conv``, ``linear`` or ``identity`` (a copy; a pool or average that nothing could be fused with)
    in_shape, out_shape : of the maps (channels, height, width), pool and average included
    cycles : of the layer, of all its bands
    """

    kind: str
    in_shape: Shape
    out_shape: Shape
    kernel: int
    weight_bits: int
    activation_bits: int
    padding: int | None
    cycles: float
    clock_hz: int

    @property
    def time_s(self) -> float:
        return self.cycles / self.clock_hz


def one_source(rows: Sequence[Row]) -> dict[str, str | int | None]:
    """What all ``rows`` share: method, accelerator, clock, memory, board, Verilog.

    Raises :class:`CodesignError` where they do not, naming the option that picks.
    """
    require(bool(rows), "Lookup table must have at least one row of a layer's cycles, not none (stale rows are taken "
                        "with --verilog DIGEST alone)")
    found: dict[str, str | int | None] = {}
    for name, option, value in (
            ("method", "--method", lambda r: r.method), ("accelerator", "--accelerator", lambda r: r.key.accelerator),
            ("board", "--board", lambda r: r.key.board), ("verilog_digest", "--verilog", lambda r: r.verilog_digest),
            ("clock_hz", None, lambda r: r.key.clock_hz), ("memory", None, lambda r: r.key.memory)):
        values = list(dict.fromkeys(value(row) for row in rows))
        require(len(values) == 1, f"Lookup table must be of one {name}, not {', '.join(str(v)[:16] for v in values)}"
                                  + (f" ({option} picks one)" if option else ""))
        found[name] = values[0]
    return found


def layer_costs(rows: Iterable[Row], questions: Mapping[str, Question]) -> list[LayerCost]:
    """The layers of all runs of which ``rows`` (of layers' cycles) are, each as often as it occurs.

    A layer is left out where not all its bands have a row. Raises :class:`CodesignError` where nothing says what a
    row's run was asked.
    """
    runs: dict[str, dict[CostKey, list[Row]]] = {}
    for row in rows:
        require(row.run_id in questions, f"Row {row.id} must be of a run whose network the table knows, not of "
                                         f"{row.run_id!r}")
        runs.setdefault(row.run_id, {}).setdefault(row.key, []).append(row)
    return [cost for run, by_key in runs.items() for cost in _run_costs(questions[run], by_key)]


def _run_costs(question: Question, by_key: dict[CostKey, list[Row]]) -> list[LayerCost]:
    graph, config = question.network.graph(), question.accelerator
    layers = predict(graph, config).layers
    cycles: dict[str, float | None] = {}
    for layer, key in zip(layers, layer_keys(graph, config, question.board, layers), strict=True):
        name = layer.name.partition("[")[0]  # of a band of it
        there, so_far = by_key.get(key), cycles.get(name, 0.0)
        # Equal layers of one run have a row each, in their order; where fewer are left, the last stands for the rest.
        row = (there.pop(0) if len(there) > 1 else there[0]) if there else None
        cycles[name] = None if row is None or so_far is None else so_far + row.value
    gemms = {gemm.name: gemm for gemm in lower(graph)}
    return [_layer_cost(graph, gemms[name], value, config.clock_hz)
            for name, value in cycles.items() if value is not None and name in gemms]


def _layer_cost(graph: Graph, gemm: Gemm, cycles: float, clock_hz: int) -> LayerCost:
    node = next((node for node in graph.nodes if node.name == gemm.name), None)
    kernel = node.op.kernel if node and isinstance(node.op, Conv) else 1
    return LayerCost(kind="identity" if gemm.identity else "linear" if gemm.raw else "conv",
                     in_shape=(len(gemm.operands) // kernel**2, *gemm.in_shape[1:]), out_shape=gemm.shape,
                     kernel=kernel, weight_bits=gemm.weight_bits, activation_bits=gemm.activation_bits,
                     padding=gemm.padding, cycles=cycles, clock_hz=clock_hz)


def to_ofa(costs: Iterable[LayerCost], source: Mapping[str, object]) -> str:
    """The YAML text, ``source`` in its head. Types: ``Conv`` (1x1, 4 bits; else ``Conv3x3``, ``Conv_w8``, ``Conv_a8``,
    ...), ``Logits`` for the linear layer, ``Identity`` for a copy."""
    entries: dict[str, list[float]] = {}
    for cost in costs:
        entries.setdefault(_ofa_key(cost), []).append(cost.time_s * 1e3)
    head = "".join(f"# {name}: {value}\n" for name, value in source.items())
    table = {key: {"mean": float(np.mean(times)), "count": len(times)} for key, times in sorted(entries.items())}
    return f"# Latency of a layer in ms, from a cost table of codesign.\n{head}{yaml.safe_dump(table)}"


def _ofa_key(cost: LayerCost) -> str:
    def text(shape: Shape) -> str:
        return "x".join(map(str, (*shape[1:], shape[0])))

    if cost.kind == "linear":
        return f"Logits-input:{text(cost.in_shape)}-output:{cost.out_shape[0]}"
    kind = "Identity" if cost.kind == "identity" else "Conv"
    kind += f"{cost.kernel}x{cost.kernel}" if cost.kernel > 1 else ""
    kind += f"_w{cost.weight_bits}" if cost.weight_bits != 4 else ""
    kind += f"_a{cost.activation_bits}" if cost.activation_bits != 4 else ""
    return f"{kind}-input:{text(cost.in_shape)}-output:{text(cost.out_shape)}"


def to_fbnet(costs: Iterable[LayerCost], device: str) -> str:
    """The records, a line each. ``op_type`` says the weights' bits (``Int4ConvRelu``, ``Int4FC``, ``Copy``), and
    ``op_args`` the rest; percentiles are over the layer's occurrences."""
    entries: dict[str, list[float]] = {}
    for cost in costs:
        entries.setdefault(json.dumps(_fbnet_operator(cost), sort_keys=True), []).append(cost.time_s * 1e6)
    lines = []
    for operator, times in sorted(entries.items()):
        percentiles = {f"runtime_us_p{q}": float(np.percentile(times, q)) for q in (0, 10, 50, 90, 100)}
        lines.append(json.dumps({**json.loads(operator), **percentiles, "device": device}, sort_keys=True))
    return "".join(f"{line}\n" for line in lines)


def _fbnet_operator(cost: LayerCost) -> dict:
    (k, h, w), m = cost.in_shape, cost.out_shape[0]
    arguments = {} if cost.kind == "linear" else {"kernel": cost.kernel, "activation_bits": cost.activation_bits}
    if cost.padding is not None:
        arguments["pool_padding"] = cost.padding
    elif cost.out_shape[1:] != (h, w):
        arguments["average"] = 1
    texts = [f'name: "{name}"\ni: {value}\n' for name, value in sorted(arguments.items())]
    match cost.kind:
        case "identity":
            kind, shapes, types = "Copy", [[1, h, w, k]], [UINT8]
        case "linear":
            kind, shapes, types = f"Int{cost.weight_bits}FC", [[1, k], [m, k], [m]], [UINT8, INT8, INT32]
        case "conv":
            kind, types = f"Int{cost.weight_bits}ConvRelu", [UINT8, INT8, INT32]
            shapes = [[1, h, w, k], [m, cost.kernel, cost.kernel, k], [m]]
        case _:
            raise CodesignError(f"Layer must be conv, linear or identity, not {cost.kind!r}")
    return {"op_type": kind, "op_args": texts, "input_shapes": shapes, "input_dtypes": types}
