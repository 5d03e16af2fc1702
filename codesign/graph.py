"""Networks as graphs: the operators, their shapes, and nothing about numbers.

A :class:`Graph` is a tuple of :class:`Node` in execution order; the first is the input and the last gives
the logits. Every tensor is one map of shape (channels, height, width). Batch norm and activation belong to
the convolution that precedes them, so they are no nodes of their own. The graph is what training, the
integer reference, the compiler and the analysis share.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from .errors import CodesignError, require

__all__ = ["ACTIVATION_BITS", "Concat", "Conv", "GlobalAverage", "Graph", "GraphBuilder", "Input", "KERNELS",
           "Linear", "MaxPool", "Node", "Op", "Permute", "Shape", "Shift", "Slice", "WEIGHT_BITS"]

Shape: TypeAlias = tuple[int, int, int]

KERNELS = (1, 3, 5, 7)
WEIGHT_BITS = (2, 4, 8)
ACTIVATION_BITS = (4, 8)


@dataclass(frozen=True, kw_only=True)
class Input:
    """The image: unsigned 8-bit pixels."""

    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        require(not shapes, "Input must have no operands")
        return self.shape


@dataclass(frozen=True, kw_only=True)
class Conv:
    """k x k convolution, stride 1, zeros outside the map, without bias; then batch norm, then an unsigned activation of
    ``activation_bits``."""

    out_channels: int
    kernel: int = 1
    weight_bits: int = 4
    activation_bits: int = 4

    @property
    def taps(self) -> int:
        return self.kernel**2

    @property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """(dx, dy) of every tap, in raster order."""
        reach = self.kernel // 2
        return tuple((dx, dy) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1))

    def output_shape(self, x: Shape) -> Shape:
        require(self.out_channels >= 1, f"Convolution's out must be at least 1 channel, not {self.out_channels}")
        require(self.kernel in KERNELS, f"Convolution's kernel must be one of {KERNELS}, not {self.kernel!r}")
        require(self.weight_bits in WEIGHT_BITS,
                f"Convolution's weight_bits must be one of {WEIGHT_BITS}, not {self.weight_bits!r}")
        require(self.activation_bits in ACTIVATION_BITS,
                f"Convolution's activation_bits must be one of {ACTIVATION_BITS}, not {self.activation_bits!r}")
        return (self.out_channels, x[1], x[2])


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Moves channel c by its own whole-pixel offset: y(x, y, c) = input(x + dx[c], y + dy[c], c), zero outside.

    ``offsets`` holds (dx, dy) per channel, each in -1..1.
    """

    offsets: tuple[tuple[int, int], ...]

    def output_shape(self, x: Shape) -> Shape:
        require(len(self.offsets) == x[0],
                f"Shift must have one offset per channel ({x[0]}), not {len(self.offsets)}")
        require(all(abs(dx) <= 1 and abs(dy) <= 1 for dx, dy in self.offsets),
                "Shift offsets must be in -1..1 pixels")
        return x


