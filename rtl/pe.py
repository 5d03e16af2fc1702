"""The array's element and a row of them."""

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS, W_BITS

from .emit import place

__all__ = ["ArrayRow", "ProcessingElement"]


class ProcessingElement(wiring.Component):
    """Multiplies the passing activation by its weight and adds it to the passing sum.

    One operation a cycle; every output is a register, so everything takes :attr:`LATENCY` cycles through it.
    Two weights are held: products use the active one; ``load`` shifts the shadow one in from above, and
    ``swap`` makes it active from the next cycle on.

    The weight is two digits of -2..2 (radix-4 Booth recoding: MacSorley, High-Speed Arithmetic in Binary Computers,
    Proc. IRE 1961), so the product takes two additions, and each bit of one is a function of six signals: of the
    digit's three bits, two of the activation's and one of the sum. That is one 6-input LUT and a carry.

    Members
    -------
    x, x_next : activation from the left, to the right; in wide elements of twice the bits, ready shifted
    swap, swap_next, load, load_next : commands travelling with it
    weight, weight_next : shadow weight from above; own shadow weight, for the element below
    psum, psum_next : sum from above, to below
    """

    LATENCY = 1

    def __init__(self, config: AcceleratorConfig, wide: bool = False):
        x_bits = 2 * A_BITS if wide else A_BITS
        psum = signed(config.psum_bits if wide else config.narrow_psum_bits)
        super().__init__({
            "x": In(x_bits), "swap": In(1), "load": In(1), "weight": In(signed(W_BITS)), "psum": In(psum),
            "x_next": Out(x_bits), "swap_next": Out(1), "load_next": Out(1), "weight_next": Out(signed(W_BITS)),
            "psum_next": Out(psum),
        })

    def elaborate(self, platform):
        m = Module()
        active = Signal(signed(W_BITS))
        total = self.psum
        for low in range(0, W_BITS, 2):
            total = Cat(total[:low], self._add_multiple(total[low:], active[max(0, low - 1):low + 2]))
        m.d.sync += [
            self.x_next.eq(self.x),
            self.swap_next.eq(self.swap),
            self.load_next.eq(self.load),
            self.psum_next.eq(total),
        ]
        with m.If(self.load):
            m.d.sync += self.weight_next.eq(self.weight)
        with m.If(self.swap):
            m.d.sync += active.eq(self.weight_next)
        return m

    def _add_multiple(self, total, digit):
        """``total`` plus the activation times the digit that two bits of the weight, and the one below, stand for."""
        below, low, negative = (Const(0), *digit) if len(digit) == 2 else digit
        once, twice = low ^ below, (low == below) & (low ^ negative)
        multiple = Mux(once, self.x, 0) | Mux(twice, self.x << 1, 0)
        multiple = Cat(multiple, Const(0, len(total)))[:len(total)] ^ negative.replicate(len(total))
        # The lowest bits carry `negative` in.
        return (Cat(Const(1, 1), total) + Cat(negative, multiple))[1:len(total) + 1]


class ArrayRow(wiring.Component):
    """``cols`` elements side by side: activations run left to right, sums and weights top to bottom.

    Column c sees ``x``, ``swap`` and ``load`` c cycles after column 0.

    Members
    -------
    x, swap, load : as for the element, at the left edge, ``x`` of 4 bits
    high : its products count sixteenfold (in a wide row only)
    weight, weight_next : one shadow weight per column, from above and to below
    psum, psum_next : one sum per column, from above and to below
    """

    def __init__(self, config: AcceleratorConfig, wide: bool = False):
        self.config, self.wide = config, wide
        self.parts = {"pe_wide" if wide else "pe": ProcessingElement(config, wide)}
        weights = data.ArrayLayout(signed(W_BITS), config.cols)
        psums = data.ArrayLayout(signed(config.psum_bits if wide else config.narrow_psum_bits), config.cols)
        super().__init__({
            **({"high": In(1)} if wide else {}),
            "x": In(A_BITS), "swap": In(1), "load": In(1), "weight": In(weights), "psum": In(psums),
            "weight_next": Out(weights), "psum_next": Out(psums),
        })

    def elaborate(self, platform):
        m = Module()
        x = Mux(self.high, self.x << A_BITS, self.x) if self.wide else self.x
        swap, load = self.swap, self.load
        ((name, part),) = self.parts.items()
        for c in range(self.config.cols):
            pe = place(m, f"pe_{c}", name, part)
            m.d.comb += [
                pe.x.eq(x), pe.swap.eq(swap), pe.load.eq(load),
                pe.weight.eq(self.weight[c]), pe.psum.eq(self.psum[c]),
                self.weight_next[c].eq(pe.weight_next), self.psum_next[c].eq(pe.psum_next),
            ]
            x, swap, load = pe.x_next, pe.swap_next, pe.load_next
        return m
