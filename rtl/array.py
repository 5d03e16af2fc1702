"""The systolic array: rows of elements, and the weights' way in."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from codesign import timing
from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS, W_BITS

from .emit import place
from .pe import ArrayRow

__all__ = ["SystolicArray"]


class SystolicArray(wiring.Component):
    """``rows`` x ``cols`` weight-stationary elements.

    Row r's activation in cycle t + r meets column c's weight and leaves in column c's sum in cycle
    t + rows + c. A weight word given in cycle t is shifted in, in column c, in cycle t + :attr:`LOAD_LATENCY` + c;
    words come last row first, and word k moves rows 0..k only, so the rows below keep their next weights until
    they have been swapped in: a new tile may follow one cycle behind the wavefront.

    Members
    -------
    x, high, swap : per row; ``high`` counts in the wide rows, the last ones
    load, index, word : weight word number ``index`` of its tile
    psum : per column
    """

    LOAD_LATENCY = timing.ARRAY_LOAD

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self.narrow_rows = config.rows - config.wide_rows
        self.parts = {}
        if self.narrow_rows:
            self.parts["array_row"] = ArrayRow(config)
        if config.wide_rows:
            self.parts["array_row_wide"] = ArrayRow(config, wide=True)
        super().__init__({
            "x": In(data.ArrayLayout(A_BITS, config.rows)), "high": In(config.rows), "swap": In(config.rows),
            "load": In(1), "index": In(range(max(config.rows, config.cols))), "word": In(config.cols * W_BITS),
            "psum": Out(data.ArrayLayout(signed(config.psum_bits), config.cols)),
        })

    def elaborate(self, platform):
        m, config = Module(), self.config
        loads = [Signal(config.rows, name=f"loads_{i}") for i in range(self.LOAD_LATENCY)]
        word = [Signal(config.cols * W_BITS, name=f"word_{i}") for i in range(self.LOAD_LATENCY)]
        for r in range(config.rows):
            m.d.sync += loads[0][r].eq(self.load & (self.index >= r))
        m.d.sync += [word[0].eq(self.word), loads[1].eq(loads[0]), word[1].eq(word[0])]

        weight, psums = Signal(config.cols * W_BITS), [0] * config.cols
        for c in range(config.cols):  # column c's weights come c cycles later, as do the commands
            nibble = word[-1].word_select(c, W_BITS)
            for i in range(c):
                later = Signal(W_BITS, name=f"weight_{c}_{i}")
                m.d.sync += later.eq(nibble)
                nibble = later
            m.d.comb += weight.word_select(c, W_BITS).eq(nibble)
        for r in range(config.rows):
            name = "array_row" if r < self.narrow_rows else "array_row_wide"
            row = place(m, f"row_{r}", name, self.parts[name])
            m.d.comb += [row.x.eq(self.x[r]), row.swap.eq(self.swap[r]), row.load.eq(loads[-1][r]),
                         row.weight.as_value().eq(weight), *(row.psum[c].eq(psum) for c, psum in enumerate(psums))]
            if r >= self.narrow_rows:
                m.d.comb += row.high.eq(self.high[r])
            weight, psums = row.weight_next.as_value(), [row.psum_next[c] for c in range(config.cols)]
        m.d.comb += [self.psum[c].eq(psum) for c, psum in enumerate(psums)]
        return m
