"""The requantizer's shift and clamp."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS
from codesign.isa import SHIFT_BITS

__all__ = ["Shifter"]


class Shifter(wiring.Component):
    """``clamp(i >> places, 0, top)``, one a cycle, :attr:`LATENCY` cycles later.

    Only the lowest bits of a shifted value can be a result; of those above them all that counts is whether one is set.
    So each step of the shift keeps no more bits than the steps after it can still bring down, and says of the rest
    whether it is zero.

    Members
    -------
    i, places : value, of which floor(i / 2**places) is taken
    wide : top is 255, not 15; one cycle later than ``i``
    o : result
    """

    LATENCY = 2

    def __init__(self, config: AcceleratorConfig):
        super().__init__({"i": In(signed(config.scaled_bits)), "places": In(SHIFT_BITS), "wide": In(1),
                          "o": Out(2 * A_BITS)})

    def elaborate(self, platform):
        m = Module()
        bits = 2 * A_BITS
        negative, above, low = Signal(), Signal(), Signal(bits)
        # The sign is asked separately: from here on, a positive value without it.
        value, over = self.i[:-1], 0
        for step in reversed(range(SHIFT_BITS)):
            kept = bits + (1 << step) - 1  # what the smaller steps can bring down to the result
            stays, moves = value, value[1 << step:]
            over |= Mux(self.places[step], moves[kept:].any(), stays[kept:].any())
            value = Mux(self.places[step], moves, stays)[:kept]
        m.d.sync += [negative.eq(self.i[-1]), above.eq(over), low.eq(value)]
        top = above | (~self.wide & low[A_BITS:].any())
        m.d.sync += self.o.eq(Mux(negative, 0, Cat(low[:A_BITS] | top.replicate(A_BITS),
                                                   (low[A_BITS:] | top.replicate(A_BITS))
                                                   & self.wide.replicate(A_BITS))))
        return m
