"""From an integer network to a program: the schedule's passes with their weights and parameters filled in."""

import numpy as np

from .accelerator import AcceleratorConfig
from .analysis import max_values
from .errors import require
from .gemm import Gemm
from .integer import IntegerNetwork, Layer, weight_digits
from .isa import COLUMN_ENTRY_BITS, ROW_ENTRY_BITS, Isa, Opcode
from .program import Program
from .schedule import Load, Pass, Schedule, row_address, schedule

__all__ = ["compile_network"]


def _layer(network: IntegerNetwork, gemm: Gemm) -> Layer:
    if not gemm.identity:
        return network.layers[gemm.name]
    m = gemm.out_channels
    ones = np.ones(m, np.int64)
    return Layer(weight=np.eye(m, dtype=np.int8), mul=ones, add=0 * ones, shift=0 * ones)


def _prove_width(gemm: Gemm, layer: Layer, largest: int, config: AcceleratorConfig) -> None:
    """Operands are 0..``largest``, never negative, so every partial sum lies between the sums of one sign's weights."""
    weight = layer.weight.astype(np.int64)
    high = np.maximum(weight, 0).sum(axis=1) * largest
    low = np.minimum(weight, 0).sum(axis=1) * largest
    limit = 1 << (config.acc_bits - 1)
    require(low.min() >= -limit and high.max() < limit,
            f"{gemm.name}: sums must fit acc_bits ({config.acc_bits} bits), not reach {low.min()}..{high.max()}")
    if gemm.raw:
        low, high = low * layer.mul + layer.add, high * layer.mul + layer.add
        require(low.min() >= -2**31 and high.max() < 2**31,
                f"{gemm.name}: logits must fit 32 bits, not reach {low.min()}..{high.max()}")


class _Blocks:
    """The blocks of a packet as bytes."""

    def __init__(self, plan: Schedule, network: IntegerNetwork):
        self.plan, self.config, self.isa = plan, plan.config, Isa(plan.config)
        self.layers = [_layer(network, gemm) for gemm in plan.gemms]
        self.digits = [weight_digits(layer.weight, gemm.weight_bits)
                       for layer, gemm in zip(self.layers, plan.gemms, strict=True)]

    def weights(self, p: Pass) -> bytes:
        config = self.config
        columns = np.array(self.plan.placement.tiles[p.gemm][p.tile].channels)
        rows = np.array([feed.k if feed else -1 for feed in p.feeds])
        weight = self.digits[p.gemm][p.digit][np.ix_(columns, rows)].astype(np.int64) & 15
        weight[columns < 0] = 0
        weight[:, rows < 0] = 0
        words, cols = self.isa.weight_words, config.cols
        nibbles = np.zeros((words, config.word_bits // 4), np.uint8)
        for part in range(config.weight_rows):  # of the array, from the top
            nibbles[:, part * cols:(part + 1) * cols] = weight.T[part * words:(part + 1) * words][::-1]
        return (nibbles[:, ::2] | nibbles[:, 1::2] << 4).tobytes()

    def rows(self, p: Pass) -> bytes:
        gemm = self.plan.gemms[p.gemm]
        entries = np.zeros(self.isa.row_words * self.config.word_bits // ROW_ENTRY_BITS, "<u4")
        for r, feed in enumerate(p.feeds):
            if feed:
                o = gemm.operands[feed.k]
                entries[r] = self.isa.row.encode(
                    addr=row_address(feed, o, gemm, self.config), enable=1,
                    dx=o.dx, dy=o.dy, interleave=feed.interleave, phase=feed.phase,
                    wide=feed.high and self.config.wide_rows > 0)
        return entries.tobytes()

    def columns(self, p: Pass) -> bytes:
        layer = self.layers[p.gemm]
        entries = np.zeros(self.isa.column_words * self.config.word_bits // COLUMN_ENTRY_BITS, "<u8")
        for c, m in enumerate(self.plan.placement.tiles[p.gemm][p.tile].channels):
            if m >= 0:
                entries[c] = self.isa.column.encode(add=int(layer.add[m]), mul=int(layer.mul[m]),
                                                    shift=int(layer.shift[m]), enable=1)
        return entries.tobytes()

    def instruction(self, op: Opcode, **fields: int) -> bytes:
        bits = self.isa.instructions[op].encode(op=op, **fields)
        return bits.to_bytes(self.isa.instruction_words * self.config.word_bits // 8, "little")

    def packet(self, p: Pass) -> bytes:
        blocks = [] if p.again else [self.instruction(Opcode.PASS, **p.fields)]
        for flag, block in (("load_weights", self.weights), ("load_rows", self.rows), ("load_columns", self.columns)):
            if p.fields[flag]:
                blocks.append(block(p))
        return b"".join(blocks)


def compile_network(network: IntegerNetwork, config: AcceleratorConfig, visits: int | None = None) -> Program:
    """Compile ``network`` for ``config``; raises :class:`CodesignError` where it cannot run there.

    ``visits`` : stop after that many, leaving their maps in the banks (for comparing them).
    """
    plan = schedule(network.graph, config)
    largest = max_values(network.graph)
    for gemm in plan.gemms:
        if not gemm.identity:  # which copies activations
            source = next(node for node in network.graph.nodes if node.name == gemm.name).inputs[0]
            _prove_width(gemm, network.layers[gemm.name], largest[source], config)
    visits = len(plan.visits) if visits is None else visits
    blocks, stream, image_at = _Blocks(plan, network), bytearray(), []
    beat_bytes = config.bus_bits // 8
    for step in plan.steps:
        if isinstance(step, Load):
            stream += blocks.instruction(Opcode.LOAD, **step.fields)
            stream += bytes(-len(stream) % beat_bytes)
            image_at.append(len(stream))
            stream += bytes(step.fields["words"] * config.word_bits // 8)
        elif step.visit < visits:
            stream += blocks.packet(step)
        else:
            break
    stream += blocks.instruction(Opcode.END)
    stream += bytes(-len(stream) % beat_bytes)
    tiles = plan.placement.tiles[-1]
    where = {m: t * config.cols + c for t, tile in enumerate(tiles) for c, m in enumerate(tile.channels) if m >= 0}
    return Program(plan, bytes(stream), tuple(image_at),
                   tuple(where[m] for m in range(network.graph.classes)), len(tiles) * config.cols, visits)
