"""Resources an accelerator needs on an FPGA: an ESTIMATE by component, calibrated on syntheses.

Block RAMs and multipliers are derived and equal what Yosys makes (:mod:`codesign.memories`). Look-up tables and
flip-flops are sums of features (:mod:`codesign.resource_features`) with coefficients fitted to whole accelerators
synthesized by Yosys: ``resources.yaml`` has them, with the largest error seen, of accelerators not used for the fit
too. ``python -m codesign.sim.calibrate`` makes that file. Nothing was placed or routed: place and route decides in the
end, and for UltraScale+ only Vivado can.

array          the multipliers, and what delays weights on their way in
rows           a bank of bank_depth x 4 bits each, and its address generator
columns        an accumulator memory of acc_depth x acc_bits each, requantizer (multiplier in DSPs), write-back
control        sequencer, walker, AXI, registers, counters, trace memory, program FIFO, the writer's FIFO (results)
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources as package_files

import yaml

from .accelerator import AcceleratorConfig
from .board import FAMILIES, Board
from .errors import require
from .integer import MUL_BITS
from .memories import accelerator_memories, map_memory
from .resource_features import FEATURES, features

__all__ = ["KINDS", "MEMORIES", "Coefficients", "Component", "Resources", "board_resources", "coefficients",
           "estimate_resources", "exceeding", "excess", "system_resources"]

KINDS = {"lut": "look-up tables", "ff": "flip-flops", "dsp": "multipliers", "bram18": "18-Kbit block RAMs"}
#: The component that each memory belongs to.
MEMORIES = {"banks": "rows", "accumulators": "columns", "program": "control", "results": "control", "trace": "control"}
DSP_WIDTHS = {"ecp5": (18, 18), "xcup": (27, 18)}
SMALLEST_PRODUCT_BITS = {"ecp5": 0, "xcup": 9}  # narrower ones are made of look-up tables
MEMORY_BLOCK_BITS = 1 << 14  # of an 18-Kbit block, where bytes are written one by one


@dataclass(frozen=True, kw_only=True, eq=False)
class Coefficients:
    """Look-up tables and flip-flops per feature, by component.

    made : by which tool, of which RTL, how exact; system : what is around the accelerator, but for the data memory
    """

    family: str
    lut: Mapping[str, Mapping[str, float]]
    ff: Mapping[str, Mapping[str, float]]
    made: Mapping[str, str | int | float | Mapping[str, str | int | float]]
    system: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def to_dict(self) -> dict:
        """As in ``resources.yaml``."""
        by_part = {kind: {part: dict(values) for part, values in getattr(self, kind).items()} for kind in ("lut", "ff")}
        return {"made": dict(self.made), "system": dict(self.system), **by_part}


@functools.cache
def coefficients(family: str) -> Coefficients:
    """Those of ``resources.yaml`` for ``family``."""
    require(family in FAMILIES, f"Resources family must be one of {', '.join(FAMILIES)}, not {family!r}")
    values = yaml.safe_load(package_files.files("codesign").joinpath("resources.yaml").read_text())
    return Coefficients(family=family, **values[family])


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


def _multipliers(config: AcceleratorConfig, family: str) -> dict[str, int]:
    """DSP blocks by component: requantizers, and what columns that share a bank multiply by their number or its. By a
    power of two, nothing is multiplied."""
    a, b = DSP_WIDTHS[family]
    # Signed operands: MUL_BITS is unsigned.
    requantizer = math.ceil(config.acc_bits / a) * math.ceil((MUL_BITS + 1) / b)
    factors = [n for c in range(config.cols) for n in (c // config.rows, config.columns_per_bank) if n & (n - 1)]
    products = len(factors) * (config.addr_bits >= SMALLEST_PRODUCT_BITS[family])
    return {"columns": config.cols * requantizer + products}


def estimate_resources(config: AcceleratorConfig, family: str, model: Coefficients | None = None) -> Resources:
    """The needs of ``config`` in the fabric of ``family`` (``ecp5`` or ``xcup``), by component; by ``model`` instead of
    ``resources.yaml``, if given."""
    model = model or coefficients(family)
    values, multipliers = features(config, family), _multipliers(config, family)
    needs = {part: {"dsp": multipliers.get(part, 0), "bram18": 0, "memory_bits": 0,
                    **{kind: sum(each * values[name] for name, each in getattr(model, kind).get(part, {}).items())
                       for kind in ("lut", "ff")}} for part in FEATURES}
    for name, memory in accelerator_memories(config).items():
        mapping, need = map_memory(family, memory), needs[MEMORIES[name]]
        need["memory_bits"] += memory.count * memory.words * memory.bits
        for kind in ("lut", "ff", "bram18"):
            need[kind] += memory.count * getattr(mapping, kind)
    return Resources(family, tuple(Component(part, **{kind: math.ceil(n) for kind, n in need.items()})
                                   for part, need in needs.items()))


def exceeding(resources: Resources, limits: Mapping[str, int]) -> dict[str, int]:
    """What ``resources`` needs beyond ``limits``, by kind; kinds that are within, or have no limit, are left out."""
    return {kind: getattr(resources, kind) - limit for kind, limit in limits.items()
            if getattr(resources, kind) > limit}


def excess(resources: Resources, board: Board, share: float = 1.0) -> tuple[str, ...]:
    """One line per resource of which ``resources`` needs more than ``share`` of what ``board`` has."""
    require(resources.family == board.family,
            f"Resources family must be {board.family} for {board.name}, not {resources.family!r}")
    limits = {kind: int(limit * share) for kind, limit in board_resources(board).items()}
    return tuple(f"{kind} must be at most {limits[kind]} on {board.name}, not {getattr(resources, kind)} "
                 f"({resources.method})" for kind in exceeding(resources, limits))


def board_resources(board: Board) -> dict[str, int]:
    """What the part has, by kind."""
    return {"lut": board.luts, "ff": board.ffs, "dsp": board.dsps, "bram18": board.bram18}


def system_resources(board: Board) -> dict[str, int]:
    """What the complete system takes besides its accelerator, by kind: soft core, serial line and memory where they
    are in the fabric, and nothing where a processor is beside it, whose interconnect is not known here."""
    if board.memory_kind != "on-chip" or board.memory_bytes is None:
        return dict.fromkeys(KINDS, 0)
    system = dict(coefficients(board.family).system)
    return {**system, "bram18": system["bram18"] + math.ceil(8 * board.memory_bytes / MEMORY_BLOCK_BITS)}
