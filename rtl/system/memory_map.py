"""What the soft core sees where: the one definition, for the RTL and, as C, for its firmware."""

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["ACCELERATOR_BYTES", "CAUSE_UNMAPPED", "REGISTERS", "Region", "Register", "c_header", "offset"]

ACCELERATOR_BYTES = 1 << 16  # of its registers' addresses
CAUSE_UNMAPPED = 3  # the core's interrupt of an access that nothing answers; 1 and 2 are its own: illegal, misaligned


class Region(IntEnum):
    """The four highest bits of an address."""

    ROM = 0x0
    RAM = 0x1
    MEMORY = 0x4  # the data memory; the accelerator's master sees it from address 0 on
    ACCELERATOR = 0x8  # its registers
    SYSTEM = 0xC  # those below

    @property
    def base(self) -> int:
        return self << 28


@dataclass(frozen=True)
class Register:
    """32 bits at a word address. fields : name -> mask; writable : whether writing it does something"""

    name: str
    writable: bool
    description: str
    fields: tuple[tuple[str, int], ...] = ()


REGISTERS = (
    Register("RECEIVE", False, "takes a byte that has come, if there is one", (("BYTE", 0xFF), ("VALID", 0x100))),
    Register("SEND", True, "gives a byte to the line; only while STATUS.room", ()),
    Register("STATUS", True, "what goes on; writing it clears refused", (
        ("ROOM", 1 << 0),  # for a byte to send
        ("INTERRUPT", 1 << 1),  # the accelerator's
        ("REFUSED", 1 << 2),  # it answered an access with an error
        ("SIMULATED", 1 << 3),  # says whoever drives the pin of that name
        ("EMBEDDED", 1 << 4))),  # the data memory began with a program
    Register("OVERRUNS", False, "bytes that came and found no room"),
    Register("TIME_LO", False, "clock cycles since power was on; holds TIME_HI as it was"),
    Register("TIME_HI", False, "the higher half, when TIME_LO was read"),
    Register("CRC", True, "the remainder of the CRC-32 so far, not inverted"),
    Register("CRC_DATA", True, "takes the bytes written, the lowest first"),
    Register("CONTROL", True, "resets the accelerator and its memory port; lights the first LED",
             (("RESET", 1 << 0), ("ALIVE", 1 << 1))),
    Register("FAULT_ADDRESS", False, "of the last access that nothing answered"),
    Register("CLOCK_HZ", False, "the clock"),
    Register("MEMORY_BYTES", False, "the data memory"),
    *(Register(f"BOARD_{i}", False, "of the board's name, characters from the lowest byte on") for i in range(4)),
)


def offset(name: str) -> int:
    """Byte address of the register within its region; KeyError if there is none."""
    return 4 * {register.name: i for i, register in enumerate(REGISTERS)}[name]


def c_header() -> str:
    """The memory map as C preprocessor definitions, which an assembler takes, too."""
    lines = ["/* Memory map of the system around the accelerator. Printed by codesign.rtl.system: do not edit. */",
             "#ifndef CODESIGN_SYSTEM_H", "#define CODESIGN_SYSTEM_H", ""]
    lines += [f"#define SYSTEM_{region.name}_BASE 0x{region.base:08X}" for region in Region]
    lines += [f"#define SYSTEM_ACCELERATOR_BYTES 0x{ACCELERATOR_BYTES:X}u",
              f"#define SYSTEM_CAUSE_UNMAPPED {CAUSE_UNMAPPED}", ""]
    for register in REGISTERS:
        access = "rw" if register.writable else "ro"
        lines.append(f"#define SYSTEM_{register.name} 0x{offset(register.name):02X} /* {access}: "
                     f"{register.description} */")
        lines += [f"#define SYSTEM_{register.name}_{name} 0x{mask:X}" for name, mask in register.fields]
    return "\n".join([*lines, "", "#endif", ""])
