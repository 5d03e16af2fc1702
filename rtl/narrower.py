"""Cuts bus beats into program words."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig

__all__ = ["Narrower"]


class Narrower(wiring.Component):
    """Gives each beat of ``i`` as words of ``o``, lowest bits first, one a cycle; no latency.

    Members
    -------
    i : stream of bus_bits; taken with its last word
    o : stream of word_bits
    align : drop what is left of the current beat, if any of it was taken; not in a cycle with a transfer on ``o``
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__({"i": In(stream.Signature(config.bus_bits)), "o": Out(stream.Signature(config.word_bits)),
                          "align": In(1)})

    def elaborate(self, platform):
        m, count = Module(), self.config.words_per_beat
        if count == 1:  # nothing to cut
            wiring.connect(m, wiring.flipped(self.i), wiring.flipped(self.o))
            return m
        index = Signal(range(count))
        last = index == count - 1
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(self.i.payload.word_select(index, self.config.word_bits)),
            self.i.ready.eq(self.o.ready & last),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += index.eq(index + 1)
        with m.Elif(self.align & (index != 0)):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += index.eq(0)
        return m
