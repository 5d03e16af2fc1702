"""The board's firmware as a program on this machine, in front of the simulated accelerator."""

import hashlib
import os
import signal
import subprocess
from importlib import resources
from pathlib import Path

from codesign import protocol, registers
from codesign.accelerator import AcceleratorConfig
from codesign.directories import built_once, cache_directory
from codesign.errors import CodesignError
from codesign.sim.build import build_simulator

__all__ = ["HostBoard", "build_host_firmware"]

_FLAGS = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
MEMORY_BYTES = 64 << 20


def firmware_sources(folder: str) -> dict[str, str]:
    """Text of the portable sources, those of ``folder`` and the generated headers, by path."""
    root = resources.files("codesign.firmware")
    found = {f.name: f.read_text() for f in root.iterdir() if f.name.endswith((".c", ".h")) and f.name != "main.c"}
    found |= {f"{folder}/{f.name}": f.read_text() for f in root.joinpath(folder).iterdir()
              if f.name.endswith((".c", ".h"))}
    return found | {"protocol.h": protocol.c_header(), "registers.h": registers.c_header()}


def build_host_firmware(sanitize: bool = False) -> Path:
    """The program, built if not cached; with ``sanitize`` it stops at undefined behaviour and illegal accesses."""
    sources = firmware_sources("host")
    flags = [*_FLAGS, *(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if sanitize else [])]
    key = hashlib.sha256("\0".join([*flags, *(f"{k}\0{v}" for k, v in sorted(sources.items()))]).encode()).hexdigest()
    target = cache_directory() / "firmware" / key[:32]

    def build(work: Path) -> None:
        for name, text in sources.items():
            (work / name).parent.mkdir(exist_ok=True)
            (work / name).write_text(text)
        result = subprocess.run(["gcc", *flags, "-I.", *(n for n in sources if n.endswith(".c")), "-ldl", "-o",
                                 "firmware-host"], cwd=work, capture_output=True, text=True, errors="replace")
        if result.returncode:
            lines = [line for line in result.stderr.splitlines() if "error" in line] or ["no message"]
            raise CodesignError(f"gcc must compile the firmware, not fail: {lines[0][:300]}")

    return built_once(target, build) / "firmware-host"


class HostBoard:
    """A process that is the board with accelerator ``config``; ``port`` is the path of its serial line.

    A context manager; the process ends with it.
    """

    def __init__(self, config: AcceleratorConfig, *, memory_bytes: int = MEMORY_BYTES, sanitize: bool = False):
        memory = config.memory
        self._process = subprocess.Popen(
            [build_host_firmware(sanitize), build_simulator(config), str(memory_bytes),
             str(memory.decibytes_per_cycle), str(memory.latency_cycles)], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = self._process.stdout.readline().strip()
        if not self.port:
            self.close()
            raise CodesignError("Host firmware must start, not end before it has a serial line")

    def pause(self) -> None:
        """Stop answering, as a board does that hangs."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """End the process, and with it the line: as if the cable were pulled."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> "HostBoard":
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()
