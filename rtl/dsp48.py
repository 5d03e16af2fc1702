"""The requantizer's scaler in UltraScale's DSP48E2, by explicit instance with its registers: AMD, UltraScale
Architecture DSP Slice User Guide (UG579).

The multiplier takes 27 x 18 signed bits; register A holds the accumulator, B the gain, C the offset, M the product,
and P what leaves. So none of the scaler's registers is in the fabric, and each of its operations has its own cycle.
"""

from amaranth import Cat, ClockSignal, Const, Instance, Module, ResetSignal, Signal

from .scaler import Scaler

__all__ = ["A_BITS", "Dsp48Platform"]

A_BITS, B_BITS, C_BITS = 27, 18, 48
_A_PORT_BITS = 30  # the upper ones do not reach the multiplier
_PARAMETERS = {
    "AMULTSEL": "A", "BMULTSEL": "B", "PREADDINSEL": "A", "A_INPUT": "DIRECT", "B_INPUT": "DIRECT",
    "USE_MULT": "MULTIPLY", "USE_SIMD": "ONE48", "USE_PATTERN_DETECT": "NO_PATDET",
    "AREG": 1, "ACASCREG": 1, "BREG": 1, "BCASCREG": 1, "CREG": 1, "MREG": 1, "PREG": 1,
    # What is constant needs no register; the pre-adder is not used.
    "DREG": 0, "ADREG": 0, "INMODEREG": 0, "OPMODEREG": 0, "ALUMODEREG": 0, "CARRYINREG": 0, "CARRYINSELREG": 0,
}
_OPMODE = 0b00_011_01_01  # W 0, Z C, Y and X the product
_ZERO = {"D": 27, "INMODE": 5, "ALUMODE": 4, "CARRYIN": 1, "CARRYINSEL": 3, "ACIN": 30, "BCIN": 18, "PCIN": 48,
         "CARRYCASCIN": 1, "MULTSIGNIN": 1, "CEA1": 1, "CEB1": 1, "CED": 1, "CEAD": 1, "CEALUMODE": 1,
         "CECARRYIN": 1, "CECTRL": 1, "CEINMODE": 1, "RSTD": 1, "RSTALLCARRYIN": 1, "RSTALUMODE": 1, "RSTCTRL": 1,
         "RSTINMODE": 1}


class Dsp48Platform:
    """Given to :func:`codesign.rtl.emit.to_verilog`: multipliers are UltraScale's."""

    def get_scaler(self, scaler: Scaler) -> Module:
        """``scaler`` as one DSP48E2. One with accumulators of more than :data:`A_BITS` bits stays as it is."""
        if scaler.config.acc_bits > A_BITS:
            return scaler.elaborate(None)
        m, out = Module(), Signal(C_BITS)
        m.submodules.dsp = Instance(
            "DSP48E2", **{f"p_{name}": value for name, value in _PARAMETERS.items()},
            **{f"i_{name}": Const(0, width) for name, width in _ZERO.items()},
            i_CLK=ClockSignal(), i_OPMODE=Const(_OPMODE, 9),
            i_A=_extended(scaler.acc, _A_PORT_BITS), i_B=_extended(scaler.mul, B_BITS),
            i_C=_extended(scaler.add, C_BITS),
            i_CEA2=Const(1), i_CEB2=scaler.load_mul, i_CEC=scaler.load_add, i_CEM=Const(1), i_CEP=Const(1),
            i_RSTA=0,  # as the plain one
            **{f"i_RST{name}": ResetSignal() for name in "BCMP"}, o_P=out)
        m.d.comb += scaler.result.eq(out)
        return m


def _extended(value, bits: int):
    """``value``, in its own signedness, in so many ``bits``."""
    upper = value[-1] if value.shape().signed else Const(0, 1)
    return Cat(value, upper.replicate(bits - len(value)))
