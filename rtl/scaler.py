"""The requantizer's multiplication and addition."""

from amaranth import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.integer import ADD_BITS, MUL_BITS

__all__ = ["Scaler"]

PART_BITS = 17  # of the accumulator, unsigned


class Scaler(wiring.Component):
    """``acc * mul + add``: one a cycle, in the registers that FPGA multipliers have around them.

    ``acc`` in cycle t leaves on ``result`` in cycle t + :attr:`LATENCY`. It meets the ``mul`` last loaded in cycle t or
    before, and the ``add`` last loaded in cycle t + 1 or before.

    A platform with a ``get_scaler`` makes it of its own cells: see :mod:`codesign.rtl.dsp48`.

    Members
    -------
    acc, mul, add : operands
    load_mul, load_add : take that one; until then the last one stays
    result : never overflows
    """

    LATENCY = 3

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__({
            "acc": In(signed(config.acc_bits)), "mul": In(MUL_BITS), "add": In(signed(ADD_BITS)),
            "load_mul": In(1), "load_add": In(1), "result": Out(signed(config.scaled_bits)),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_scaler"):
            return platform.get_scaler(self)
        m = Module()
        # Without a reset, so that it stays the multiplier's own: the accumulator has a like one, near to its sums.
        acc = Signal.like(self.acc, name="held_acc", reset_less=True)
        mul, add = (Signal.like(getattr(self, name), name=f"held_{name}") for name in ("mul", "add"))
        # Each part fits a multiplier of 18 x 18 signed bits; they meet behind their registers.
        low = acc[:PART_BITS] if len(acc) > PART_BITS + 1 else acc
        product = Signal((low * mul).shape())
        m.d.sync += [acc.eq(self.acc), product.eq(low * mul)]
        total = product + add
        if low is not acc:
            high = Signal(signed(len(acc) - PART_BITS + MUL_BITS))
            m.d.sync += high.eq(acc[PART_BITS:].as_signed() * mul)
            total += high << PART_BITS
        m.d.sync += self.result.eq(total)
        with m.If(self.load_mul):
            m.d.sync += mul.eq(self.mul)
        with m.If(self.load_add):
            m.d.sync += add.eq(self.add)
        return m
