"""The system as Verilog."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from codesign.errors import require

from ..emit import to_verilog
from .config import SystemConfig
from .core import MODULE
from .system import ACCELERATOR, GLOBAL_BUFFER, System
from .top import SYSTEM, Pins, Top

__all__ = ["SystemSource", "system_source"]

TOP = "top"
_GLOBAL_BUFFER = f"module {GLOBAL_BUFFER}(input i, output o);\n    {{}}\nendmodule\n"
_WIRE = _GLOBAL_BUFFER.format("assign o = i;")
_ECP5 = _GLOBAL_BUFFER.format("DCCA buffer(.CLKI(i), .CE(1'b1), .CLKO(o));")
ZERO_WORD = re.compile(r"^ +\S+\[\d+\] = \d+'h0+;\n", re.MULTILINE)  # of a memory's initial content


@dataclass(frozen=True, kw_only=True)
class SystemSource:
    """Verilog that makes a complete system.

    files : text by file name
    system : module below the clock: ports clk, rst, serial_rx, serial_tx, led, simulated. What a simulator takes
    top : module with the board's pins, None where none were given; its ports are called as they are in the board's file
    ports : of ``top``, their widths in bits
    """

    files: Mapping[str, str]
    system: str
    top: str | None
    ports: Mapping[str, int]


def system_source(config: SystemConfig, *, accelerator: str, core: str, rom: bytes, data: bytes = b"",
                  pins: Pins | None = None) -> SystemSource:
    """The system's Verilog; the same arguments give the same bytes.

    accelerator, core : Verilog of modules ``accelerator`` (with its digest) and ``picorv32``
    rom, data : the firmware, and what the data memory begins with
    pins : of the board that it is for; without, there is no ``top``, and none of the ECP5's own cells
    """
    require(len(rom) <= config.rom_bytes,
            f"Firmware must fit the ROM's {config.rom_bytes} bytes, not take {len(rom)}")
    require(len(data) <= config.memory_bytes,
            f"Program must fit the data memory's {config.memory_bytes} bytes, not take {len(data)}")
    # Block RAM begins as zeros where nothing else is said, which Yosys takes minutes to read word by word.
    files = {f"{SYSTEM}.v": ZERO_WORD.sub("", to_verilog(System(config, rom=rom, data=data), SYSTEM)),
             f"{ACCELERATOR}.v": accelerator, f"{MODULE}.v": core,
             f"{GLOBAL_BUFFER}.v": _WIRE if pins is None else _ECP5}
    ports: dict[str, int] = {}
    if pins is not None:
        top = Top(config, pins)
        files[f"{TOP}.v"] = to_verilog(top, TOP)
        ports = {name: member.shape if isinstance(member.shape, int) else 1
                 for name, member in top.signature.members.items()}
    return SystemSource(files=files, system=SYSTEM, top=TOP if pins is not None else None, ports=ports)
