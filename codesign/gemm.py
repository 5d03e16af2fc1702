"""A matrix product of the lowered network, and what it reads."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .graph import Shape
from .integer import A_BITS, W_BITS
from .windows import Windows

__all__ = ["IMAGE", "Gemm", "Operand"]

IMAGE = -1  # an operand's source: the input image instead of a Gemm


class Operand(NamedTuple):
    """One input of a product: ``channel`` of Gemm ``source``, read at an offset of (dx, dy) pixels."""

    source: int
    channel: int
    dx: int
    dy: int


@dataclass(frozen=True, kw_only=True)
class Gemm:
    """``out[m, pixel] = requantize(sum over k of weight[m, k] * operand[k, pixel])``, then pooled.

    name : the convolution's or linear layer's node name; for an identity, the name of the node it carries
    node : index of the graph node whose map this Gemm's output is
    identity : weights are the identity (out_channels == operands), gain 1
    in_shape, shape : of the map before pooling and of the result (channels, height, width)
    padding : of a fused 2x2 max-pool, else None
    total : the map is summed (global average)
    raw : results are logits
    planes, out_planes : 4-bit words per operand (of the image, whose halves lie in different banks: 1) and per result
    weight_bits, activation_bits : of the weights; of an output before it is summed
    """

    name: str
    node: int
    operands: tuple[Operand, ...]
    out_channels: int
    in_shape: Shape
    shape: Shape
    planes: int
    out_planes: int = 1
    weight_bits: int = W_BITS
    activation_bits: int = A_BITS
    identity: bool = False
    padding: int | None = None
    total: bool = False
    raw: bool = False

    @cached_property
    def reach(self) -> dict[int, range]:
        """Of each source: offsets in rows at which it is read, 0 among them since a pixel is visited all the same."""
        found: dict[int, range] = {}
        for source, dy in {(o.source, o.dy) for o in self.operands}:
            old = found.get(source, range(1))
            found[source] = range(min(old.start, dy), max(old.stop, dy + 1))
        return found

    @property
    def windows(self) -> Windows:
        """What it visits of its operands' maps."""
        return Windows(*self.in_shape[1:], self.padding)
