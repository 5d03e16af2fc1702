"""A compiled network: the bytes the accelerator reads, and how to talk to it about images and logits."""

import hashlib
from dataclasses import dataclass

import numpy as np

from .errors import require
from .graph import Shape
from .isa import Isa, Opcode
from .schedule import Load, Schedule

__all__ = ["Program"]


@dataclass(frozen=True, eq=False)
class Program:
    """What runs one image on one accelerator.

    lead, body : program bytes before and after the image, whole bus beats. In memory the body starts at the
        first burst boundary after the lead (:meth:`image`)
    logit_positions : index of each class's 32-bit value in the results
    results : 32-bit values the accelerator writes, padding columns included
    products : how many of the schedule's products it runs; all of them, or fewer to look at a map
    """

    schedule: Schedule
    lead: bytes
    body: bytes
    logit_positions: tuple[int, ...]
    results: int
    products: int

    @property
    def config(self):
        return self.schedule.config

    @property
    def input_shape(self) -> Shape:
        return self.schedule.graph.input_shape

    @property
    def layer_names(self) -> tuple[str, ...]:
        """One per trace entry: the first pass of each product notes its cycle."""
        return tuple(gemm.name for gemm in self.schedule.gemms[:self.products])

    @property
    def beat_bytes(self) -> int:
        return self.config.bus_bits // 8

    @property
    def burst_bytes(self) -> int:
        return self.beat_bytes * self.config.burst_beats

    def memory_image(self) -> bytes:
        """Lead and body as they lie in memory, from a burst boundary on."""
        gap = -len(self.lead) % self.burst_bytes
        return self.lead + bytes(gap) + self.body

    def digest(self) -> str:
        """SHA-256 over the configuration and the memory image, hexadecimal."""
        return hashlib.sha256(self.config.digest().encode() + self.memory_image()).hexdigest()

    @property
    def input_bytes(self) -> int:
        """Bytes of one packed image."""
        return len(self.pack_image(np.zeros(self.input_shape, np.uint8)))

    @property
    def output_bytes(self) -> int:
        """Bytes of the results of one image: whole bus beats."""
        return -(-self.results * 4 // self.beat_bytes) * self.beat_bytes

    def pack_image(self, image: np.ndarray) -> bytes:
        """uint8 (C, H, W) as the accelerator reads it: pixel after pixel, the channels of one LOAD side by side."""
        require(image.dtype == np.uint8 and image.shape == self.input_shape,
                f"Image must be uint8 of shape {self.input_shape}, not {image.dtype} of shape {image.shape}")
        parts = []
        for index, load in enumerate(self.schedule.loads):
            if index:  # the first one's instruction is the lead
                parts.append(instruction_bytes(load, self.config))
            pixels = np.zeros((load.fields["pixels"], 1 << load.fields["lanes_log2"]), np.uint8)
            pixels[:, :load.count] = image[load.first:load.first + load.count].reshape(load.count, -1).T
            parts.append(pixels.tobytes().ljust(load.fields["words"] * self.config.word_bits // 8, b"\0"))
        return b"".join(parts)

    def unpack_logits(self, results: np.ndarray) -> np.ndarray:
        """int32 results (..., results) -> int64 logits (..., classes)."""
        return results[..., list(self.logit_positions)].astype(np.int64)

    def listing(self) -> str:
        """The program decoded from its bytes, one packet a line, for people."""
        isa, lines = Isa(self.config), []
        size = self.config.word_bits // 8
        for segment in (self.lead, self.body):
            at = 0
            while at < len(segment):
                bits = int.from_bytes(segment[at:at + isa.instruction_words * size], "little")
                op = Opcode(bits & 3)
                fields = isa.instructions[op].decode(bits)
                shown = " ".join(f"{name}={value}" for name, value in fields.items() if value and name != "op")
                lines.append(f"{at // size:8}  {op.name:<5} {shown}".rstrip())
                at += isa.instruction_words * size
                if op is not Opcode.PASS:
                    break  # the image follows, or nothing
                at += size * (fields["load_weights"] * isa.weight_words + fields["load_rows"] * isa.row_words
                              + fields["load_columns"] * isa.column_words)
        return "\n".join(lines)


def instruction_bytes(load: Load, config) -> bytes:
    """A LOAD instruction, padded to a bus beat: its image starts at the next one."""
    isa = Isa(config)
    bits = isa.instructions[Opcode.LOAD].encode(op=Opcode.LOAD, **load.fields)
    words = bits.to_bytes(isa.instruction_words * config.word_bits // 8, "little")
    return words.ljust(-(-len(words) * 8 // config.bus_bits) * config.bus_bits // 8, b"\0")
