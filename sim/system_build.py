"""A board's complete system: its firmware, its Verilog, and a simulator of it."""

import shutil
import sys
from importlib import metadata, resources, util
from pathlib import Path

from codesign import protocol, registers
from codesign.accelerator import AcceleratorConfig
from codesign.board import Board
from codesign.directories import built_once, cache_directory
from codesign.errors import CodesignError, require
from codesign.rtl.system import memory_map
from codesign.rtl.system.config import SystemConfig
from codesign.rtl.system.emit import SystemSource, system_source
from codesign.rtl.system.top import Pins

from .build import accelerator_verilog
from .virtual_build import compiler_version, key_of, run_tool

__all__ = ["SOFT_CORE", "build_soft_core_firmware", "soft_core_version", "system_of", "system_verilog"]

SOFT_CORE = "pythondata-cpu-picorv32"
_COMPILER = "riscv64-unknown-elf-gcc"
_PACKAGE = "gcc-riscv64-unknown-elf"
_REGISTERS = "reg [31:0] cpuregs [0:regfile_size-1];"


def system_of(config: AcceleratorConfig, board: Board, *, baud: int | None = None) -> SystemConfig:
    """The system with accelerator ``config`` (placed on ``board``: its clock and memory timing) and the board's memory;
    the serial line has its first rate unless ``baud`` is given.

    Raises :class:`CodesignError` where the board file does not say enough, or ``config`` has another memory's timing.
    """
    if board.memory_kind != "on-chip" or board.memory_bytes is None or board.serial is None:
        raise CodesignError(f"Board {board.name} must give the bytes of its on-chip memory, and its serial line, to "
                            "have a system around a soft core")
    require(config.memory == board.memory, f"Accelerator memory must be {board.name}'s, {board.memory}, "
                                           f"not {config.memory}")
    return SystemConfig(accelerator=config, board=board.firmware or board.name,
                        baud=baud or board.serial.bauds[0], memory_bytes=board.memory_bytes)


def build_soft_core_firmware(config: SystemConfig) -> bytes:
    """The ROM's content (see ``firmware/ecp5/Makefile``), built if not cached: the same for all boards and clocks.

    Raises :class:`CodesignError` if a tool is missing or fails, or the firmware does not fit the memories.
    """
    version = compiler_version(_COMPILER, _PACKAGE)
    compiler_version("make", "make")
    root = Path(str(resources.files("codesign.firmware")))
    sources = [*root.glob("*.[ch]"), *(root / "ecp5").iterdir()]
    texts = {str(path.relative_to(root)): path.read_text() for path in sorted(sources)}
    headers = {"protocol.h": protocol.c_header(), "registers.h": registers.c_header(),
               "system.h": memory_map.c_header()}
    sizes = [f"ROM_BYTES={config.rom_bytes}", f"RAM_BYTES={config.ram_bytes}"]
    key = key_of(version, *sizes, *(part for item in (texts | headers).items() for part in item))
    target = cache_directory() / "firmware" / key

    def build(work: Path) -> None:
        built = work / "build"  # named from within: make takes a space in a path for its end
        run_tool(["make", "-f", str(root / "ecp5" / "Makefile"), f"BUILD={built.name}", f"PYTHON={sys.executable}",
                  *sizes], work)
        (built / "firmware.bin").rename(work / "firmware.bin")
        shutil.rmtree(built)

    return (built_once(target, build) / "firmware.bin").read_bytes()


def _soft_core_verilog() -> str:
    """PicoRV32, from its Python package. Its registers are made of look-up tables: block RAM, which Yosys would choose,
    is slow to give what is in it, just before the core's longest paths."""
    spec = util.find_spec(SOFT_CORE.replace("-", "_"))
    require(spec is not None and spec.origin is not None,
            f"{SOFT_CORE} must be installed for the soft core: pip install {SOFT_CORE}")
    assert spec is not None and spec.origin is not None
    verilog = (Path(spec.origin).parent / "verilog" / "picorv32.v").read_text()
    require(verilog.count(_REGISTERS) == 1, f"{SOFT_CORE} must declare its registers as {_REGISTERS!r}")
    return verilog.replace(_REGISTERS, f'(* ram_style = "distributed" *) {_REGISTERS}')


def system_verilog(config: SystemConfig, *, data: bytes = b"", pins: Pins | None = None,
                   rom: bytes | None = None) -> SystemSource:
    """All Verilog of the system, with the board's ``top`` where its ``pins`` are given; the same input gives the same
    bytes.

    data : what the data memory begins with: a program, for an image that needs no more than images
    rom : another firmware than the board's
    """
    return system_source(config, accelerator=accelerator_verilog(config.accelerator), core=_soft_core_verilog(),
                         rom=build_soft_core_firmware(config) if rom is None else rom, data=data, pins=pins)


def soft_core_version() -> str:
    """Of PicoRV32's package."""
    return metadata.version(SOFT_CORE)
