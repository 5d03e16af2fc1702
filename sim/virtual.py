"""The virtual board: a Zynq board's own firmware, in QEMU, in front of the simulated accelerator.

What it cannot show: missing cache maintenance, a UART's baud or overrun, clocks and resets of the fabric as a board's
first boot loader sets them, and time or power as a board has them. The accelerator's cycles are its own counters'.
"""

import os
import re
import select
import subprocess
import tempfile
import termios
import time
import tty
from contextlib import suppress
from pathlib import Path

from codesign.accelerator import AcceleratorConfig
from codesign.errors import CodesignError

from .build import build_simulator
from .virtual_build import build_bridge, build_zynq_firmware, require_qemu

__all__ = ["LINE_BAUD", "VirtualBoard"]

LINE_BAUD = 500_000  # which the line has none of, but about as fast it is

_START_S = 30.0  # until QEMU has a serial line
_MACHINE = ["-M", "xlnx-zcu102,secure=on,virtualization=on", "-m", "2G", "-display", "none", "-monitor", "none",
            "-audiodev", "none,id=none"]
_UART0, _UART1 = ["-serial", "pty"], ["-serial", "null", "-serial", "pty"]


class VirtualBoard:
    """QEMU running ``board``'s firmware with accelerator ``config`` as its programmable logic.

    ``port`` is the path of its serial line; ``firmware`` another ELF than the board's own. A context manager: QEMU
    ends with it, and with this process in any case. Raises :class:`CodesignError` if a tool is missing or QEMU does
    not start.
    """

    def __init__(self, config: AcceleratorConfig, *, board: str = "zcu102", firmware: Path | None = None):
        memory = config.memory
        plugin = {"simulator": build_simulator(config), "decibytes": memory.decibytes_per_cycle,
                  "latency": memory.latency_cycles, "board": board}
        arguments = ",".join(f"{name}={str(value).replace(',', ',,')}" for name, value in plugin.items())
        command = [require_qemu(), *_MACHINE, *(_UART0 if board == "zcu102" else _UART1), "-plugin",
                   f"{str(build_bridge()).replace(',', ',,')},{arguments}",
                   "-device", f"loader,file={str(firmware or build_zynq_firmware(board)).replace(',', ',,')},cpu-num=0"]
        self._errors = tempfile.TemporaryFile()
        self._held: int | None = None
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        try:
            self.port = self._find_port()
            self._held = os.open(self.port, os.O_RDWR | os.O_NOCTTY)  # hosts may come and go
            tty.setraw(self._held, termios.TCSANOW)
        except BaseException:
            self.close()
            raise

    def _find_port(self) -> str:
        assert self._process.stdout is not None
        output, end = b"", time.monotonic() + _START_S
        while time.monotonic() < end:
            if select.select([self._process.stdout], [], [], 0.1)[0]:
                data = os.read(self._process.stdout.fileno(), 4096)
                if not data:
                    break
                output += data
                if match := re.search(rb"redirected to (\S+)", output):
                    return match[1].decode()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines() or ["no message"]
        raise CodesignError(f"QEMU must start, not end before it has a serial line: {lines[-1][:300]}")

    def reset(self) -> None:
        """Press the board's reset button: the processor begins again, the fabric keeps its configuration."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"r")
        self._process.stdin.flush()

    def close(self) -> None:
        """End QEMU, and with it the line: as if the cable were pulled."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def __enter__(self) -> "VirtualBoard":
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()
