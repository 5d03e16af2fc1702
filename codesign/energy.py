"""Energy per image: counters times energy per event, plus static power times time. An ESTIMATE.

The coefficients are in ``energy.yaml``, each with its source; rows of measured power replace them
(:mod:`codesign.energy_fit`). Until then compare designs by the estimate, and do not quote it as a board's power.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Protocol

import yaml

from .accelerator import AcceleratorConfig
from .board import FAMILIES, Board
from .errors import require
from .integer import A_BITS, MUL_BITS

__all__ = ["COUNTERS", "Energy", "Joules", "board_joules", "coefficients", "estimate_energy", "events", "family_value",
           "ram_blocks"]

#: The accelerator's counters that the estimate is made of, all per image.
COUNTERS = ("cycles", "active_cycles", "read_beats", "write_beats", "bank_reads", "bank_writes", "stream_words")
RAM_BITS = 32 * 1024  # of the block that ``ram_port_j`` is about
MULTIPLIER_BITS = 18


@dataclass(frozen=True)
class Energy:
    """Energy of one image in joules, by component. ``method`` says by what: ``estimate``, or a fit's label."""

    components: Mapping[str, float]
    method: str = "estimate"

    @property
    def total_j(self) -> float:
        return sum(self.components.values())

    @property
    def static_j(self) -> float:
        """What the part takes in this time without doing anything."""
        return self.components.get("static", 0.0)

    def to_dict(self) -> dict:
        """Total and components in joules, JSON-compatible."""
        return {"method": self.method, "total_j": self.total_j, "components_j": dict(self.components)}


class Joules(Protocol):
    """Joules of one event of each kind, and where they are from."""

    @property
    def method(self) -> str: ...

    def __getitem__(self, event: str) -> float: ...


@cache
def coefficients() -> Mapping[str, Mapping[str, dict]]:
    """``energy.yaml`` as it is: family or ``dram`` -> name -> value, unit, nm, source and scales."""
    return yaml.safe_load(resources.files("codesign").joinpath("energy.yaml").read_text())


def _scaled(entry: Mapping) -> float:
    scales = coefficients()["scales"]
    return float(entry["value"]) * math.prod(float(scales[name]["value"]) for name in entry.get("scales", ()))


def family_value(family: str, name: str) -> float:
    """Coefficient ``name`` of ``family``, scaled as its line says."""
    require(family in FAMILIES, f"Energy family must be one of {', '.join(FAMILIES)}, not {family!r}")
    return _scaled(coefficients()[family][name])


@dataclass(frozen=True)
class _BoardJoules:
    values: Mapping[str, float]
    method: str = "estimate"

    def __getitem__(self, event: str) -> float:
        return self.values[event]


def board_joules(board: Board) -> Joules:
    """The data file's coefficients for ``board``: its family's, its memory's, its own static power."""
    names = ("mac_j", "adder_j", "register_bit_j", "control_cycle_j", "ram_port_j", "multiply_j")
    values = {name: family_value(board.family, name) for name in names}
    values["memory_byte_j"] = (_scaled(coefficients()["dram"][board.dram]) if board.memory_kind == "dram"
                               else family_value(board.family, "on_chip_byte_j"))
    values["static_w"] = family_value(board.family, "static_w") if board.static_w is None else board.static_w
    return _BoardJoules(values)


def ram_blocks(bits: int) -> int:
    """Blocks of 32 Kbit that are clocked together for one access to a memory of ``bits``."""
    return max(1, math.ceil(bits / RAM_BITS))


def events(config: AcceleratorConfig, counters: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """How many events of each kind one image is, by component; of ``static_w``, seconds.

    array : every element multiplies in each active cycle
    stream : words of program, weights and parameters, into the FIFO's memory, out of it, and into registers
    banks : words read, and written as results (the image's are not counted)
    accumulators : each active cycle reads, adds and writes one word a column
    requantizers : a product per word written to a bank
    memory : bytes over the AXI master; control : every cycle; static : time
    """
    missing = [key for key in COUNTERS if key not in counters]
    require(not missing, f"Energy counters must include {', '.join(missing)}")
    n = {key: counters[key] for key in COUNTERS}
    bad = {key: value for key, value in n.items() if not value >= 0}
    require(not bad, f"Energy counters must be at least 0, not {bad}")
    lanes = n["active_cycles"] * config.cols
    fifo = ram_blocks(config.bus_bits * config.burst_beats * config.fifo_bursts)
    multipliers = math.ceil(config.acc_bits / MULTIPLIER_BITS) * math.ceil((MUL_BITS + 1) / MULTIPLIER_BITS)
    return {
        "array": {"mac_j": lanes * config.rows},
        "stream": {"register_bit_j": n["stream_words"] * config.word_bits, "ram_port_j": 2 * n["stream_words"] * fifo},
        "banks": {"ram_port_j": (n["bank_reads"] + n["bank_writes"]) * ram_blocks(config.bank_depth * A_BITS)},
        "accumulators": {"ram_port_j": 2 * lanes * ram_blocks(config.acc_depth * config.acc_bits), "adder_j": lanes},
        "requantizers": {"multiply_j": n["bank_writes"] * multipliers},
        "memory": {"memory_byte_j": (n["read_beats"] + n["write_beats"]) * config.bus_bits // 8},
        "control": {"control_cycle_j": n["cycles"]},
        "static": {"static_w": n["cycles"] / config.clock_hz},
    }


def estimate_energy(config: AcceleratorConfig, counters: Mapping[str, float], board: Board,
                    joules: Joules | None = None) -> Energy:
    """Energy of one image on ``board`` from its ``counters`` (the accelerator's own, or the cost model's prediction).

    ``joules`` : of each event; the data file's by default, or a fit to measurements
    """
    joules = board_joules(board) if joules is None else joules
    return Energy({component: sum(count * joules[event] for event, count in counts.items())
                   for component, counts in events(config, counters).items()}, method=joules.method)
