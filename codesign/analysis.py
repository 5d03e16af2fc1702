"""What a network costs on paper: weights, multiply-accumulates, activations, bytes, arithmetic intensity."""

import math
from dataclasses import asdict, dataclass

from .graph import Conv, GlobalAverage, Graph, Input, Linear, Shape
from .integer import PIXEL_BITS

__all__ = ["Analysis", "LayerAnalysis", "analyze", "max_values"]

LOGIT_BYTES = 4


def max_values(graph: Graph) -> list[int]:
    """The largest value each node's map can hold, in node order (the logits', which are signed, as 0)."""
    values: list[int] = []
    for node in graph.nodes:
        match node.op:
            case Input():
                value = 2**PIXEL_BITS - 1
            case Conv(activation_bits=bits):
                value = 2**bits - 1
            case Linear():
                value = 0
            case GlobalAverage():
                _, h, w = graph.nodes[node.inputs[0]].shape
                value = values[node.inputs[0]] * h * w
            case _:
                value = max(values[i] for i in node.inputs)
        values.append(value)
    return values


@dataclass(frozen=True, kw_only=True)
class LayerAnalysis:
    """One convolution or the linear layer, for one image.

    ``activations`` are the elements it makes; ``activation_bytes`` those it reads and makes, packed at their
    bits; ``intensity`` is multiply-accumulates per byte of weights and activations. Biases and batch norm do not count.
    """

    name: str
    op: str
    in_shape: Shape
    out_shape: Shape
    weights: int
    macs: int
    activations: int
    weight_bytes: int
    activation_bytes: int
    intensity: float


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Every layer that multiplies, and the totals for one image."""

    layers: tuple[LayerAnalysis, ...]

    def _total(self, field: str) -> int:
        return sum(getattr(layer, field) for layer in self.layers)

    @property
    def weights(self) -> int:
        return self._total("weights")

    @property
    def macs(self) -> int:
        return self._total("macs")

    @property
    def activations(self) -> int:
        return self._total("activations")

    @property
    def weight_bytes(self) -> int:
        return self._total("weight_bytes")

    @property
    def activation_bytes(self) -> int:
        return self._total("activation_bytes")

    @property
    def intensity(self) -> float:
        return self.macs / (self.weight_bytes + self.activation_bytes)

    def to_dict(self) -> dict:
        """JSON-compatible: ``layers`` (a list) and the totals."""
        totals = ("weights", "macs", "activations", "weight_bytes", "activation_bytes", "intensity")
        layers = [{**asdict(layer), "in_shape": list(layer.in_shape), "out_shape": list(layer.out_shape)}
                  for layer in self.layers]
        return {"layers": layers, **{key: getattr(self, key) for key in totals}}


def analyze(graph: Graph) -> Analysis:
    """Count every convolution and the linear layer of ``graph``."""
    largest = max_values(graph)
    layers = []
    for node in graph.nodes:
        if not isinstance(node.op, Conv | Linear):
            continue
        source = node.inputs[0]
        in_shape = graph.nodes[source].shape
        pixels = math.prod(node.shape[1:])
        weights = node.shape[0] * in_shape[0] * node.op.taps
        in_bytes = math.ceil(math.prod(in_shape) * largest[source].bit_length() / 8)
        made = math.prod(node.shape)
        out_bytes = made * LOGIT_BYTES if isinstance(node.op, Linear) else math.ceil(made * node.op.activation_bits / 8)
        weight_bytes = math.ceil(weights * node.op.weight_bits / 8)
        layers.append(LayerAnalysis(
            name=node.name, op=type(node.op).__name__.lower(), in_shape=in_shape, out_shape=node.shape,
            weights=weights, macs=weights * pixels, activations=made, weight_bytes=weight_bytes,
            activation_bytes=in_bytes + out_bytes,
            intensity=weights * pixels / (weight_bytes + in_bytes + out_bytes)))
    return Analysis(layers=tuple(layers))
