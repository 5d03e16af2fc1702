"""The accelerator's configuration: one frozen description that drives RTL, compiler, cost model and cost key."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml

from .errors import CodesignError, require
from .integer import A_BITS, ADD_BITS, MUL_BITS, W_BITS

MAX_BANK_DEPTH = 1 << 17
INTERLEAVE_BITS = 2  # an image channel is spread over at most 2**2 banks

__all__ = ["INTERLEAVE_BITS", "MAX_BANK_DEPTH", "PRESETS", "AcceleratorConfig", "Memory", "load_accelerator"]


def _power_of_two(n: int) -> bool:
    return n >= 1 and n & (n - 1) == 0


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory behind the accelerator's AXI master, as the simulator and the cost model see it.

    A read burst accepted in cycle a delivers its first beat no earlier than a + ``latency_cycles``; beats
    leave in order, at most one a cycle and no faster than ``bytes_per_cycle`` (resolution: a tenth of a byte).
    Writes see the same rate and latency on their own channel. The default is Ultra96's LPDDR4 (4.26 GB/s) at
    80 % and 250 MHz.
    """

    bytes_per_cycle: float = 13.6
    latency_cycles: int = 40

    def __post_init__(self):
        require(isinstance(self.bytes_per_cycle, int | float) and 0.1 <= self.bytes_per_cycle <= 1024,
                f"Memory bytes_per_cycle must be a number in 0.1..1024 bytes, not {self.bytes_per_cycle!r}")
        require(type(self.latency_cycles) is int and 1 <= self.latency_cycles <= 10_000,
                f"Memory latency_cycles must be an integer in 1..10000 cycles, not {self.latency_cycles!r}")

    @property
    def decibytes_per_cycle(self) -> int:
        """Bandwidth in tenths of a byte a cycle: the integer both the simulator and the cost model count in."""
        return round(self.bytes_per_cycle * 10)


