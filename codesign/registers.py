"""The accelerator's AXI4-Lite register map: the one definition of every address, field and error code.

The RTL builds its register file from it, drivers read it, and :func:`c_header` prints it for firmware.
Registers are 32 bits wide, at byte addresses that are multiples of four; an address's two low bits are
ignored. Reading an unmapped or write-only address gives 0 and a slave error. Writing a read-only or unmapped
one, or anything but INTERRUPT while the accelerator is busy, gives a slave error and changes nothing.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from .accelerator import AcceleratorConfig

__all__ = ["ADDRESS_BITS", "COUNTERS", "ID", "REGISTERS", "RTL_MARKS", "TRACE_COUNTERS", "TRACE_ENTRIES",
           "TRACE_OFFSET", "TRACE_STRIDE_WORDS", "TRACE_WORDS", "VERSION", "WATCHDOG_CYCLES", "Access",
           "Error", "Field", "Register", "bus_word", "c_header", "counter_offset", "digest_words", "register", "table",
           "words_of"]

ID = 0x43444E31  # "CDN1"
VERSION = 3  # of this map; raised by every change that an old driver would trip over
ADDRESS_BITS = 40  # of memory addresses, in bytes
COUNTERS_OFFSET = 0x100
TRACE_OFFSET = 0x4000
TRACE_ENTRIES = 512  # layers, or bands of them
TRACE_STRIDE_WORDS = 8  # from one entry to the next

COUNTERS = {
    "cycles": "cycles from start to done",
    "active_cycles": "cycles in which a pixel entered the array",
    "stall_weights_cycles": "cycles in which no pass ran because its weights were still to come",
    "stall_control_cycles": "cycles in which no pass ran because other program words, or nothing, was still to come",
    "stall_fence_cycles": "cycles waiting for earlier results to reach the banks",
    "stall_output_cycles": "cycles in which a pixel waited for its results' way out",
    "load_cycles": "cycles in which no pass ran because an image was being loaded",
    "read_beats": "beats read from memory",
    "write_beats": "beats written to memory",
    "bank_reads": "words read from the activation banks",
    "bank_writes": "words of results written to the activation banks",
    "stream_words": "program words consumed",
}

# What a trace entry holds of the counters as they are in the cycle of a layer's first handover: their low 32 bits, in
# this order. What passes from one entry to the next is the layer's.
TRACE_COUNTERS = ("cycles", "active_cycles", "stall_weights_cycles", "load_cycles", "stall_fence_cycles",
                  "stall_output_cycles")
TRACE_WORDS = TRACE_ENTRIES * TRACE_STRIDE_WORDS
RTL_MARKS = 0x5F4C5452, 0x4B52414D  # what RTL_LO and RTL_HI hold until that digest is known
WATCHDOG_CYCLES = 1 << 20  # what drivers set WATCHDOG to: far more than any memory takes to answer


class Access(Enum):
    """What software may do with a register."""

    READ_ONLY = "ro"
    WRITE_ONLY = "wo"
    READ_WRITE = "rw"

    @property
    def readable(self) -> bool:
        return self is not Access.WRITE_ONLY


class Error(IntEnum):
    """Why a run ended early: the values of register ERROR."""

    NONE = 0
    READ_BUS = 1
    WRITE_BUS = 2
    ILLEGAL_INSTRUCTION = 3
    STREAM_END = 4
    WRITE_BOUNDS = 5
    WATCHDOG = 6


@dataclass(frozen=True, kw_only=True)
class Field:
    """``bits`` bits of a register, starting at ``low``."""

    name: str
    low: int = 0
    bits: int = 1
    description: str

    @property
    def mask(self) -> int:
        return ((1 << self.bits) - 1) << self.low


@dataclass(frozen=True, kw_only=True)
class Register:
    """32 bits at byte address ``offset``. ``config``: a run reads it, so it must not change during one."""

    name: str
    offset: int
    access: Access
    fields: tuple[Field, ...]
    description: str
    config: bool = False


def _pair(name: str, offset: int, access: Access, description: str, bits: int = 64, config: bool = False):
    """A value of up to 64 bits in two registers, low half first."""
    for suffix, half, half_bits in (("LO", 0, 32), ("HI", 1, bits - 32)):
        yield Register(name=f"{name}_{suffix}", offset=offset + 4 * half, access=access, config=config,
                       description=f"{description}: bits {32 * half + half_bits - 1}..{32 * half}",
                       fields=(Field(name="value", bits=half_bits, description=description),))


def _word(name: str, offset: int, access: Access, description: str, bits: int = 32, config: bool = False):
    return Register(name=name, offset=offset, access=access, description=description, config=config,
                    fields=(Field(name="value", bits=bits, description=description),))


_RO, _WO, _RW = Access.READ_ONLY, Access.WRITE_ONLY, Access.READ_WRITE

REGISTERS: tuple[Register, ...] = (
    _word("ID", 0x00, _RO, f"says that this is an accelerator of this kind: {ID:#010x}"),
    _word("VERSION", 0x04, _RO, f"version of the register map: {VERSION}"),
    *_pair("DIGEST", 0x08, _RO, "first 64 bits of the configuration's digest"),
    Register(name="CONTROL", offset=0x10, access=_WO, description="commands", fields=(
        Field(name="start", low=0, description="write 1: begin a run; a slave error while STATUS.outstanding"),)),
    Register(name="STATUS", offset=0x14, access=_RO, description="state of the run", fields=(
        Field(name="busy", low=0, description="a run is going on"),
        Field(name="done", low=1, description="a run has ended; cleared by start and through INTERRUPT"),
        Field(name="error", low=2, description="the last run ended in an error: see ERROR"),
        Field(name="outstanding", low=3, description="memory still owes answers: wait, or reset both"))),
    _word("ERROR", 0x18, _RO, "how the last run ended: " + ", ".join(
        f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Error), bits=8),
    Register(name="INTERRUPT", offset=0x1C, access=_RW, description="the interrupt line", fields=(
        Field(name="enable", low=0, description="raise the interrupt while pending"),
        Field(name="pending", low=1, description="reads as STATUS.done; write 1: clear it"))),
    *_pair("PROGRAM", 0x20, _RW, "address of the program, a multiple of the burst", ADDRESS_BITS, config=True),
    _word("BEATS", 0x28, _RW, "beats of the program, the image in it included", config=True),
    Register(name="BUS", offset=0x2C, access=_RO, description="the memory bus, for drivers to check addresses by",
             fields=(Field(name="beat_bytes", low=0, bits=16, description="bytes of a beat"),
                     Field(name="burst_beats", low=16, bits=16, description="beats of a burst"))),
    _word("TRACE_COUNT", 0x3C, _RO, "trace entries of the last run", bits=TRACE_ENTRIES.bit_length()),
    *_pair("RTL", 0x30, _RO, "first 64 bits of the digest of the Verilog that this was made from"),
    *_pair("OUTPUT", 0x40, _RW, "address of the results, a multiple of the beat", ADDRESS_BITS, config=True),
    _word("OUTPUT_BEATS", 0x48, _RW, "beats that results may take; one more ends the run", config=True),
    _word("WATCHDOG", 0x4C, _RW, "cycles in which nothing moves after which a run is ended; 0: never", config=True),
    *(half for index, (name, description) in enumerate(COUNTERS.items())
      for half in _pair(name.upper(), COUNTERS_OFFSET + 8 * index, _RO, f"{description} (read when not busy)")),
)

_BY_NAME = {r.name: r for r in REGISTERS}


def register(name: str) -> Register:
    """The register called ``name``; KeyError if there is none."""
    return _BY_NAME[name]


def counter_offset(name: str) -> int:
    """Byte address of the low half of counter ``name``; the high half is the next word."""
    return register(f"{name.upper()}_LO").offset


def digest_words(config: AcceleratorConfig) -> tuple[int, int]:
    """What DIGEST_LO and DIGEST_HI hold: the second and the first eight hexadecimal digits of the digest."""
    return words_of(config.digest())


def words_of(digest: str) -> tuple[int, int]:
    """The low and the high word of the first 64 bits of a hexadecimal ``digest``, as registers hold them."""
    return int(digest[8:16], 16), int(digest[:8], 16)


def bus_word(config: AcceleratorConfig) -> int:
    """What BUS holds."""
    return config.bus_bits // 8 | config.burst_beats << 16


def table() -> str:
    """The register map as text, one line per register and per named field."""
    lines = ["offset  access  name                      description"]
    for r in REGISTERS:
        lines.append(f"0x{r.offset:04x}  {r.access.value:<6}  {r.name:<24}  {r.description}")
        lines += [f"{'':16}  {f'[{f.low + f.bits - 1}:{f.low}] {f.name}':<22}  {f.description}"
                  for f in r.fields if f.name != "value"]
    lines.append(f"0x{TRACE_OFFSET:04x}  ro      {f'TRACE[{TRACE_WORDS}]':<24}  "
                 f"entries of {TRACE_STRIDE_WORDS} words, each: {', '.join(TRACE_COUNTERS)}")
    return "\n".join(lines)


def c_header() -> str:
    """The register map as C preprocessor definitions. Field masks are in place, not shifted down."""
    lines = ["/* AXI4-Lite registers of the accelerator. Printed by codesign.registers: do not edit. */",
             "#ifndef CODESIGN_REGISTERS_H", "#define CODESIGN_REGISTERS_H", "",
             f"#define CODESIGN_ID_VALUE 0x{ID:08X}u", f"#define CODESIGN_VERSION_VALUE {VERSION}u", ""]
    for r in REGISTERS:
        lines.append(f"#define CODESIGN_{r.name} 0x{r.offset:04X}u /* {r.access.value}: {r.description} */")
        lines += [f"#define CODESIGN_{r.name}_{f.name.upper()} 0x{f.mask:08X}u /* {f.description} */"
                  for f in r.fields if f.name != "value"]
    lines += [f"#define CODESIGN_TRACE 0x{TRACE_OFFSET:04X}u /* ro: first word */",
              f"#define CODESIGN_TRACE_ENTRIES {TRACE_ENTRIES}u",
              f"#define CODESIGN_TRACE_STRIDE_WORDS {TRACE_STRIDE_WORDS}u",
              f"#define CODESIGN_TRACE_ENTRY_WORDS {len(TRACE_COUNTERS)}u",
              *(f"#define CODESIGN_TRACE_{name.upper()} {i}u /* word of an entry */"
                for i, name in enumerate(TRACE_COUNTERS)), ""]
    lines += [f"#define CODESIGN_ERROR_{code.name} {code.value}u" for code in Error]
    return "\n".join([*lines, "", "#endif", ""])
