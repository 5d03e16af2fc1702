"""Resources an accelerator needs on an FPGA: an ESTIMATE by component, fitted to syntheses.

Fitted to what :mod:`codesign.sim.synthesis` (Yosys 0.70) made of whole accelerators; nothing was placed or routed.

UltraScale+ (``xcup``) from what each module takes; ECP5, flattened, from the totals:

    family             xcup    xcup    xcup      ecp5    ecp5    ecp5    ecp5
    rows x cols         4x4   16x16   32x32       4x4     8x8    16x8   16x16
    wide rows             0       6      12         0       4       6       6
    LUT               5,222  17,892  49,417   8,235  13,851  17,432  28,154
    flip-flops        5,957  23,986  65,595   5,931  10,351  13,738  21,867

What is left is at most 2 % of LUTs and 4 % of flip-flops (a 64x64 array on UltraScale+, not used for the fit and
synthesized a few registers earlier: 0.4 % and 0.1 %). Place and route decides in the end, and for UltraScale+ only
Vivado can.

array          a PE: two additions as wide as its sum, that many and 14 flip-flops; 18 in a wide row, whose activations
               have eight bits
rows           a bank of bank_depth x 4 bits each, and its address generator
columns        an accumulator memory of acc_depth x acc_bits each, requantizer (multiplier in DSPs), write-back
fifo           burst_beats*fifo_bursts x bus_bits of memory
control        sequencer, walker, AXI, registers, counters, trace memory, the writer's FIFO (4 results a column), and
               what grows with the array's edges: delays of weights, image and commands
"""

import math
from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .board import FAMILIES, Board
from .errors import require
from .integer import A_BITS, MUL_BITS

__all__ = ["Resources", "estimate_resources", "excess"]

# Words and bits of one 18-Kbit block RAM in its possible shapes (parity bits usable from x9 on).
BRAM18_SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
LUT_RAM_WORDS = 32  # FIFOs of no more are made of LUTs
LUT_RAM_BITS = {"ecp5": 64 / 6, "xcup": 64.0}  # bits of memory per LUT: a 16x4 RAM takes 6 LUT4; a LUT6 holds 64
DSP_WIDTHS = {"ecp5": (18, 18), "xcup": (27, 18)}
CONTROL_DSPS = 1  # of the counters
PE_FFS, WIDE_PE_FFS = 14, 18  # besides the sum's
TRACE_WORDS, TRACE_BITS, RESULT_BITS, RESULTS_PER_COLUMN = 512, 192, 32, 4


@dataclass(frozen=True)
class _Logic:
    """LUTs and flip-flops of one family, fitted: see above."""

    pe_luts_per_sum_bit: float
    row_luts: float
    column_luts: float
    control_luts: float
    edge_luts: float  # per row and column
    row_ffs: float  # besides the addresses'
    control_ffs: float
    edge_ffs: float
    corner_ffs: float  # per column squared: triangles of delays


_LOGIC = {"xcup": _Logic(2.0, 45, 445, 2_700, 26.4, 50, 2_350, 49, 4),
          "ecp5": _Logic(2.6, 151, 794, 3_950, 0, 73, 2_400, 0, 0)}


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
    logic = _LOGIC[family]
    dsp_a, dsp_b = DSP_WIDTHS[family]
    # Signed operands: MUL_BITS is unsigned.
    dsp_per_column = math.ceil(config.acc_bits / dsp_a) * math.ceil((MUL_BITS + 1) / dsp_b)
    trace = _memory(family, 1, TRACE_WORDS, TRACE_BITS)
    results = _memory(family, 1, RESULTS_PER_COLUMN * cols, RESULT_BITS)
    return Resources(family, (
        _component("array", {},
                   lut=logic.pe_luts_per_sum_bit * (narrow * config.narrow_psum_bits + wide * config.psum_bits),
                   ff=narrow * (config.narrow_psum_bits + PE_FFS) + wide * (config.psum_bits + WIDE_PE_FFS)),
        _component("rows", _memory(family, rows, config.bank_depth, A_BITS), lut=rows * logic.row_luts,
                   ff=rows * (logic.row_ffs + 4 * config.pixel_bits)),
        _component("columns", _memory(family, cols, config.acc_depth, config.acc_bits), lut=cols * logic.column_luts,
                   ff=cols * (291 + 5 * config.acc_bits + 6.4 * (config.acc_addr_bits + 2 * config.addr_bits)),
                   dsp=cols * dsp_per_column),
        _component("fifo", _memory(family, 1, config.burst_beats * config.fifo_bursts, config.bus_bits)),
        _component("control", {key: trace.get(key, 0) + results.get(key, 0) for key in (*trace, *results)},
                   lut=logic.control_luts + logic.edge_luts * (rows + cols),
                   ff=logic.control_ffs + logic.edge_ffs * (rows + cols) + logic.corner_ffs * cols**2,
                   dsp=CONTROL_DSPS),
    ))


def excess(resources: Resources, board: Board, share: float = 1.0) -> tuple[str, ...]:
    """One line per resource of which ``resources`` needs more than ``share`` of what ``board`` has."""
    require(resources.family == board.family,
            f"Resources family must be {board.family} for {board.name}, not {resources.family!r}")
    limits = {"lut": board.luts, "ff": board.ffs, "dsp": board.dsps, "bram18": board.bram18}
    return tuple(f"{key} must be at most {int(limit * share)} on {board.name}, not {getattr(resources, key)} "
                 f"({resources.method})"
                 for key, limit in limits.items() if getattr(resources, key) > limit * share)
