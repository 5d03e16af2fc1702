"""A compiled network: the bytes the accelerator reads, and how to talk to it about images and logits."""

import hashlib
from dataclasses import dataclass

import numpy as np

from .accelerator import AcceleratorConfig
from .errors import require
from .graph import Shape
from .isa import Isa, Opcode
from .schedule import Schedule

__all__ = ["Program"]


@dataclass(frozen=True, eq=False)
class Program:
    """What runs one image on one accelerator: one linear stream, the image's words in their places.

    stream : the bytes the accelerator reads, whole bus beats, zeros where the image goes
    image_at : byte offset of each of the schedule's LOADs' image words
    logit_positions : index of each class's 32-bit value in the results
    results : 32-bit values the accelerator writes, padding columns included
    visits : how many of the schedule's visits it runs; all of them, or fewer to look at a map
    """

    schedule: Schedule
    stream: bytes
    image_at: tuple[int, ...]
    logit_positions: tuple[int, ...]
    results: int
    visits: int

    @property
    def config(self) -> AcceleratorConfig:
        return self.schedule.config

    @property
    def input_shape(self) -> Shape:
        return self.schedule.graph.input_shape

    @property
    def layer_names(self) -> tuple[str, ...]:
        """One per trace entry: the first pass of each visit notes its cycle."""
        return self.schedule.visit_names[:self.visits]

    @property
    def beat_bytes(self) -> int:
        return self.config.bus_bits // 8

    @property
    def burst_bytes(self) -> int:
        return self.beat_bytes * self.config.burst_beats

    @property
    def beats(self) -> int:
        """Bus beats of the stream."""
        return len(self.stream) // self.beat_bytes

    def digest(self) -> str:
        """SHA-256 over the configuration and the stream without an image, hexadecimal."""
        return hashlib.sha256(self.config.digest().encode() + self.stream).hexdigest()

    @property
    def output_bytes(self) -> int:
        """Bytes of the results of one image: whole bus beats."""
        return -(-self.results * 4 // self.beat_bytes) * self.beat_bytes

    def place_image(self, image: np.ndarray) -> list[tuple[int, bytes]]:
        """Where a uint8 (C, H, W) image goes in the stream: (byte offset, bytes)."""
        require(image.dtype == np.uint8 and image.shape == self.input_shape,
                f"Image must be uint8 of shape {self.input_shape}, not {image.dtype} of shape {image.shape}")
        packed = {region: region.pack(image, self.config) for region in self.schedule.placement.regions}
        return [(at, packed[load.region][load.first:load.first + load.count].tobytes())
                for at, load in zip(self.image_at, self.schedule.loads, strict=False)]  # a shorter program has fewer

    def fixed_parts(self) -> list[tuple[int, bytes]]:
        """What of the stream is the same for all images: (byte offset, bytes)."""
        word_bytes, parts, begin = self.config.word_bits // 8, [], 0
        for at, load in zip(self.image_at, self.schedule.loads, strict=False):
            parts.append((begin, self.stream[begin:at]))
            begin = at + load.count * word_bytes
        return [(at, part) for at, part in [*parts, (begin, self.stream[begin:])] if part]

    def with_image(self, image: np.ndarray) -> bytes:
        """The stream with ``image`` in it."""
        stream = bytearray(self.stream)
        for at, data in self.place_image(image):
            stream[at:at + len(data)] = data
        return bytes(stream)

    def unpack_logits(self, results: np.ndarray) -> np.ndarray:
        """int32 results (..., results) -> int64 logits (..., classes)."""
        return results[..., list(self.logit_positions)].astype(np.int64)

    def listing(self) -> str:
        """The program decoded from its bytes, one packet a line, for people."""
        isa, lines, at = Isa(self.config), [], 0
        size = self.config.word_bits // 8
        while at < len(self.stream):
            bits = int.from_bytes(self.stream[at:at + isa.instruction_words * size], "little")
            op = Opcode(bits & 3)
            fields = isa.instructions[op].decode(bits)
            shown = " ".join(f"{name}={value}" for name, value in fields.items() if value and name != "op")
            lines.append(f"{at // size:8}  {op.name:<5} {shown}".rstrip())
            at += isa.instruction_words * size
            if op is Opcode.PASS:
                per_pass = fields["load_weights"] * isa.weight_words + fields["load_columns"] * isa.column_words
                at += size * ((1 + fields["repeat"]) * per_pass + fields["load_rows"] * isa.row_words)
            else:  # what follows starts at the next beat
                at = -(-at // self.beat_bytes) * self.beat_bytes + fields.get("words", 0) * size
        return "\n".join(lines)
