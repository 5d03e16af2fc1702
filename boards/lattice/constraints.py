"""From a system's ports to a board's pins: what the system is told of them, and nextpnr's constraints (.lpf)."""

from collections.abc import Mapping

from codesign.board import Board
from codesign.errors import CodesignError, require
from codesign.rtl.system.top import Pins

from .settings import LatticeSettings

__all__ = ["board_pins", "constraints"]


def board_pins(board: Board, settings: LatticeSettings) -> Pins:
    """What the system's outermost module is to have of ``board``'s pins."""
    pins = settings.pins
    missing = [name for name in ("clock", "serial_rx", "serial_tx") if name not in pins]
    require(not missing, f"Board {board.name}: toolchain pins must place {', '.join(missing)}")
    if board.reference_clock_hz is None:
        raise CodesignError(f"Board {board.name} must give reference_clock_hz, of its pin clock")
    return Pins(reference_hz=board.reference_clock_hz, leds=len(pins["led"].site) if "led" in pins else 0,
                button="button" in pins,
                constants={name: (len(pin.site), pin.value) for name, pin in pins.items() if pin.value is not None})


def constraints(ports: Mapping[str, int], settings: LatticeSettings, reference_hz: int) -> str:
    """Where ``ports`` (name -> bits) are, how they are driven, and how fast the board's oscillator is.

    Raises :class:`CodesignError` where the board has fewer pins for a port, or none.
    """
    lines = []
    for name, bits in ports.items():
        pin = settings.pins.get(name)
        if pin is None or len(pin.site) < bits:
            raise CodesignError(f"Board's toolchain pins must have {bits} for {name}, not "
                                f"{len(pin.site) if pin else 0}")
        for bit, site in enumerate(pin.site[:bits]):
            port = f'"{name}[{bit}]"' if bits > 1 else f'"{name}"'
            drive = f" DRIVE={pin.drive}" if pin.drive is not None else ""
            lines += [f"LOCATE COMP {port} SITE \"{site}\";",
                      f"IOBUF PORT {port} IO_TYPE={pin.io_type} PULLMODE={pin.pull.upper()}{drive};"]
    lines.append(f'FREQUENCY PORT "clock" {reference_hz / 1e6:.6f} MHZ;')
    return "\n".join(lines) + "\n"
