"""Serial ports."""

import serial
from serial.tools import list_ports

from codesign.errors import CodesignError

__all__ = ["open_port", "port_serial"]

READ_S = 0.01  # a read waits no longer, so that what is due goes out in time
WRITE_S = 15.0  # nor does a write, where nobody takes the bytes any more


def open_port(path: str, baud: int = 115_200) -> serial.Serial:
    """The serial port ``path``, for us alone. Raises :class:`CodesignError` naming the ports that there are."""
    try:
        return serial.Serial(path, baud, timeout=READ_S, write_timeout=WRITE_S, exclusive=True)
    except (OSError, ValueError) as e:  # pyserial's own error is an OSError
        there = ", ".join(port.device for port in list_ports.comports()) or "none"
        raise CodesignError(f"Serial port must be one that can be opened (there: {there}), not {path!r}: "
                            f"{getattr(e, 'strerror', None) or e}") from None


def port_serial(path: str) -> str:
    """What tells the board at ``path`` from others: the serial number of its USB bridge, else the path."""
    found = next((p.serial_number for p in list_ports.comports() if p.device == path), None)
    return found or path
