"""Where program and results lie in the accelerator's memory, and what its registers are told of it."""

from dataclasses import dataclass

from .program import Program
from .registers import WATCHDOG_CYCLES

__all__ = ["MemoryMap"]


@dataclass(frozen=True, kw_only=True)
class MemoryMap:
    """Byte addresses and sizes, relative to a base that is a multiple of ``alignment_bytes`` (a burst).

    The program, with the image in its places, comes first, then its results from a burst boundary on.
    """

    alignment_bytes: int
    program_address: int
    program_bytes: int
    program_beats: int
    output_address: int
    output_bytes: int
    output_beats: int

    @classmethod
    def of(cls, program: Program) -> "MemoryMap":
        burst = program.burst_bytes
        return cls(alignment_bytes=burst, program_address=0, program_bytes=len(program.stream),
                   program_beats=program.beats, output_address=-(-len(program.stream) // burst) * burst,
                   output_bytes=program.output_bytes, output_beats=program.output_bytes // program.beat_bytes)

    @property
    def size_bytes(self) -> int:
        return self.output_address + self.output_bytes

    def registers(self, base: int = 0) -> dict[str, int]:
        """What to write to each register before the first run, with the memory at byte address ``base``."""
        addresses = {"PROGRAM": self.program_address, "OUTPUT": self.output_address}
        halves = {f"{name}_{half}": (base + address) >> shift & 0xFFFF_FFFF for name, address in addresses.items()
                  for half, shift in (("LO", 0), ("HI", 32))}
        return {**halves, "BEATS": self.program_beats, "OUTPUT_BEATS": self.output_beats, "WATCHDOG": WATCHDOG_CYCLES}
