"""The program format: the one definition of every field, from which the RTL decodes, the compiler encodes,
the listing prints and the C header is made.

A program is one linear stream of words (``config.word_bits`` each) that the accelerator reads in order. It is
made of packets: an instruction, followed by the blocks its flags announce, in this order:

====================  ======================================  ======================================
block                 words                                   content
====================  ======================================  ======================================
weights               rows / weight_rows                      one row of 4-bit weights (column 0 in the
                                                              lowest bits) of each of ``weight_rows`` parts of
                                                              the array, the topmost lowest, **last row first**
row descriptors       rows * 32 / word_bits                   one 32-bit entry a row: where it reads
column parameters     cols * 64 / word_bits                   one 64-bit entry a column: requantization
====================  ======================================  ======================================

Where ``repeat`` is not 0, so many more passes follow that differ in weights (and column parameters, if announced)
alone and have only these blocks: accumulators and results go on from where the pass before stopped.

``LOAD`` is followed by ``words`` words of image instead, which start at the next bus beat: 4-bit value i of a word
goes to bank rows - load_lanes + i, word k to address base + k. Widths derive from the configuration.
"""

import math
from dataclasses import dataclass
from enum import IntEnum

from .accelerator import INTERLEAVE_BITS, AcceleratorConfig
from .errors import require
from .integer import ADD_BITS, MUL_BITS

__all__ = ["COORD_BITS", "COLUMN_ENTRY_BITS", "Field", "Layout", "MAX_OFFSET", "Opcode",
           "REPEAT_BITS", "ROW_ENTRY_BITS", "SCALE_BITS", "SHIFT_BITS", "Isa"]

COORD_BITS = 10  # map width and height: at most 1023 pixels
SHIFT_BITS = 6
REPEAT_BITS = 7
SCALE_BITS = 3  # four planes of 4 bits, times two digits of a weight
SHIFT_OFFSET_BITS = 3
MAX_OFFSET = 3  # pixels a row may read away from the one that is visited
ROW_ENTRY_BITS = 32
COLUMN_ENTRY_BITS = 64


class Opcode(IntEnum):
    """What a packet does. 0 is illegal on purpose: memory that was never written must not run."""

    PASS = 1  # stream pixels of one chunk through one weight tile
    LOAD = 2  # write the image that follows in the stream into the banks
    END = 3  # finish: wait for all results to be written, then raise done


@dataclass(frozen=True)
class Field:
    """``width`` bits from bit ``offset`` of the packet; two's complement if ``signed``."""

    name: str
    width: int
    signed: bool
    offset: int
    doc: str

    def encode(self, value: int) -> int:
        low = -(1 << (self.width - 1)) if self.signed else 0
        high = (1 << (self.width - self.signed)) - 1
        require(low <= value <= high, f"Field {self.name} must be in {low}..{high} ({self.width} bits), not {value}")
        return (value & ((1 << self.width) - 1)) << self.offset

    def decode(self, bits: int) -> int:
        value = (bits >> self.offset) & ((1 << self.width) - 1)
        return value - (1 << self.width) if self.signed and value >> (self.width - 1) else value


class Layout:
    """Fields packed from bit 0 up, in the order given."""

    def __init__(self, name: str, fields: list[tuple[str, int, bool, str]]):
        self.name, self.fields, offset = name, {}, 0
        for field_name, width, signed, doc in fields:
            self.fields[field_name] = Field(field_name, width, signed, offset, doc)
            offset += width
        self.width = offset

    def encode(self, **values: int) -> int:
        """One integer holding all fields; those not given are 0."""
        unknown = set(values) - set(self.fields)
        require(not unknown, f"{self.name} field must be one of {', '.join(self.fields)}, not {sorted(unknown)}")
        return sum(self.fields[name].encode(int(value)) for name, value in values.items())

    def decode(self, bits: int) -> dict[str, int]:
        return {name: field.decode(bits) for name, field in self.fields.items()}


