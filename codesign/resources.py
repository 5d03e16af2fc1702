"""Resources an accelerator needs on an FPGA: an ESTIMATE by component, anchored on trial syntheses.

Anchors (bare arrays, int4 x uint4, 20-bit sums): ECP5 16x16 in fabric 11.6k LUT4, 45.3 a PE; UltraScale+ 32x32
in fabric 33k-41k LUT, of which we take the upper end, 40 a PE. A PE is a 4x4-bit multiplier and an adder as wide
as the partial sum, one LUT a bit, so the multiplier is 25.3 LUT4 or 20 LUT6. All else is counted from widths:

array          rows*cols*(multiplier + psum_bits) LUT; 4 activation, 2*4 weight and psum_bits registers a PE
banks          rows memories of bank_depth x 4 bits; a row's address generator: adders for address and edges
accumulators   cols memories of acc_depth x acc_bits, with an adder each
requantizers   cols of a 16-bit multiplier (DSP), a 40-bit adder, a barrel shifter, a clamp
fifo           burst_beats*fifo_bursts x bus_bits of memory
control        sequencer, AXI masters and registers, counters: a constant and a share of the bus width

Memories of at most 64 words are made of LUTs, others of block RAM. No figure here is a measurement of the
generated design: place and route decides, and for UltraScale+ only Vivado can.
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
LUT_RAM_WORDS = 64
LUT_RAM_BITS = {"ecp5": 64 / 6, "xcup": 64.0}  # bits of memory per LUT: a 16x4 RAM takes 6 LUT4; a LUT6 holds 64
MUX_LUTS = {"ecp5": 1.0, "xcup": 0.5}  # LUTs per bit of one two-way level of a shifter
DSP_WIDTHS = {"ecp5": (18, 18), "xcup": (27, 18)}
CONTROL_LUTS, CONTROL_FFS = 2_500, 2_500
COUNTER_BITS, COUNTERS = 64, 11


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
    """Estimated needs of one accelerator; ``lut`` counts 4-input (ecp5) or 6-input (xcup) look-up tables.

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


def _component(name: str, memory: dict[str, int] | None = None, **needs: float) -> Component:
    memory = memory or {}
    return Component(name, **{key: math.ceil(needs.get(key, 0)) + memory.get(key, 0)
                              for key in ("lut", "ff", "dsp", "bram18", "memory_bits")})


def estimate_resources(config: AcceleratorConfig, family: str) -> Resources:
    """The needs of ``config`` in the fabric of ``family`` (``ecp5`` or ``xcup``), by component."""
    require(family in FAMILIES, f"Resources family must be one of {', '.join(FAMILIES)}, not {family!r}")
    rows, cols, pes = config.rows, config.cols, config.rows * config.cols
    dsp_a, dsp_b = DSP_WIDTHS[family]
    # Signed operands: one bit of each is the sign, MUL_BITS is unsigned.
    dsp_per_requantizer = math.ceil(config.acc_bits / dsp_a) * math.ceil((MUL_BITS + 1) / dsp_b)
    shifter_luts = MUX_LUTS[family] * 6 * config.scaled_bits
    parameters_bits = MUL_BITS + config.scaled_bits + 6
    return Resources(family, (
        _component("array",
                   lut=pes * (MULTIPLIER_LUTS[family] + config.psum_bits),
                   ff=pes * (A_BITS + 2 * W_BITS + config.psum_bits)),
        _component("banks", _memory(family, rows, config.bank_depth, A_BITS),
                   lut=rows * (4 * config.addr_bits + 20) + cols * A_BITS * config.bank_groups,
                   ff=rows * (2 * config.addr_bits + 2 * A_BITS)),
        _component("accumulators", _memory(family, cols, config.acc_depth, config.acc_bits),
                   lut=cols * 2 * config.acc_bits,
                   ff=cols * (config.acc_bits + 2 * config.acc_addr_bits)),
        _component("requantizers",
                   lut=cols * (config.scaled_bits + shifter_luts + 3 * A_BITS),
                   ff=cols * (2 * config.scaled_bits + parameters_bits + 2 * A_BITS),
                   dsp=cols * dsp_per_requantizer),
        _component("fifo", _memory(family, 1, config.burst_beats * config.fifo_bursts, config.bus_bits),
                   lut=64, ff=2 * config.bus_bits),
        _component("control",
                   lut=CONTROL_LUTS + COUNTERS * COUNTER_BITS + 2 * config.bus_bits,
                   ff=CONTROL_FFS + COUNTERS * COUNTER_BITS + 3 * config.bus_bits),
    ))


def excess(resources: Resources, board: Board, share: float = 1.0) -> tuple[str, ...]:
    """One line per resource of which ``resources`` needs more than ``share`` of what ``board`` has."""
    require(resources.family == board.family,
            f"Resources family must be {board.family} for {board.name}, not {resources.family!r}")
    limits = {"lut": board.luts, "ff": board.ffs, "dsp": board.dsps, "bram18": board.bram18}
    return tuple(f"{key} must be at most {int(limit * share)} on {board.name}, not {getattr(resources, key)} (estimate)"
                 for key, limit in limits.items() if getattr(resources, key) > limit * share)
