"""Random networks and accelerators for property tests: small, and of every kind the tools must take."""

import dataclasses

import numpy as np

from codesign.accelerator import AcceleratorConfig, Memory
from codesign.analysis import max_values
from codesign.graph import Concat, Conv, GlobalAverage, Graph, GraphBuilder, Linear, MaxPool, Permute, Shift, Slice

# Few, as each takes seconds to build: rows above, below and equal to cols, not dividing each other, 1 to 8 words a
# beat, accumulators of 4 pixels up, FIFOs of 4 beats up.
CONFIGS = [
    AcceleratorConfig(name="4x4", rows=4, cols=4, bank_depth=4096, acc_depth=16, bus_bits=64, burst_beats=8,
                      wide_rows=1),
    AcceleratorConfig(name="5x4", rows=5, cols=4, bank_depth=2048, acc_depth=4, bus_bits=128, burst_beats=2,
                      fifo_bursts=2),
    AcceleratorConfig(name="4x9", rows=4, cols=9, bank_depth=4096, acc_depth=64, wide_rows=4, bus_bits=64,
                      burst_beats=4, fifo_bursts=4),
    AcceleratorConfig(name="13x5", rows=13, cols=5, bank_depth=1024, acc_depth=32, bus_bits=512, burst_beats=16,
                      fifo_bursts=2),
    AcceleratorConfig(name="6x20", rows=6, cols=20, bank_depth=2048, acc_depth=128, wide_rows=2, weight_rows=2,
                      bus_bits=256, burst_beats=8, fifo_bursts=8),
    AcceleratorConfig(name="16x16", rows=16, cols=16, bank_depth=1024, acc_depth=256, wide_rows=8, bus_bits=64,
                      burst_beats=16, fifo_bursts=4),
]
MEMORIES = [Memory(), Memory(bytes_per_cycle=0.7, latency_cycles=3), Memory(bytes_per_cycle=64, latency_cycles=1),
            Memory(bytes_per_cycle=5.3, latency_cycles=211), Memory(bytes_per_cycle=2, latency_cycles=17)]
OFFSETS = [(dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def random_config(rng: np.random.Generator, configs: list[AcceleratorConfig] = CONFIGS) -> AcceleratorConfig:
    """One of ``configs`` with one of :data:`MEMORIES`, which needs no other build."""
    return dataclasses.replace(configs[rng.integers(len(configs))], memory=MEMORIES[rng.integers(len(MEMORIES))])


class _Builder:
    def __init__(self, rng: np.random.Generator, channels: int, height: int, width: int):
        self.rng, self.graph = rng, GraphBuilder((channels, height, width))
        self.last, self.count = 0, 0

    @property
    def shape(self):
        return self.graph.nodes[self.last].shape

    def add(self, op, *inputs: int) -> int:
        self.count += 1
        self.last = self.graph.add(f"{type(op).__name__.lower()}{self.count}", op, *(inputs or (self.last,)))
        return self.last

    def conv(self, activation_bits: int | None = None) -> int:
        """1x1 of 4 bits, mostly; ``activation_bits`` must be what a concat's other operand has."""
        rng = self.rng
        kernel = int(rng.choice([1, 1, 1, 3, 5, 7])) if self.shape[0] <= 6 else int(rng.choice([1, 1, 3]))
        return self.add(Conv(out_channels=int(rng.integers(1, 24 if kernel == 1 else 9)), kernel=kernel,
                             weight_bits=int(rng.choice([2, 4, 4, 8])), activation_bits=activation_bits or self.bits()))

    def bits_of(self, index: int) -> int:
        """Activation bits of node ``index``'s map."""
        return max_values(Graph(tuple(self.graph.nodes)))[index].bit_length()

    def bits(self) -> int:
        return int(self.rng.choice([4, 4, 4, 8]))

    def shift(self) -> int:
        if self.rng.random() < 0.3:  # one direction for all
            return self.add(Shift(offsets=(OFFSETS[self.rng.integers(9)],) * self.shape[0]))
        return self.add(Shift(offsets=tuple(OFFSETS[i] for i in self.rng.integers(0, 9, self.shape[0]))))

    def pool(self) -> int | None:
        paddings = [p for p in (0, 1) if min(self.shape[1:]) >= 2 - p]
        return self.add(MaxPool(padding=int(self.rng.choice(paddings)))) if paddings else None

    def permute(self) -> int:
        return self.add(Permute(order=tuple(int(i) for i in self.rng.permutation(self.shape[0]))))

    def block(self) -> None:
        """Split, a branch on one half, concat, rotate: as DiracDeltaNet's normal block."""
        whole, channels = self.last, self.shape[0]
        if channels < 2:
            return
        half = int(self.rng.integers(1, channels))
        first = self.add(Slice(start=0, stop=half), whole)
        self.add(Slice(start=half, stop=channels), whole)
        self.conv()
        self.shift()
        second = self.conv(self.bits_of(first))
        self.add(Concat(), first, second)
        self.permute()

    def downsample(self) -> None:
        """Pool before the shortcut's convolution, and within the main branch."""
        whole = self.last
        if self.pool() is None:
            return
        bits, padding = self.bits(), self.graph.nodes[self.last].op.padding
        shortcut = self.conv(bits)
        self.last = whole
        self.conv()
        self.add(MaxPool(padding=padding))
        self.shift()
        main = self.conv(bits)
        self.add(Concat(), shortcut, main)


def random_graph(rng: np.random.Generator) -> Graph:
    """A network of 2 to 10 layers on a map of 1x1 to 12x12 pixels."""
    height, width = (int(n) for n in rng.integers(1, 13, 2))
    b = _Builder(rng, int(rng.choice([1, 1, 2, 3, 5, 9])), height, width)
    if rng.random() < 0.3:
        b.shift()  # of the 8-bit image
    b.conv()
    for _ in range(rng.integers(0, 4)):
        step = rng.choice(["conv", "shift", "pool", "permute", "block", "downsample", "twice"])
        if step == "twice":
            b.shift(), b.shift()
        else:
            getattr(b, step)()
    if rng.random() < 0.7:
        b.conv()
    b.add(GlobalAverage())
    if rng.random() < 0.2:
        b.conv()
    b.add(Linear(out_channels=int(rng.integers(1, 23)), weight_bits=int(rng.choice([2, 4, 8]))))
    return b.graph.graph()


def ragged_graph() -> Graph:
    """Two readers of the image, the first one's map half as high as the last one's: in bands of one row of the first,
    on 4x4 elements with 4096 words a bank, the last ones have nothing left of the last."""
    b = GraphBuilder((1, 21, 56))
    high = b.add("high", Conv(out_channels=36), 0)
    low = b.add("pool", MaxPool(padding=0), b.add("low", Conv(out_channels=4), 0))
    for name, last in (("l", low), ("h", b.add("last", Conv(out_channels=4), high))):
        last = b.add(f"shift_{name}", Shift(offsets=((0, 0),) * 4), last)  # a product of its own for the average
        b.add(f"average_{name}", GlobalAverage(), last)
    averages = [i for i, node in enumerate(b.nodes) if isinstance(node.op, GlobalAverage)]
    b.add("linear", Linear(out_channels=3), b.add("concat", Concat(), *averages))
    return b.graph()
