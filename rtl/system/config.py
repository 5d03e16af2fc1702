"""What a complete system is made of."""

from dataclasses import dataclass

from codesign.accelerator import AcceleratorConfig
from codesign.errors import require

__all__ = ["MEMORY_LATENCY_CYCLES", "NAME_BYTES", "SystemConfig"]

NAME_BYTES = 16  # of the board's name, the zero at its end included
MEMORY_LATENCY_CYCLES = 5  # of the data memory, from a burst's address to its first beat
BIT_CYCLES = (6, 1 << 16)  # of a bit on the serial line: sampled in its middle, counted in 16 bits
BAUD_ERROR = 0.02  # of the rate made of the clock: a byte's last bit is sampled within a fifth of its middle
MEMORY_BYTES = (4096, 1 << 24)  # no burst reaches beyond a power of two above the end


def _power_of_two(n: int) -> bool:
    return n >= 1 and n & (n - 1) == 0


@dataclass(frozen=True, kw_only=True)
class SystemConfig:
    """A system around ``accelerator``, whose clock and memory timing are the system's.

    board : its name, as the firmware tells it
    baud : bits/s on the serial line
    memory_bytes : data memory, for programs, images and results
    rom_bytes, ram_bytes : of the soft core's firmware, and for its variables
    receive_bytes, send_bytes : that wait for the firmware, and for the line
    """

    accelerator: AcceleratorConfig
    board: str
    baud: int
    memory_bytes: int
    rom_bytes: int = 16384
    ram_bytes: int = 8192
    receive_bytes: int = 8192
    send_bytes: int = 2048

    def __post_init__(self):
        require(self.board.isascii() and 0 < len(self.board) < NAME_BYTES,
                f"System board must be a name of at most {NAME_BYTES - 1} characters, not {self.board!r}")
        beat, memory = self.accelerator.bus_bits // 8, self.accelerator.memory
        low, high = MEMORY_BYTES
        require(type(self.memory_bytes) is int and low <= self.memory_bytes <= high and self.memory_bytes % beat == 0,
                f"System memory_bytes must be a multiple of {beat} in {low}..{high}, not {self.memory_bytes!r}")
        require(memory.latency_cycles == MEMORY_LATENCY_CYCLES,
                f"System memory latency_cycles must be {MEMORY_LATENCY_CYCLES}, as its memory has it, "
                f"not {memory.latency_cycles}")
        require(memory.decibytes_per_cycle >= 10 * beat or 10 * beat % memory.decibytes_per_cycle == 0,
                f"System memory bytes_per_cycle must divide the {beat} bytes of a beat, not be "
                f"{memory.bytes_per_cycle}")
        for key in ("rom_bytes", "ram_bytes", "receive_bytes", "send_bytes"):
            value = getattr(self, key)
            require(type(value) is int and _power_of_two(value) and 64 <= value <= 1 << 20,
                    f"System {key} must be a power of two in 64..1048576, not {value!r}")
        low, high = BIT_CYCLES
        require(type(self.baud) is int and self.baud > 0 and low <= self.bit_cycles < high
                and abs(self.clock_hz / self.bit_cycles / self.baud - 1) <= BAUD_ERROR,
                f"System baud must be {self.clock_hz} Hz by an integer in {low}..{high - 1}, within "
                f"{BAUD_ERROR:.0%}, not {self.baud!r}")

    @property
    def clock_hz(self) -> int:
        return self.accelerator.clock_hz

    @property
    def bit_cycles(self) -> int:
        """Cycles of a bit on the serial line."""
        return round(self.clock_hz / self.baud)

    @property
    def beat_cycles(self) -> int:
        """Cycles from a beat of the data memory to the next."""
        return max(1, self.accelerator.bus_bits * 10 // 8 // self.accelerator.memory.decibytes_per_cycle)