@dataclass(frozen=True, kw_only=True)
class MaxPool:
    """2x2 max-pool, stride 2. ``padding`` (0 or 1) pixels on every side never win the maximum; windows that
    do not fit whole into the padded map are dropped (floor)."""

    padding: int = 0

    def output_shape(self, x: Shape) -> Shape:
        require(self.padding in (0, 1), f"Pool padding must be 0 or 1, not {self.padding!r}")
        c, h, w = x
        size = 2 - 2 * self.padding
        require(min(h, w) >= max(size, 1),
                f"Pool must see a map of at least {max(size, 1)}x{max(size, 1)} pixels "
                f"with padding {self.padding}, not {h}x{w}")
        return (c, (h + 2 * self.padding - 2) // 2 + 1, (w + 2 * self.padding - 2) // 2 + 1)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Channels start..stop-1."""

    start: int
    stop: int

    def output_shape(self, x: Shape) -> Shape:
        require(0 <= self.start < self.stop <= x[0],
                f"Slice must lie within 0..{x[0]} channels, not {self.start}..{self.stop}")
        return (self.stop - self.start, x[1], x[2])


@dataclass(frozen=True, kw_only=True)
class Concat:
    """The operands' channels one after another; all on one activation grid."""

    def output_shape(self, *shapes: Shape) -> Shape:
        require(len(shapes) >= 2, f"Concat must have at least 2 operands, not {len(shapes)}")
        require(all(s[1:] == shapes[0][1:] for s in shapes),
                f"Concat operands must share one map size, not {[f'{h}x{w}' for _, h, w in shapes]}")
        return (sum(s[0] for s in shapes), shapes[0][1], shapes[0][2])


@dataclass(frozen=True, kw_only=True)
class Permute:
    """Channel shuffle: output channel c is input channel ``order[c]``."""

    order: tuple[int, ...]

    def output_shape(self, x: Shape) -> Shape:
        require(sorted(self.order) == list(range(x[0])), f"Permute order must be a permutation of 0..{x[0] - 1}")
        return x


@dataclass(frozen=True, kw_only=True)
class GlobalAverage:
    """Mean over the whole map. In integers: the exact sum; 1/(H*W) goes into the scale of what follows."""

    def output_shape(self, x: Shape) -> Shape:
        return (x[0], 1, 1)


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Fully connected with bias, on a 1x1 map; gives the logits as raw integers."""

    out_channels: int
    weight_bits: int = 4
    taps: ClassVar[int] = 1

    def output_shape(self, x: Shape) -> Shape:
        require(self.out_channels >= 1, f"Linear's out must be at least 1, not {self.out_channels}")
        require(self.weight_bits in WEIGHT_BITS,
                f"Linear's weight_bits must be one of {WEIGHT_BITS}, not {self.weight_bits!r}")
        require(x[1:] == (1, 1), f"Linear must see a 1x1 map (put an average before it), not {x[1]}x{x[2]}")
        return (self.out_channels, 1, 1)


Op: TypeAlias = Input | Conv | Shift | MaxPool | Slice | Concat | Permute | GlobalAverage | Linear


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operator: ``inputs`` are indices of earlier nodes; ``shape`` is that of its output."""

    name: str
    op: Op
    inputs: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True)
class Graph:
    """Nodes in execution order; node 0 is the :class:`Input`, the last is the :class:`Linear` classifier."""

    nodes: tuple[Node, ...]

    @property
    def input_shape(self) -> Shape:
        return self.nodes[0].shape

    @property
    def classes(self) -> int:
        return self.nodes[-1].shape[0]

    def consumers(self, index: int) -> list[int]:
        """Indices of the nodes that read node ``index``."""
        return [i for i, node in enumerate(self.nodes) if index in node.inputs]


class GraphBuilder:
    """Builds a graph node by node; shapes are worked out, errors name the node."""

    def __init__(self, shape: Shape):
        require(len(shape) == 3 and all(isinstance(n, int) and n >= 1 for n in shape),
                f"Input must be [channels, height, width], each at least 1, not {list(shape)}")
        self.nodes: list[Node] = [Node(name="input", op=Input(shape=shape), inputs=(), shape=shape)]

    def add(self, name: str, op: Op, *inputs: int) -> int:
        """Append ``op`` reading the nodes ``inputs``; returns its index."""
        try:
            shape = op.output_shape(*(self.nodes[i].shape for i in inputs))
        except CodesignError as e:
            raise CodesignError(f"{name}: {e}") from None
        self.nodes.append(Node(name=name, op=op, inputs=inputs, shape=shape))
        return len(self.nodes) - 1

    def graph(self) -> Graph:
        require(isinstance(self.nodes[-1].op, Linear), "Network must end with a linear layer")
        return Graph(tuple(self.nodes))
