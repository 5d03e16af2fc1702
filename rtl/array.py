"""The systolic array: rows of elements, and the weights' way in."""

from amaranth import Cat, Module, Signal, signed
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
    they have been swapped in: the next tile's words may start moving in the cycle of the first row's swap.
    With ``config.weight_rows`` w above 1, w parts of the array, one below the other, shift in a row each with every
    word, each part later by the rows above it: as much as its swap.

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
            "load": In(1), "index": In(range(max(config.rows, config.cols))),
            "word": In(config.weight_rows * config.cols * W_BITS),
            "psum": Out(data.ArrayLayout(signed(config.psum_bits), config.cols)),
        })

    def elaborate(self, platform):
        m, config = Module(), self.config
        part_rows = config.rows // config.weight_rows
        parts = [self._shift(m, part * part_rows, self.word.word_select(part, config.cols * W_BITS))
                 for part in range(config.weight_rows)]
        psums = [0] * config.cols
        for r in range(config.rows):
            name = "array_row" if r < self.narrow_rows else "array_row_wide"
            row = place(m, f"row_{r}", name, self.parts[name])
            if r % part_rows == 0:
                loads, weight = parts[r // part_rows]
            m.d.comb += [row.x.eq(self.x[r]), row.swap.eq(self.swap[r]), row.load.eq(loads[r % part_rows]),
                         row.weight.as_value().eq(weight), *(row.psum[c].eq(psum) for c, psum in enumerate(psums))]
            if r >= self.narrow_rows:
                m.d.comb += row.high.eq(self.high[r])
            weight, psums = row.weight_next.as_value(), [row.psum_next[c] for c in range(config.cols)]
        m.d.comb += [self.psum[c].eq(psum) for c, psum in enumerate(psums)]
        return m

    def _shift(self, m, above, word):
        """The load commands of a part with ``above`` rows above it, and the weights for its first row: column c's come
        c cycles later, as do the commands within a row."""
        config = self.config
        loads, weight = Signal(config.rows // config.weight_rows, name=f"loads_{above}"), Signal(config.cols * W_BITS)
        m.d.sync += loads.eq(Cat(self.load & (self.index >= r) for r in range(len(loads))))
        for i in range(1, self.LOAD_LATENCY + above):
            later = Signal.like(loads, name=f"loads_{above}_{i}")
            m.d.sync += later.eq(loads)
            loads = later
        for c in range(config.cols):
            nibble = word.word_select(c, W_BITS)
            for i in range(self.LOAD_LATENCY + above + c):
                later = Signal(W_BITS, name=f"weight_{above}_{c}_{i}")
                m.d.sync += later.eq(nibble)
                nibble = later
            m.d.comb += weight.word_select(c, W_BITS).eq(nibble)
        return loads, weight
