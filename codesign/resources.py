"""Resources an accelerator needs on an FPGA: an ESTIMATE by component, fitted to syntheses.

ECP5: fitted to Yosys 0.70 (synth_ecp5, flattened, before place and route) of the whole generated accelerator, as LUT4 +
2 CCU2C + 6 TRELLIS_DPR16X4, with the PEs' multipliers (which Yosys put into MULT18X18D) taken out:

    rows x cols    4x4    8x8    16x8   16x16
    wide rows        0      4       6       6
    LUT4          6,731 11,399 12,426  18,884
    flip-flops    4,757  8,559 11,647  18,744
    block RAMs        9     27     43      53

By least squares of relative errors; what is left of them is at most 7 % of LUT4 (Yosys took 1,041 PFUMX for 8x8 and
704 for 16x8: mapping to wide multiplexers varies) and 0.1 % of flip-flops.

A PE's multiplier is added in fabric. Trial syntheses of bare arrays with 20-bit sums came to 11.6k LUT4 for 16x16,
45.3 a PE, and on UltraScale+ 33k-41k LUT6 for 32x32, of which we take the upper end, 40 a PE. One LUT a bit is the
adder, so the multiplier is 25.3 LUT4 or 20 LUT6. All other logic on UltraScale+ is the ECP5's times 40 / 45.3. Place
and route decides in the end, and for UltraScale+ only Vivado can.

The RTL has changed since that fit (k x k, 8-bit operands, two sets of column parameters, two-digit multipliers), and
it has not been fitted again. `codesign generate --report` synthesizes (sim/synthesis.py); estimate and synthesis were

    preset          tiny          ulx3s         ultra96         zcu102           ulx3s
    family          xcup           xcup            xcup           xcup            ecp5
    LUT     6,480  4,929  22,963 17,537   63,159 48,605  195,712 155,873  26,051 27,194
    FF      4,759  5,760  18,759 23,789   50,247 64,918  155,207 195,301  18,759 21,350

so UltraScale+ LUTs are estimated 26-31 % too high and flip-flops 17-23 % too low.

array          a PE: multiplier + sum bits + 1 LUT, sum bits + 13 flip-flops; in a wide row, whose sums are wider, also
               12 LUT to multiply by sixteen or not, and a flip-flop to pass that on
rows           a bank of bank_depth x 4 bits each, and its address generator
columns        an accumulator memory of acc_depth x acc_bits each, requantizer (multiplier in DSPs), write-back
fifo           burst_beats*fifo_bursts x bus_bits of memory
control        sequencer, walker, AXI, registers, counters, trace memory, the writer's FIFO (4 results a column)
"""

import math
from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .board import FAMILIES, Board
from .errors import require
from .integer import A_BITS, MUL_BITS, W_BITS

__all__ = ["Resources", "estimate_resources", "excess"]

MULTIPLIER_LUTS = {"ecp5": 25.3, "xcup": 20.0}  # 4x4 bits in fabric, from the anchors above
# Words and bits of one 18-Kbit block RAM in its possible shapes (parity bits usable from x9 on).
BRAM18_SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
LUT_RAM_WORDS = 32  # FIFOs of no more are made of LUTs
LUT_RAM_BITS = {"ecp5": 64 / 6, "xcup": 64.0}  # bits of memory per LUT: a 16x4 RAM takes 6 LUT4; a LUT6 holds 64
DSP_WIDTHS = {"ecp5": (18, 18), "xcup": (27, 18)}
OTHER_LOGIC = {"ecp5": 1.0, "xcup": 40 / 45.3}
WIDE_LUTS = A_BITS + W_BITS + A_BITS  # bits of a product that may count sixteenfold, chosen by one LUT each
ROW_LUTS, ROW_FFS = 77, 167  # fitted, see above
COLUMN_LUTS, COLUMN_FFS = 596, 465
CONTROL_LUTS, CONTROL_FFS, CONTROL_DSPS = 4_038, 1_863, 1
TRACE_WORDS, RESULT_BITS, RESULTS_PER_COLUMN = 512, 32, 4


@dataclass(frozen=True)
class Component:
    """A part of the accelerator and what it needs."""

    name: str
    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram18: int = 0
    memory_bits: int = 0


