"""Every device behind one function."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from codesign.accelerator import AcceleratorConfig
from codesign.board import Board
from codesign.device import Device, ReferenceDevice, RunResult
from codesign.errors import CodesignError, require
from codesign.integer import IntegerNetwork
from codesign.program import Program

if TYPE_CHECKING:
    from .link import Port

__all__ = ["KINDS", "DeferredDevice", "open_device"]

KINDS = ("reference", "verilator", "host", "virtual", "system", "serial", "replay")
LINES = ("host", "virtual", "system", "serial")  # those whose sessions can be recorded


@contextmanager
def open_device(kind: str, config: AcceleratorConfig, *, integer: IntegerNetwork | None = None,
                port: str | None = None, baud: int = 115_200, power_sweeps: int = 0,
                record: str | os.PathLike | None = None, board: Board | None = None,
                data: bytes = b"") -> Iterator[Device]:
    """A device that runs programs of ``config``:

    reference : the integer reference of ``integer``; no cycles
    verilator : the accelerator's RTL, simulated
    host : the board's firmware as a program on this machine, in front of the simulated accelerator
    virtual : the ZCU102's firmware in QEMU, in front of the simulated accelerator
    system : all that an image for ``board`` has in it, simulated and driven at its pins; its memory begins with
        ``data``, if given
    serial : a board at ``port``
    replay : a board as it was when its session was recorded in the file ``port``

    What goes over the line is recorded in the file ``record``, if given, which replaces one that is there. Raises
    :class:`CodesignError` where the device cannot be had, or has another accelerator than ``config``.
    """
    require(kind in KINDS, f"Device must be one of {', '.join(KINDS)}, not {kind!r}")
    require(port is None or kind in ("serial", "replay"), f"Device {kind} must have no port, not {port!r}")
    require(record is None or kind in LINES, f"Device must be {' or '.join(LINES)} to be recorded, not {kind}")
    require(data == b"" or kind == "system", f"Device must be system to begin with data in its memory, not {kind}")
    if kind == "reference":
        if integer is None:
            raise CodesignError("Device reference must be given the network")
        yield ReferenceDevice(integer)
    elif kind == "verilator":
        from codesign.sim.verilated import VerilatorDevice

        yield VerilatorDevice(config)
    elif kind == "host":
        from .host_board import HostBoard

        with HostBoard(config) as host, _at(host.port, 4_000_000, config, power_sweeps, record) as device:
            yield device
    elif kind == "virtual":
        from codesign.sim.virtual import LINE_BAUD, VirtualBoard

        with VirtualBoard(config) as virtual, _at(virtual.port, LINE_BAUD, config, power_sweeps, record) as device:
            yield device
    elif kind == "system":
        from codesign.sim.system import SimulatedSystem
        from codesign.sim.system_build import system_of

        if board is None or board.serial is None:
            raise CodesignError("Device system must have a board with a serial line: --board ulx3s, say")
        with SimulatedSystem(system_of(config, board, baud=max(board.serial.bauds)), data) as system:
            with _on(system, f"simulated {board.name}", config, power_sweeps, record) as device:
                yield device
    elif kind == "serial":
        if port is None:
            raise CodesignError("Device serial must have a port: --port /dev/ttyUSB1, say")
        with _at(port, baud, config, power_sweeps, record) as device:
            yield device
    else:
        if port is None:
            raise CodesignError("Device replay must have a session's file: --port session.jsonl, say")
        from .link import Link
        from .replay import Replay
        from .serial_device import SerialDevice

        yield SerialDevice(Link(Replay(port), port), config, power_sweeps=power_sweeps)


@contextmanager
def _at(path: str, baud: int, config: AcceleratorConfig, power_sweeps: int,
        record: str | os.PathLike | None) -> Iterator[Device]:
    from .port import open_port

    with open_port(path, baud) as port, _on(port, path, config, power_sweeps, record) as device:
        yield device


@contextmanager
def _on(port: "Port", name: str, config: AcceleratorConfig, power_sweeps: int,
        record: str | os.PathLike | None) -> Iterator[Device]:
    from .link import Link
    from .recording import Recording
    from .serial_device import SerialDevice

    if record is None:
        yield SerialDevice(Link(port, name), config, power_sweeps=power_sweeps)
        return
    with Recording(port, record, {"accelerator": config.name, "digest": config.digest()}) as recorded:
        yield SerialDevice(Link(recorded, name), config, power_sweeps=power_sweeps)


class DeferredDevice:
    """A device that is opened for each run and closed after it, as :func:`open_device` does."""

    def __init__(self, config: AcceleratorConfig, kind: str, *, port: str | None = None, baud: int = 115_200,
                 power_sweeps: int = 0):
        self.config, self.kind = config, kind
        self.options = {"port": port, "baud": baud, "power_sweeps": power_sweeps}
        self.method = "measured" if kind == "serial" else "simulated"
        self.rtl: str | None = None

    def run(self, program: Program, images: np.ndarray,
            progress: Callable[[int], None] | None = None) -> RunResult:
        """As the device's own."""
        with open_device(self.kind, self.config, **self.options) as device:
            self.method, self.rtl = device.method, getattr(device, "rtl", None)
            return device.run(program, images, progress)
