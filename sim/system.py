"""The complete system, simulated: all of its Verilog, driven at its pins, as the board behind a serial port."""

import ctypes
from functools import cache
from pathlib import Path

from codesign.errors import CodesignError, require
from codesign.rtl.system.config import SystemConfig

from .build import Variant, build_library
from .system_build import system_verilog

__all__ = ["HARNESS", "SimulatedSystem", "build_system"]

READ_S = 0.001  # of simulated time: a read waits no longer
HARNESS = Variant(harness=("system.cpp",))  # on a module with the system's ports


@cache
def build_system(config: SystemConfig, data: bytes = b"", rom: bytes | None = None) -> Path:
    """The shared library of the system's simulator (sim/system.cpp on its Verilog), built if not cached."""
    source = system_verilog(config, data=data, rom=rom)
    return build_library("systems", source.files, source.system, HARNESS)


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    pointer, u64, u32, text = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_char_p
    for name, result, arguments in (
            ("new", pointer, [u64]), ("free", None, [pointer]), ("reset", None, [pointer]), ("cycles", u64, [pointer]),
            ("leds", u32, [pointer]), ("broken", u64, [pointer]), ("send", None, [pointer, text, u64]),
            ("run", u64, [pointer, u64]), ("receive", u64, [pointer, text, u64])):
        function = getattr(library, f"system_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class SimulatedSystem:
    """A board with system ``config``, just switched on, and the serial port that it is at, in one.

    Time is the board's own, which goes on while somebody reads: as a port it is what :class:`codesign.boards.link.Link`
    wants, its clock included, so that nothing depends on how fast the simulation is. A context manager.

    data : what the data memory begins with; rom : another firmware than the board's
    library : a simulator of something else with the system's ports, built with :data:`HARNESS`
    """

    def __init__(self, config: SystemConfig, data: bytes = b"", rom: bytes | None = None, *,
                 library: Path | None = None):
        self.config = config
        self._abi = _load(library or build_system(config, data, rom))
        self._system = self._abi.system_new(config.bit_cycles)
        self.baudrate = config.clock_hz // config.bit_cycles

    def _running(self) -> int:
        if self._system is None:
            raise CodesignError("Simulated board must be switched on, not closed")
        return self._system

    @property
    def cycles(self) -> int:
        """Of the board's clock, so far."""
        return self._abi.system_cycles(self._running())

    @property
    def leds(self) -> int:
        return self._abi.system_leds(self._running())

    def monotonic(self) -> float:
        """Seconds since the board was switched on."""
        return self.cycles / self.config.clock_hz

    @property
    def in_waiting(self) -> int:
        return self._abi.system_run(self._running(), 0)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes that the board has sent; waits a while for the first of them."""
        self._abi.system_run(self._running(), round(READ_S * self.config.clock_hz))
        found = ctypes.create_string_buffer(size)
        count = self._abi.system_receive(self._running(), found, size)
        return found.raw[:count]

    def write(self, data: bytes) -> int:
        self._abi.system_send(self._running(), data, len(data))
        return len(data)

    def reset(self) -> None:
        """Press the board's button: all begins again, but for what is in memory."""
        self._abi.system_reset(self._running())

    def close(self) -> None:
        """End it. Raises :class:`CodesignError` where the board has sent what is no byte."""
        if self._system is not None:
            broken = self._abi.system_broken(self._system)
            self._abi.system_free(self._system)
            self._system = None
            require(broken == 0, f"Bytes from the simulated board must be framed, not {broken} broken")

    def __enter__(self) -> "SimulatedSystem":
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()
