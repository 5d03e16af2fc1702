"""Where program, image and results lie in the accelerator's memory, and what its registers are told of it."""

from dataclasses import dataclass

from .program import Program

__all__ = ["MemoryMap"]


@dataclass(frozen=True, kw_only=True)
class MemoryMap:
    """Byte addresses and sizes, relative to a base that is a multiple of ``alignment_bytes`` (a burst).

    The program comes first, then one packed image, then its results, each from a burst boundary on.
    """

    alignment_bytes: int
    program_address: int
    program_bytes: int
    lead_beats: int
    body_beats: int
    input_address: int
    input_bytes: int
    input_beats: int
    output_address: int
    output_bytes: int

    @classmethod
    def of(cls, program: Program) -> "MemoryMap":
        beat, burst = program.beat_bytes, program.burst_bytes
        program_bytes, input_bytes = len(program.memory_image()), program.input_bytes
        input_address = -(-program_bytes // burst) * burst
        return cls(alignment_bytes=burst, program_address=0, program_bytes=program_bytes,
                   lead_beats=len(program.lead) // beat, body_beats=len(program.body) // beat,
                   input_address=input_address, input_bytes=input_bytes, input_beats=input_bytes // beat,
                   output_address=input_address + -(-input_bytes // burst) * burst,
                   output_bytes=program.output_bytes)

    @property
    def size_bytes(self) -> int:
        return self.output_address + self.output_bytes

    def registers(self, base: int = 0) -> dict[str, int]:
        """What to write to each register before the first run, with the memory at byte address ``base``."""
        addresses = {"PROGRAM": self.program_address, "INPUT": self.input_address, "OUTPUT": self.output_address}
        halves = {f"{name}_{half}": (base + address) >> shift & 0xFFFF_FFFF for name, address in addresses.items()
                  for half, shift in (("LO", 0), ("HI", 32))}
        return {**halves, "LEAD_BEATS": self.lead_beats, "BODY_BEATS": self.body_beats,
                "INPUT_BEATS": self.input_beats}
