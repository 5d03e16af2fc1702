"""Writes a Vivado project: what is told here once, the files beside it say again to Vivado, make and people."""

import json
import re
from importlib import resources

from codesign.accelerator import AcceleratorConfig
from codesign.board import Board
from codesign.errors import require
from codesign.sim.virtual_build import DEFAULT_BAUD, build_zynq_firmware

from .hdl import TOP, masters, templates, verilog_files
from .settings import PORT_BITS, VivadoSettings

__all__ = ["UNVERIFIED", "firmware_constant", "project_files"]

UNVERIFIED = ("Written, not run: Vivado has not read, placed, routed or timed this, and no board has run it. The clock "
              "is unverified until make has met it.")
_COPIED = ("build.tcl", "system.tcl", "reports.tcl", "board_files.tcl", "fabric.tcl", "constraints.xdc", "boot.bif",
           "boot.tcl", "jtag.tcl", "check_reports.py")
_RENDERED = ("settings.tcl", "fabric.xdc", "Makefile", "README.md")
_FREE = ("xczu2", "xczu3", "xczu4", "xczu5", "xczu7")  # AMD UG973: what needs no license


def firmware_constant(name: str) -> int:
    """``name`` as firmware/zynqmp/board.h defines it."""
    text = resources.files("codesign.firmware").joinpath("zynqmp", "board.h").read_text()
    found = re.search(rf"^#define {name} (0x[0-9A-Fa-f]+|\d+)u\b", text, re.M)
    require(found is not None, f"firmware/zynqmp/board.h must define {name}")
    return int(found[1], 0)


def project_files(config: AcceleratorConfig, board: Board, *, baud: int | None = None) -> dict[str, bytes]:
    """By name, the files of the project of ``config`` on ``board``, its firmware for a serial line of ``baud`` bits/s
    (None: the board's first).

    Raises :class:`CodesignError` where the board cannot clock or feed the accelerator, or a tool is missing.
    """
    settings = VivadoSettings.of(board)
    ports = settings.ports_of(config)
    rate = baud or (board.serial.bauds[0] if board.serial else DEFAULT_BAUD)
    firmware = build_zynq_firmware(settings.firmware, rate).read_bytes()
    verilog = verilog_files(config, ports)
    values = _values(config, board, settings, ports, tuple(verilog))
    expected = {"board": board.name, "part": board.part, "clock_mhz": config.clock_hz / 1e6, "state": UNVERIFIED,
                "limits": {"luts": board.luts, "ffs": board.ffs, "bram36": board.bram18 // 2, "dsps": board.dsps}}
    return {**{name: text.encode() for name, text in verilog.items()}, "firmware.elf": firmware,
            **{name: resources.files(__package__).joinpath("files", name).read_bytes() for name in _COPIED},
            **{name: templates().get_template(f"{name}.j2").render(values).encode() for name in _RENDERED},
            "build.json": (json.dumps(expected, indent=1, allow_nan=False) + "\n").encode()}


def _values(config: AcceleratorConfig, board: Board, settings: VivadoSettings, ports: int,
            sources: tuple[str, ...]) -> dict:
    """What the templates say."""
    width = min(config.bus_bits, PORT_BITS)
    return {
        "board": board.name, "part": settings.part, "board_parts": settings.board_parts,
        "accelerator": config.name, "rows": config.rows, "cols": config.cols,
        "clock_mhz": f"{config.clock_hz / 1e6:.6f}".rstrip("0").rstrip("."),
        "period_ns": f"{1e9 / config.clock_hz:.3f}", "sources": sources, "top": TOP, "masters": masters(ports),
        "port_bits": width, "peripherals": settings.peripherals, "firmware": settings.firmware,
        "registers_base": f"0x{firmware_constant('FABRIC'):08X}",
        "registers_bytes": f"0x{firmware_constant('FABRIC_BYTES'):X}",
        "interrupt": firmware_constant("FABRIC_INTERRUPT"), "unverified": UNVERIFIED,
        "memory": " and ".join(f"S_AXI_HP{i}_FPD" for i in range(ports)) + f", {width} bits"
                  + (f" each; a bus of {config.bus_bits} bits reads by all of them (memory_ports.v)"
                     if config.bus_bits > width else ""),
        "serial": board.serial.port if board.serial else "-", "free": settings.part.startswith(_FREE),
    }
