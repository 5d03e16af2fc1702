"""From the graph to matrix products: shift, slice, concat and shuffle become bookkeeping of channels.

Every :class:`Gemm` reads operands straight from earlier Gemms' channels (or the image's) and writes one
map. A max-pool or global average is fused into the convolution before it where that convolution feeds
nothing else; otherwise an identity product carries it.
"""

from functools import lru_cache
from typing import Any

from .errors import CodesignError, require
from .gemm import IMAGE, Gemm, Operand
from .graph import (
    Concat,
    Conv,
    GlobalAverage,
    Graph,
    Input,
    Linear,
    MaxPool,
    Permute,
    Shape,
    Shift,
    Slice,
)
from .integer import A_BITS, PIXEL_BITS

__all__ = ["lower"]

MAX_PLANES = 4


def _total_planes(name: str, pixels: int, activation_bits: int) -> int:
    largest = 2**activation_bits - 1
    planes = -(-(largest * pixels).bit_length() // A_BITS)
    require(planes <= MAX_PLANES, f"{name}: average must cover at most {(2 ** (A_BITS * MAX_PLANES) - 1) // largest} "
                                  f"pixels of {activation_bits} bits, not {pixels}")
    return planes


class _Lowering:
    def __init__(self, graph: Graph):
        self.graph = graph
        self.gemms: list[Gemm] = []
        self.values: dict[int, tuple[Operand, ...]] = {}  # channels of each node's map

    def operand_bits(self, name: str, operands: tuple[Operand, ...]) -> tuple[int, int]:
        """Bits of the operands, and planes they are read in."""
        require(len({o.source == IMAGE for o in operands}) == 1,
                f"{name}: operands must all be of the image or none")
        found = {PIXEL_BITS if o.source == IMAGE else A_BITS * self.gemms[o.source].out_planes for o in operands}
        require(len(found) == 1, f"{name}: operands must all be of one width, not {sorted(found)} bits")
        bits = found.pop()
        return bits, 1 if operands[0].source == IMAGE else bits // A_BITS

    def append(self, **fields) -> tuple[Operand, ...]:
        self.gemms.append(Gemm(**fields))
        index = len(self.gemms) - 1
        return tuple(Operand(index, c, 0, 0) for c in range(self.gemms[index].out_channels))

    def identity(self, node: int, operands: tuple[Operand, ...], in_shape: Shape,
                 map_shape: tuple[int, int], name: str | None = None, **fields) -> tuple[Operand, ...]:
        """A product that copies its operands: carries what could not be fused."""
        name = name or self.graph.nodes[node].name
        bits, planes = self.operand_bits(name, operands)
        require(bits <= PIXEL_BITS, f"{name}: must come after a convolution, not after {bits}-bit values")
        k = len(operands)
        return self.append(name=name, node=node, operands=operands, out_channels=k, identity=True, planes=planes,
                           activation_bits=bits, in_shape=(k, *in_shape[1:]), shape=(k, *map_shape),
                           **{"out_planes": bits // A_BITS} | fields)

    def unshifted(self, name: str, value: tuple[Operand, ...], node: int) -> tuple[Operand, ...]:
        """``value`` of ``node``, copied if it is read at an offset: two offsets cannot be addressed in one read."""
        if not any(o.dx or o.dy for o in value):
            return value
        shape = self.graph.nodes[node].shape
        return self.identity(node, value, shape, map_shape=shape[1:], name=f"{name}.copy")

    def conv(self, index: int) -> None:
        """A convolution, with the pool or average that alone reads it."""
        nodes, node = self.graph.nodes, self.graph.nodes[index]
        assert isinstance(node.op, Conv | Linear)
        source = node.inputs[0]
        operands = self.values[source]
        if isinstance(node.op, Conv) and node.op.kernel > 1:
            operands = tuple(Operand(o.source, o.channel, dx, dy)
                             for o in self.unshifted(node.name, operands, source) for dx, dy in node.op.offsets)
        _, planes = self.operand_bits(node.name, operands)
        fields: dict[str, Any] = dict(name=node.name, node=index, operands=operands, out_channels=node.shape[0],
                                      in_shape=(node.shape[0], *nodes[source].shape[1:]), shape=node.shape,
                                      planes=planes, weight_bits=node.op.weight_bits)
        if isinstance(node.op, Linear):
            fields["raw"] = True
        elif isinstance(node.op, Conv):
            fields |= dict(activation_bits=node.op.activation_bits, out_planes=node.op.activation_bits // A_BITS)
        consumers = self.graph.consumers(index)
        fused = nodes[consumers[0]] if len(consumers) == 1 else None
        if fused and isinstance(fused.op, MaxPool):
            fields |= dict(node=consumers[0], padding=fused.op.padding, shape=fused.shape)
        elif fused and isinstance(fused.op, GlobalAverage) and isinstance(node.op, Conv):
            fields |= dict(node=consumers[0], total=True, shape=fused.shape,
                           out_planes=_total_planes(fused.name, node.shape[1] * node.shape[2],
                                                    fields["activation_bits"]))
        self.values[index] = self.values[fields["node"]] = self.append(**fields)

    def lower(self, index: int) -> None:
        node = self.graph.nodes[index]
        if isinstance(node.op, Input):
            self.values[index] = tuple(Operand(IMAGE, c, 0, 0) for c in range(node.shape[0]))
            return
        value, in_shape = self.values[node.inputs[0]], self.graph.nodes[node.inputs[0]].shape
        match node.op:
            case Conv() | Linear():
                self.conv(index)
            case Shift(offsets=offsets):
                value = self.unshifted(node.name, value, node.inputs[0])
                self.values[index] = tuple(Operand(o.source, o.channel, dx, dy)
                                           for o, (dx, dy) in zip(value, offsets, strict=True))
            case MaxPool(padding=padding):
                self.values[index] = self.identity(index, value, in_shape, map_shape=node.shape[1:], padding=padding)
            case GlobalAverage():
                self.values[index] = self.identity(
                    index, value, in_shape, map_shape=(1, 1), total=True,
                    out_planes=_total_planes(node.name, in_shape[1] * in_shape[2],
                                             self.operand_bits(node.name, value)[0]))
            case Slice(start=start, stop=stop):
                self.values[index] = value[start:stop]
            case Concat():
                self.values[index] = tuple(o for i in node.inputs for o in self.values[i])
            case Permute(order=order):
                self.values[index] = tuple(value[c] for c in order)


@lru_cache(maxsize=16)  # a network is priced on one accelerator after another
def lower(graph: Graph) -> tuple[Gemm, ...]:
    """The matrix products of ``graph``, in execution order; the last gives the logits.

    Raises :class:`CodesignError` for what the accelerator cannot express.
    """
    lowering = _Lowering(graph)
    for index in range(len(graph.nodes)):
        if index not in lowering.values:  # a fused pool is there already
            lowering.lower(index)
    if any(g.raw for g in lowering.gemms[:-1]):
        raise CodesignError("Network must have one linear layer, the last")
    return tuple(lowering.gemms)
