"""The integer network: a graph plus integers, the one thing that is compiled, simulated and deployed.

Its meaning is defined by :mod:`codesign.reference`; training's evaluation mode computes the same function.
"""

from dataclasses import dataclass, field

import numpy as np

from .errors import require
from .graph import Conv, Graph, Linear

__all__ = ["ADD_BITS", "A_BITS", "IntegerNetwork", "Layer", "MUL_BITS", "PIXEL_BITS", "SHIFT_MAX", "WEIGHT_RANGES",
           "W_BITS", "weight_digits"]

A_BITS = 4  # unsigned activations, 0..15; the unit that banks hold, wider ones being several
W_BITS = 4  # two's complement weights, -8..7; the unit that is multiplied
PIXEL_BITS = 8  # unsigned input pixels
MUL_BITS = 16  # unsigned requantization gain
ADD_BITS = 40  # signed requantization offset
SHIFT_MAX = 47  # binary places dropped

# By weight bits. 8-bit weights are two 4-bit digits, both signed, lowest first: 16*7 + 7 is the largest.
WEIGHT_RANGES = {2: (-2, 1), 4: (-8, 7), 8: (-128, 119)}


def weight_digits(weight: np.ndarray, bits: int) -> list[np.ndarray]:
    """Signed 4-bit digits of ``weight``, lowest first: ``sum(16**i * digit[i])`` is the weight. int8, of its shape."""
    if bits <= W_BITS:
        return [weight]
    low = (weight.astype(np.int16) + 8 & 15) - 8
    return [low.astype(np.int8), (weight - low >> W_BITS).astype(np.int8)]


@dataclass(frozen=True, eq=False)
class Layer:
    """Integers of one convolution or of the linear layer (M outputs, K inputs).

    weight : int8 (M, K), in the range of its bits (:data:`WEIGHT_RANGES`); of a k x k convolution (M, K * k * k), the
        taps of a channel side by side, in raster order
    mul : int64 (M,), 0..2**16-1; 1 for the linear layer
    add : int64 (M,), signed 40 bits; the bias for the linear layer
    shift : int64 (M,), 0..47; 0 for the linear layer

    A convolution's output is ``clamp((acc*mul + add) >> shift, 0, 2**bits - 1)`` with its activation's bits; the linear
    layer's is ``acc*mul + add``.
    """

    weight: np.ndarray
    mul: np.ndarray
    add: np.ndarray
    shift: np.ndarray

    def check(self, name: str, m: int, k: int, weight_bits: int) -> None:
        """Raise unless every array has the shape and range above."""
        require(self.weight.shape == (m, k), f"{name}: weight must have shape {(m, k)}, not {self.weight.shape}")
        limits = {"weight": WEIGHT_RANGES[weight_bits], "mul": (0, 2**MUL_BITS - 1), "shift": (0, SHIFT_MAX),
                  "add": (-2 ** (ADD_BITS - 1), 2 ** (ADD_BITS - 1) - 1)}
        for field_name, (low, high) in limits.items():
            array = getattr(self, field_name)
            require(np.issubdtype(array.dtype, np.integer), f"{name}: {field_name} must be integers, not {array.dtype}")
            require(field_name == "weight" or array.shape == (m,),
                    f"{name}: {field_name} must have shape {(m,)}, not {array.shape}")
            require(array.min() >= low and array.max() <= high,
                    f"{name}: {field_name} must be in {low}..{high}, not {array.min()}..{array.max()}")


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A graph and, by node name, the integers of each convolution and of the linear layer.

    ``logit_scale`` turns raw logits into the trained network's: one float for all classes.
    ``info`` is free, JSON-compatible provenance (training accuracy, seed, data set, ...).
    """

    graph: Graph
    layers: dict[str, Layer]
    logit_scale: float = 1.0
    info: dict = field(default_factory=dict)

    def __post_init__(self):
        wanted = [node.name for node in self.graph.nodes if isinstance(node.op, Conv | Linear)]
        require(sorted(wanted) == sorted(self.layers),
                f"Integer network must have layers {sorted(wanted)}, not {sorted(self.layers)}")
        for node in self.graph.nodes:
            if isinstance(node.op, Conv | Linear):
                k = node.op.taps * self.graph.nodes[node.inputs[0]].shape[0]
                self.layers[node.name].check(node.name, node.shape[0], k, node.op.weight_bits)
