"""Every device behind one function."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from codesign.accelerator import AcceleratorConfig
from codesign.device import Device, ReferenceDevice, RunResult
from codesign.errors import CodesignError, require
from codesign.integer import IntegerNetwork
from codesign.program import Program

__all__ = ["KINDS", "DeferredDevice", "open_device"]

KINDS = ("reference", "verilator", "host", "virtual", "serial")


@contextmanager
def open_device(kind: str, config: AcceleratorConfig, *, integer: IntegerNetwork | None = None,
                port: str | None = None, baud: int = 115_200) -> Iterator[Device]:
    """A device that runs programs of ``config``:

    reference : the integer reference of ``integer``; no cycles
    verilator : the accelerator's RTL, simulated
    host : the board's firmware as a program on this machine, in front of the simulated accelerator
    virtual : the ZCU102's firmware in QEMU, in front of the simulated accelerator
    serial : a board at ``port``

    Raises :class:`CodesignError` where it cannot be had, or has another accelerator than ``config``.
    """
    require(kind in KINDS, f"Device must be one of {', '.join(KINDS)}, not {kind!r}")
    require(port is None or kind == "serial", f"Device {kind} must have no port, not {port!r}")
    if kind == "reference":
        if integer is None:
            raise CodesignError("Device reference must be given the network")
        yield ReferenceDevice(integer)
    elif kind == "verilator":
        from codesign.sim.verilated import VerilatorDevice

        yield VerilatorDevice(config)
    elif kind == "host":
        from .host_board import HostBoard

        with HostBoard(config) as board, _at(board.port, 4_000_000, config) as device:
            yield device
    elif kind == "virtual":
        from codesign.sim.virtual import LINE_BAUD, VirtualBoard

        with VirtualBoard(config) as virtual, _at(virtual.port, LINE_BAUD, config) as device:
            yield device
    else:
        if port is None:
            raise CodesignError("Device serial must have a port: --port /dev/ttyUSB1, say")
        with _at(port, baud, config) as device:
            yield device


@contextmanager
def _at(path: str, baud: int, config: AcceleratorConfig) -> Iterator[Device]:
    from .link import Link
    from .port import open_port
    from .serial_device import SerialDevice

    with open_port(path, baud) as port:
        yield SerialDevice(Link(port, path), config)


class DeferredDevice:
    """A device that is opened for each run and closed after it, as :func:`open_device` does."""

    def __init__(self, config: AcceleratorConfig, kind: str, *, port: str | None = None, baud: int = 115_200):
        self.config, self.kind, self.port, self.baud = config, kind, port, baud
        self.method = "measured" if kind == "serial" else "simulated"

    def run(self, program: Program, images: np.ndarray,
            progress: Callable[[int], None] | None = None) -> RunResult:
        """As the device's own."""
        with open_device(self.kind, self.config, port=self.port, baud=self.baud) as device:
            self.method = device.method
            return device.run(program, images, progress)