@dataclass(frozen=True, kw_only=True)
class AcceleratorConfig:
    """A weight-stationary systolic array of ``rows`` x ``cols`` multipliers and the memories around it.

    rows : input channels taken a cycle, and banks of activation memory
    cols : output channels made a cycle
    bank_depth : 4-bit words per bank, a power of two
    acc_depth : pixels each column's accumulator memory holds, a power of two
    acc_bits : bits per accumulator
    wide_rows : the last so many rows can count their products sixteenfold, so that both halves of an 8-bit pixel go
        through in one pass
    weight_rows : rows of weights in a program word; more than one makes tiles change faster where bus and memory can
        bring more than ``cols`` weights a cycle
    bus_bits : data width of the AXI master, a power of two
    burst_beats : beats per AXI read burst, a power of two
    fifo_bursts : bursts the program FIFO holds, a power of two
    clock_hz, memory : what surrounds the accelerator; they change its time, not its Verilog
    """

    name: str = "custom"
    rows: int
    cols: int
    bank_depth: int
    acc_depth: int
    acc_bits: int = 24
    wide_rows: int = 0
    weight_rows: int = 1
    bus_bits: int
    burst_beats: int = 16
    fifo_bursts: int = 4
    clock_hz: int = 100_000_000
    memory: Memory = field(default_factory=Memory)

    _LIMITS = {"rows": (4, 128), "cols": (4, 128), "bank_depth": (64, MAX_BANK_DEPTH), "acc_depth": (4, 1 << 14),
               "acc_bits": (16, 32), "wide_rows": (0, 128), "weight_rows": (1, 8), "bus_bits": (64, 512),
               "burst_beats": (2, 64), "fifo_bursts": (2, 1024),
               "clock_hz": (1_000_000, 1_000_000_000)}
    _POWERS_OF_TWO = ("bank_depth", "acc_depth", "bus_bits", "burst_beats", "fifo_bursts")
    _SURROUNDINGS = ("name", "clock_hz", "memory")

    def __post_init__(self):
        for key, (low, high) in self._LIMITS.items():
            value = getattr(self, key)
            require(type(value) is int and low <= value <= high,
                    f"Accelerator {key} must be an integer in {low}..{high}, not {value!r}")
            require(key not in self._POWERS_OF_TWO or _power_of_two(value),
                    f"Accelerator {key} must be a power of two, not {value}")
        require(self.wide_rows <= self.rows,
                f"Accelerator wide_rows must be at most rows ({self.rows}), not {self.wide_rows}")
        require(self.rows % self.weight_rows == 0,
                f"Accelerator weight_rows must divide rows ({self.rows}), not be {self.weight_rows}")
        require(self.bus_bits >= self.word_bits,
                f"Accelerator bus_bits must be at least {self.word_bits} bits for {self.weight_rows * self.cols} "
                f"weights a word, not {self.bus_bits}")
        require(self.burst_beats * self.bus_bits // 8 <= 4096,
                f"Accelerator burst_beats must be at most {4096 * 8 // self.bus_bits} on a {self.bus_bits}-bit bus "
                f"(a burst stays within 4096 bytes), not {self.burst_beats}")

    # Derived widths: defined here, read by the RTL, the program format and the cost model.

    @cached_property
    def word_bits(self) -> int:
        """Bits of one program word: ``weight_rows`` rows of weights, padded to a power of two of at least 64."""
        return max(64, 1 << math.ceil(math.log2(self.weight_rows * self.cols * W_BITS)))

    @cached_property
    def words_per_beat(self) -> int:
        return self.bus_bits // self.word_bits

    @property
    def addr_bits(self) -> int:
        """Bits of a bank address."""
        return self.bank_depth.bit_length() - 1

    @property
    def acc_addr_bits(self) -> int:
        return self.acc_depth.bit_length() - 1

    @property
    def pixel_bits(self) -> int:
        """Bits of a pixel's offset within a channel, which may be spread over 2**INTERLEAVE_BITS banks."""
        return self.addr_bits + INTERLEAVE_BITS

    @property
    def load_lanes(self) -> int:
        """Banks the image is written to, one 4-bit value each per word: the last ones."""
        return min(self.rows, self.word_bits // A_BITS)

    @property
    def narrow_psum_bits(self) -> int:
        """Bits of a column's sum before the wide rows: |product| <= 15 * 8."""
        return (max(1, self.rows - self.wide_rows) * (2**A_BITS - 1) * 2 ** (W_BITS - 1)).bit_length() + 1

    @property
    def psum_bits(self) -> int:
        """Bits of a column's sum over all rows; a wide row's product counts sixteenfold."""
        products = self.rows - self.wide_rows + 2**A_BITS * self.wide_rows
        return (products * (2**A_BITS - 1) * 2 ** (W_BITS - 1)).bit_length() + 1

    @property
    def scaled_bits(self) -> int:
        """Bits of acc*mul + add."""
        return max(self.acc_bits + MUL_BITS, ADD_BITS) + 1

    @property
    def bank_groups(self) -> int:
        """Sets of banks that the columns can be pointed at: more than one only where rows > cols."""
        return max(1, math.ceil(self.rows / self.cols))

    @property
    def columns_per_bank(self) -> int:
        """Columns that share a bank's write port: more than one only where cols > rows."""
        return max(1, math.ceil(self.cols / self.rows))

    @property
    def result_beats(self) -> int:
        """Bus beats that can wait to be written: of at least eight 32-bit results a column."""
        return 1 << max(2, (-(-8 * self.cols // (self.bus_bits // 32)) - 1).bit_length())

    def hardware(self) -> dict:
        """The fields that decide the emitted Verilog, JSON-compatible."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)
                if f.name not in self._SURROUNDINGS}

    def digest(self) -> str:
        """SHA-256 over :meth:`hardware`, hexadecimal. The accelerator carries its first 64 bits."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.hardware(), sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict:
        """All fields, JSON- and YAML-compatible; :meth:`from_dict` takes it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "AcceleratorConfig":
        """Check keys and types of ``values`` and build a configuration.

        ``preset: NAME`` starts from a built-in one. Raises :class:`CodesignError` naming the key, rule and value.
        """
        require(isinstance(values, dict), f"Accelerator must be a mapping of its fields, not {values!r}")
        values = dict(values)
        known = [f.name for f in dataclasses.fields(cls)]
        unknown = sorted(str(k) for k in values if k not in (*known, "preset"))
        require(not unknown, f"Accelerator key must be one of {', '.join(['preset', *known])}, "
                             f"not {', '.join(map(repr, unknown))}")
        if "memory" in values:
            memory = values["memory"]
            memory_keys = {f.name for f in dataclasses.fields(Memory)}
            require(isinstance(memory, dict) and set(memory) <= memory_keys,
                    f"Accelerator memory must be a mapping of {', '.join(sorted(memory_keys))}, not {memory!r}")
            values["memory"] = Memory(**memory)
        if "name" in values:
            require(isinstance(values["name"], str) and values["name"] != "",
                    f"Accelerator name must be a text, not {values['name']!r}")
        if "preset" in values:
            preset = values.pop("preset")
            require(isinstance(preset, str) and preset in PRESETS,
                    f"Accelerator preset must be one of {', '.join(PRESETS)}, not {preset!r}")
            return dataclasses.replace(PRESETS[preset], **{"name": f"{preset}-custom", **values})
        missing = [f.name for f in dataclasses.fields(cls)
                   if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
                   and f.name not in values]
        require(not missing, f"Accelerator must give {', '.join(missing)} (or start from a preset)")
        return cls(**values)


PRESETS = {config.name: config for config in (
    AcceleratorConfig(name="tiny", rows=4, cols=4, bank_depth=4096, acc_depth=64, bus_bits=64,
                      burst_beats=8, fifo_bursts=4, clock_hz=50_000_000),
    # Lattice ECP5-85F: 208 EBR of 18 Kbit; the memory is on-chip, behind the same master.
    AcceleratorConfig(name="ulx3s", rows=16, cols=16, bank_depth=8192, acc_depth=512, wide_rows=6, bus_bits=64,
                      burst_beats=16, fifo_bursts=8, clock_hz=75_000_000,
                      memory=Memory(bytes_per_cycle=8, latency_cycles=5)),
    # Zynq UltraScale+ ZU3EG: 216 block RAMs of 36 Kbit; LPDDR4 at 4.26 GB/s. Accumulators as wide as a DSP48E2's input:
    # the sums of an 8-bit classifier of 1024 inputs need 26 bits.
    AcceleratorConfig(name="ultra96", rows=32, cols=32, bank_depth=32768, acc_depth=1024, acc_bits=27, wide_rows=12,
                      bus_bits=128, burst_beats=16, fifo_bursts=256, clock_hz=250_000_000),
    # Zynq UltraScale+ ZU9EG: 912 block RAMs of 36 Kbit; DDR4-2133, 64 bits wide, at 55 %.
    AcceleratorConfig(name="zcu102", rows=64, cols=64, bank_depth=32768, acc_depth=1024, acc_bits=27, wide_rows=12,
                      bus_bits=512, burst_beats=16, fifo_bursts=32, clock_hz=250_000_000,
                      memory=Memory(bytes_per_cycle=38, latency_cycles=40)),
)}


def load_accelerator(reference: str) -> AcceleratorConfig:
    """The configuration that ``reference`` names: a built-in one, or a YAML file's path."""
    if reference in PRESETS:
        return PRESETS[reference]
    path = Path(reference)
    require(path.suffix in (".yaml", ".yml", ".json"),
            f"Accelerator must be one of {', '.join(PRESETS)} or a .yaml file, not {reference!r}")
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as e:
        raise CodesignError(f"Accelerator file {reference!r} must be readable: {e}") from None
    except yaml.YAMLError as e:
        raise CodesignError(f"Accelerator file {reference!r} must be YAML: {' '.join(str(e).split())}") from None
    try:
        return AcceleratorConfig.from_dict(values)
    except CodesignError as e:
        raise CodesignError(f"{reference}: {e}") from None
