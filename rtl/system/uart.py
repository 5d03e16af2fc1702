"""A serial line: bytes of eight bits, the lowest first, between a start bit (low) and a stop bit (high)."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["Receiver", "Sender"]

BYTE_BITS = 8


class Receiver(wiring.Component):
    """Bytes from the line, sampled in the middle of their bits. A byte whose stop bit is low is none.

    Parameters
    ----------
    bit_cycles : int
        Cycles of a bit.

    Members
    -------
    line : In(1)
        Asynchronous.
    byte, strobe : Out(8), Out(1)
        ``strobe`` is high for the one cycle in which ``byte`` is there.
    """

    def __init__(self, bit_cycles: int):
        self.bit_cycles = bit_cycles
        super().__init__({"line": In(1), "byte": Out(BYTE_BITS), "strobe": Out(1)})

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.line, line, init=1)
        wait = Signal(range(self.bit_cycles))
        left = Signal(range(BYTE_BITS + 3))
        m.d.sync += self.strobe.eq(0)
        with m.If(left == 0):
            m.d.sync += wait.eq((self.bit_cycles - 1) // 2)
            with m.If(~line):
                m.d.sync += left.eq(BYTE_BITS + 2)
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.Else():
            m.d.sync += [wait.eq(self.bit_cycles - 1), left.eq(left - 1)]
            with m.If(left == BYTE_BITS + 2):
                with m.If(line):  # no start bit: too short
                    m.d.sync += left.eq(0)
            with m.Elif(left == 1):
                m.d.sync += self.strobe.eq(line)
            with m.Else():
                m.d.sync += self.byte.eq(Cat(self.byte[1:], line))
        return m


class Sender(wiring.Component):
    """Bytes to the line, one after another.

    Parameters
    ----------
    bit_cycles : int
        Cycles of a bit.

    Members
    -------
    i : In(stream of 8 bits)
    line : Out(1)
    """

    def __init__(self, bit_cycles: int):
        self.bit_cycles = bit_cycles
        super().__init__({"i": In(stream.Signature(BYTE_BITS)), "line": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        wait = Signal(range(self.bit_cycles))
        left = Signal(range(BYTE_BITS + 3))
        bits = Signal(BYTE_BITS + 1)
        m.d.comb += self.i.ready.eq((left == 0) | (left == 1) & (wait == 0))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [self.line.eq(0), bits.eq(Cat(self.i.payload, 1)), left.eq(BYTE_BITS + 2),
                         wait.eq(self.bit_cycles - 1)]
        with m.Elif(left != 0):
            m.d.sync += wait.eq(wait - 1)
            with m.If(wait == 0):
                m.d.sync += [wait.eq(self.bit_cycles - 1), left.eq(left - 1), self.line.eq(bits[0]),
                             bits.eq(Cat(bits[1:], 1))]
        return m