@dataclass(frozen=True)
class Resources:
    """Needs of one accelerator, by ``method``: estimate or synthesis.

    ``lut`` counts 4-input (ecp5) or 6-input (xcup) look-up tables.

    ``memory_bits`` are the bits stored, whatever holds them; ``bram18`` the 18-Kbit blocks they take.
    """

    family: str
    components: tuple[Component, ...]
    method: str = "estimate"

    def _sum(self, key: str) -> int:
        return sum(getattr(c, key) for c in self.components)

    @property
    def lut(self) -> int:
        return self._sum("lut")

    @property
    def ff(self) -> int:
        return self._sum("ff")

    @property
    def dsp(self) -> int:
        return self._sum("dsp")

    @property
    def bram18(self) -> int:
        return self._sum("bram18")

    @property
    def memory_bits(self) -> int:
        return self._sum("memory_bits")

    def to_dict(self) -> dict:
        """Totals and components, JSON-compatible."""
        keys = ("lut", "ff", "dsp", "bram18", "memory_bits")
        return {"family": self.family, "method": self.method, **{key: self._sum(key) for key in keys},
                "components": {c.name: {key: getattr(c, key) for key in keys} for c in self.components}}


def bram18_blocks(words: int, bits: int) -> int:
    """18-Kbit block RAMs for a memory of ``words`` x ``bits``: the best of the block's shapes."""
    return min(math.ceil(words / w) * math.ceil(bits / b) for w, b in BRAM18_SHAPES)


def _memory(family: str, count: int, words: int, bits: int) -> dict[str, int]:
    """``count`` memories of ``words`` x ``bits``: look-up tables if short, block RAMs otherwise."""
    stored = {"memory_bits": count * words * bits}
    if words <= LUT_RAM_WORDS:
        return {"lut": math.ceil(count * bits * words / LUT_RAM_BITS[family]), **stored}
    return {"bram18": count * bram18_blocks(words, bits), **stored}


def _component(name: str, memory: dict[str, int], **needs: float) -> Component:
    return Component(name, **{key: math.ceil(needs.get(key, 0)) + memory.get(key, 0)
                              for key in ("lut", "ff", "dsp", "bram18", "memory_bits")})


def estimate_resources(config: AcceleratorConfig, family: str) -> Resources:
    """The needs of ``config`` in the fabric of ``family`` (``ecp5`` or ``xcup``), by component."""
    require(family in FAMILIES, f"Resources family must be one of {', '.join(FAMILIES)}, not {family!r}")
    rows, cols = config.rows, config.cols
    narrow, wide = (rows - config.wide_rows) * cols, config.wide_rows * cols
    other = OTHER_LOGIC[family]
    dsp_a, dsp_b = DSP_WIDTHS[family]
    # Signed operands: MUL_BITS is unsigned.
    dsp_per_column = math.ceil(config.acc_bits / dsp_a) * math.ceil((MUL_BITS + 1) / dsp_b)
    trace = _memory(family, 1, TRACE_WORDS, RESULT_BITS)
    results = _memory(family, 1, RESULTS_PER_COLUMN * cols, RESULT_BITS)
    return Resources(family, (
        _component("array", {},
                   lut=narrow * (MULTIPLIER_LUTS[family] + config.narrow_psum_bits + 1)
                   + wide * (MULTIPLIER_LUTS[family] + config.psum_bits + 1 + WIDE_LUTS),
                   ff=narrow * (config.narrow_psum_bits + 13) + wide * (config.psum_bits + 14)),
        _component("rows", _memory(family, rows, config.bank_depth, A_BITS), lut=rows * ROW_LUTS * other,
                   ff=rows * ROW_FFS),
        _component("columns", _memory(family, cols, config.acc_depth, config.acc_bits), lut=cols * COLUMN_LUTS * other,
                   ff=cols * COLUMN_FFS, dsp=cols * dsp_per_column),
        _component("fifo", _memory(family, 1, config.burst_beats * config.fifo_bursts, config.bus_bits)),
        _component("control", {key: trace.get(key, 0) + results.get(key, 0) for key in (*trace, *results)},
                   lut=CONTROL_LUTS * other, ff=CONTROL_FFS, dsp=CONTROL_DSPS),
    ))


def excess(resources: Resources, board: Board, share: float = 1.0) -> tuple[str, ...]:
    """One line per resource of which ``resources`` needs more than ``share`` of what ``board`` has."""
    require(resources.family == board.family,
            f"Resources family must be {board.family} for {board.name}, not {resources.family!r}")
    limits = {"lut": board.luts, "ff": board.ffs, "dsp": board.dsps, "bram18": board.bram18}
    return tuple(f"{key} must be at most {int(limit * share)} on {board.name}, not {getattr(resources, key)} "
                 f"({resources.method})"
                 for key, limit in limits.items() if getattr(resources, key) > limit * share)
