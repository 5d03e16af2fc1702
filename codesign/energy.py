"""Energy per image: counters times energy per event, plus static power times time. An ESTIMATE.

The coefficients are in ``energy.yaml`` with their sources. None of them has been measured on a board, and most
are scaled from a 45 nm table, so compare designs by them; do not quote them as a board's power.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from .accelerator import AcceleratorConfig
from .board import FAMILIES, MEMORY_KINDS
from .errors import require

__all__ = ["COUNTERS", "Energy", "coefficients", "estimate_energy"]

#: The accelerator's counters that the estimate is made of, all per image.
COUNTERS = ("cycles", "active_cycles", "read_beats", "write_beats", "bank_reads", "bank_writes", "stream_words")


@dataclass(frozen=True)
class Energy:
    """Estimated energy of one image in joules, by component."""

    components: Mapping[str, float]
    method: str = "estimate"

    @property
    def total_j(self) -> float:
        return sum(self.components.values())

    def to_dict(self) -> dict:
        """Total and components in joules, JSON-compatible."""
        return {"method": self.method, "total_j": self.total_j, "components_j": dict(self.components)}


@cache
def coefficients() -> Mapping[str, dict]:
    """``energy.yaml`` as it is: name -> value, unit, source and, where the fabric's overhead is added, scale."""
    return yaml.safe_load(resources.files("codesign").joinpath("energy.yaml").read_text())


def _event(name: str) -> float:
    entry = coefficients()[name]
    scale = entry.get("scale")
    return float(entry["value"]) * (float(coefficients()[scale]["value"]) if scale else 1.0)


def estimate_energy(config: AcceleratorConfig, counters: Mapping[str, float], *, family: str,
                    memory_kind: str) -> Energy:
    """Energy of one image from its ``counters`` (the accelerator's own, or the cost model's prediction of them).

    array : every PE multiplies in each active cycle
    stream : words of program, weights and parameters, through the FIFO's memory into registers
    banks : 4-bit words read, and written as results (the image's are not counted)
    accumulators : each active cycle reads, adds and writes one word a column
    requantizers : one per word written to a bank
    memory : bytes over the AXI master, to ``memory_kind`` (``dram`` or ``on-chip``)
    control : every cycle; static : time at the family's quiescent power
    """
    require(family in FAMILIES, f"Energy family must be one of {', '.join(FAMILIES)}, not {family!r}")
    require(memory_kind in MEMORY_KINDS,
            f"Energy memory kind must be one of {', '.join(MEMORY_KINDS)}, not {memory_kind!r}")
    missing = [key for key in COUNTERS if key not in counters]
    require(not missing, f"Energy counters must include {', '.join(missing)}")
    n = {key: counters[key] for key in COUNTERS}
    bad = {key: value for key, value in n.items() if not value >= 0}
    require(not bad, f"Energy counters must be at least 0, not {bad}")
    lanes = n["active_cycles"] * config.cols
    stream_bits = n["stream_words"] * config.word_bits
    memory_bytes = (n["read_beats"] + n["write_beats"]) * config.bus_bits // 8
    per_byte = _event("dram_byte_j" if memory_kind == "dram" else "on_chip_byte_j")
    return Energy({
        "array": lanes * config.rows * _event("mac_j"),
        "stream": stream_bits * (_event("register_bit_j") + 2 * _event("sram_bit_j")),
        "banks": (n["bank_reads"] + n["bank_writes"]) * _event("bank_access_j"),
        "accumulators": lanes * (2 * config.acc_bits * _event("sram_bit_j") + _event("accumulator_add_j")),
        "requantizers": n["bank_writes"] * _event("requantize_j"),
        "memory": memory_bytes * per_byte,
        "control": n["cycles"] * _event("control_cycle_j"),
        "static": n["cycles"] / config.clock_hz * float(coefficients()["static_w"][family]["value"]),
    })
