"""CRC-32 of IEEE 802.3, as zlib has it, a byte a cycle."""

from functools import reduce
from operator import xor

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Crc32"]

POLYNOMIAL = 0xEDB88320  # its bits the other way round: the lowest bit of a byte comes first
BITS = 32


def _next(state: int) -> int:
    """A remainder after a zero bit."""
    return state >> 1 ^ (POLYNOMIAL if state & 1 else 0)


def _after_byte(state):
    """The remainder after eight zero bits: each of its bits is the sum of some of ``state``'s."""
    columns = []
    for bit in range(BITS):
        value = 1 << bit
        for _ in range(8):
            value = _next(value)
        columns.append(value)
    return Cat(reduce(xor, [state[i] for i in range(BITS) if columns[i] >> bit & 1]) for bit in range(BITS))


class Crc32(wiring.Component):
    """A remainder that takes up to four bytes at a time, the lowest first, one a cycle.

    Members
    -------
    value, load : In(32), In(1)
        ``value`` is the remainder from the next cycle on. Not while ``busy``.
    data, strobes : In(32), In(4)
        The bytes of ``data`` whose strobe is high are taken. None while ``busy``.
    busy : Out(1)
    remainder : Out(32)
    """

    def __init__(self):
        super().__init__({"value": In(BITS), "load": In(1), "data": In(32), "strobes": In(4), "busy": Out(1),
                          "remainder": Out(BITS)})

    def elaborate(self, platform):
        m = Module()
        data = Signal(32)
        left = Signal(4)
        m.d.comb += self.busy.eq(left != 0)
        with m.If(self.busy):
            m.d.sync += [data.eq(data >> 8), left.eq(left >> 1)]
            with m.If(left[0]):
                m.d.sync += self.remainder.eq(_after_byte(self.remainder ^ data[:8]))
        with m.Else():
            m.d.sync += [data.eq(self.data), left.eq(self.strobes)]
            with m.If(self.load):
                m.d.sync += self.remainder.eq(self.value)
        return m