class Isa:
    """The layouts for one configuration.

    ``instructions`` : by opcode; ``row`` and ``column`` : entries of the two blocks.
    ``instruction_words``, ``weight_words``, ``row_words``, ``column_words`` : stream words each takes.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        addr, acc, pixel = config.addr_bits, config.acc_addr_bits, config.pixel_bits
        op = ("op", 2, False, "opcode")
        self.instructions = {
            Opcode.PASS: Layout("PASS", [
                op,
                ("repeat", REPEAT_BITS, False, "passes that follow without an instruction, see above"),
                ("mark", 1, False, "first pass of a layer: the trace notes the cycle"),
                ("load_weights", 1, False, "a weights block follows"),
                ("load_rows", 1, False, "a row descriptor block follows"),
                ("load_columns", 1, False, "a column parameter block follows"),
                ("fence", 1, False, "wait until everything before has been written to the banks"),
                ("first", 1, False, "accumulators start from zero"),
                ("last", 1, False, "sums go on to requantization"),
                ("raw", 1, False, "results leave as acc*mul + add, 32 bits, through the writer"),
                ("pool", 1, False, "2x2 windows, stride 2, running maximum"),
                ("sum", 1, False, "running sum over the map instead of one output a window"),
                ("sum_first", 1, False, "the sum starts with the first pixel of this pass"),
                ("sum_last", 1, False, "the sum is written after the last pixel of this pass"),
                ("out_planes", 2, False, "4-bit words per result, less one, columns_per_bank*out_stride apart"),
                ("out_wide", 1, False, "activations go up to 255 instead of 15"),
                ("planes", 2, False, "4-bit words per operand, less one"),
                ("scale", SCALE_BITS, False, "products count 16**scale; plane p counts 16**p more"),
                ("x_first", COORD_BITS + 1, True, "x of the first window's corner"),
                ("y_first", COORD_BITS + 1, True, "y of the first window's corner"),
                ("x_left", 1, True, "x where every row of windows starts: 0, or -1 with padding"),
                ("x_last", COORD_BITS + 1, True, "x of a row's last window's corner"),
                ("width", COORD_BITS, False, "map width, pixels"),
                ("height", COORD_BITS, False, "map height, pixels"),
                ("row_addr", pixel, False, "offset of (x_left, y_first) within a channel"),
                ("window_addr", pixel, False, "offset of (x_first, y_first) within a channel"),
                ("windows", pixel + 1, False, "windows in this pass"),
                ("plane_stride", addr, False, "words from one plane of an operand to the next"),
                ("acc_addr", acc, False, "accumulator of the first pixel"),
                ("out_addr", addr, False, "bank word of the first result"),
                ("out_stride", addr, False, "words of one plane of a channel: between columns that share a bank"),
                ("out_group", max(1, (config.bank_groups - 1).bit_length()), False, "set of banks written"),
            ]),
            Opcode.LOAD: Layout("LOAD", [
                op,
                ("base", addr, False, "bank word the first word goes to"),
                ("words", addr + 4, False, "stream words that follow, padding to a bus beat included"),
            ]),
            Opcode.END: Layout("END", [op]),
        }
        self.row = Layout("row descriptor", [
            ("addr", pixel, False, "added to the pixel's offset: the channel's base << interleave, plus the shift"),
            ("enable", 1, False, "0: the row feeds zeros"),
            ("dx", SHIFT_OFFSET_BITS, True, "pixels to the right of the one that is visited: zero outside the map"),
            ("dy", SHIFT_OFFSET_BITS, True, "pixels below it"),
            ("interleave", 2, False, "the channel lies in 2**interleave banks: this one has every so many'th pixel"),
            ("phase", INTERLEAVE_BITS, False, "low bits of the sum for which the pixel is in this bank"),
            ("wide", 1, False, "products count sixteenfold (wide rows only)"),
        ])
        self.column = Layout("column parameters", [
            ("add", ADD_BITS, True, "requantization offset"),
            ("mul", MUL_BITS, False, "requantization gain"),
            ("shift", SHIFT_BITS, False, "binary places dropped"),
            ("enable", 1, False, "0: the column writes nothing"),
        ])
        word = config.word_bits
        self.instruction_words = math.ceil(max(x.width for x in self.instructions.values()) / word)
        self.weight_words = config.rows // config.weight_rows
        self.row_words = math.ceil(config.rows * ROW_ENTRY_BITS / word)
        self.column_words = math.ceil(config.cols * COLUMN_ENTRY_BITS / word)

    def words(self, bits: int, count: int) -> list[int]:
        """Split an integer into ``count`` stream words, lowest first."""
        mask = (1 << self.config.word_bits) - 1
        return [(bits >> (i * self.config.word_bits)) & mask for i in range(count)]

    def entries(self, values: list[int], entry_bits: int, count: int) -> list[int]:
        """Pack block entries into ``count`` stream words, first entry lowest."""
        return self.words(sum(value << (i * entry_bits) for i, value in enumerate(values)), count)

    def describe(self) -> str:
        """The format as text, for people."""
        lines = [f"words of {self.config.word_bits} bits"]
        lines += [f"{words:>4} words: {what}" for what, words in (
            ("instruction", self.instruction_words), ("weights", self.weight_words),
            ("row descriptors", self.row_words), ("column parameters", self.column_words))]
        for layout in (*self.instructions.values(), self.row, self.column):
            lines.append(f"\n{layout.name} ({layout.width} bits)")
            for f in layout.fields.values():
                span = f"{f.offset + f.width - 1}:{f.offset}" if f.width > 1 else f"{f.offset}"
                lines.append(f"  {span:>9}  {f.name:<14} {'s' if f.signed else 'u'}{f.width:<3} {f.doc}")
        return "\n".join(lines)

    def c_header(self) -> str:
        """The format as C preprocessor constants."""
        lines = ["/* Program format. Generated; do not edit. */", "#ifndef CODESIGN_ISA_H", "#define CODESIGN_ISA_H",
                 "",
                 f"#define CODESIGN_WORD_BITS {self.config.word_bits}",
                 f"#define CODESIGN_INSTRUCTION_WORDS {self.instruction_words}",
                 f"#define CODESIGN_WEIGHT_WORDS {self.weight_words}",
                 f"#define CODESIGN_ROW_WORDS {self.row_words}",
                 f"#define CODESIGN_COLUMN_WORDS {self.column_words}"]
        lines += [f"#define CODESIGN_OP_{op.name} {op.value}" for op in Opcode]
        for layout in (*self.instructions.values(), self.row, self.column):
            prefix = "CODESIGN_" + layout.name.upper().replace(" ", "_")
            lines.append("")
            for f in layout.fields.values():
                name = f"{prefix}_{f.name.upper()}"
                lines.append(f"#define {name}_OFFSET {f.offset} /* {f.doc} */")
                lines.append(f"#define {name}_BITS {f.width}")
        return "\n".join([*lines, "", "#endif", ""])
