"""Builds what the virtual board is made of: a Zynq board's firmware, and QEMU's bridge to the simulated accelerator."""

import hashlib
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from codesign import protocol, registers
from codesign.directories import built_once, cache_directory
from codesign.errors import CodesignError, require

__all__ = ["DEFAULT_BAUD", "QEMU", "ZYNQ_BOARDS", "build_bridge", "build_zynq_firmware", "compiler_version", "key_of",
           "require_qemu", "run_tool"]

DEFAULT_BAUD = 115_200  # as in firmware/Makefile
ZYNQ_BOARDS = ("zcu102", "ultra96-v1", "ultra96-v2")
QEMU = "qemu-system-aarch64"
QEMU_VERSION = (7, 2)  # whose structures sim/bridge.c knows
_HOW = ("apt install qemu-system-arm on Debian 12 (its 7.2.22 is tested), or QEMU's sources of 7.2, configured with "
        "--target-list=aarch64-softmmu --enable-plugins, first on PATH; --device host needs no QEMU")
_CROSS_COMPILER = "aarch64-linux-gnu-gcc"
_BRIDGE = ("bridge.c", "bridge_i2c.c", "bridge_i2c.h", "bridge_qemu.h")
_SENSORS = ("host/sensor_model.c", "host/sensor_model.h", "sensors_boards.c", "sensors.h", "power.h")
_BRIDGE_FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fPIC", "-shared",
                 "-fvisibility=hidden"]


def require_qemu() -> str:
    """The path of a QEMU that the bridge knows. Raises :class:`CodesignError` if there is none."""
    path = shutil.which(QEMU)
    wanted = ".".join(map(str, QEMU_VERSION))
    if path is None:
        raise CodesignError(f"{QEMU} {wanted} must be installed for the virtual board: {_HOW}")
    text = subprocess.run([path, "--version"], capture_output=True, text=True, errors="replace").stdout
    found = re.search(r"version (\d+)\.(\d+)", text)
    require(found is not None and (int(found[1]), int(found[2])) == QEMU_VERSION,
            f"{QEMU} must be version {wanted} for the virtual board, not {text.split(chr(10))[0]!r}: {_HOW}")
    return path


def compiler_version(name: str, package: str) -> str:
    """What the compiler says of itself. Raises :class:`CodesignError` naming Debian's package if it is not here."""
    require(shutil.which(name) is not None, f"{name} must be installed to build the firmware: apt install {package}")
    return subprocess.run([name, "--version"], capture_output=True, text=True, errors="replace").stdout


def run_tool(command: list[str], directory: Path) -> None:
    """Raises :class:`CodesignError` with the first error where the command fails."""
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, errors="replace")
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if "rror" in line] or ["no message"]
        raise CodesignError(f"{Path(command[0]).name} must succeed, not fail: {lines[0][:300]}")


def key_of(*parts: str) -> str:
    """What tells these texts from others, in the cache."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def build_zynq_firmware(board: str, baud: int = DEFAULT_BAUD) -> Path:
    """The ELF of ``board``'s firmware (see ``firmware/Makefile``) for a line of ``baud`` bits/s, built if not cached.

    Raises :class:`CodesignError` if a tool is missing or fails.
    """
    require(board in ZYNQ_BOARDS, f"Board must be {' or '.join(ZYNQ_BOARDS)}, not {board!r}")
    version = compiler_version(_CROSS_COMPILER, "gcc-aarch64-linux-gnu")
    compiler_version("make", "make")
    root = Path(str(resources.files("codesign.firmware")))
    sources = [*root.glob("*.[ch]"), *(root / "zynqmp").iterdir(), root / "Makefile"]
    texts = {str(path.relative_to(root)): path.read_text() for path in sorted(sources)}
    headers = {"protocol.h": protocol.c_header(), "registers.h": registers.c_header()}
    key = key_of(board, str(baud), version, *(part for item in (texts | headers).items() for part in item))
    target = cache_directory() / "firmware" / key

    def build(work: Path) -> None:
        built = work / "build"  # named from within: make takes a space in a path for its end
        built.mkdir()
        for name, text in headers.items():
            (built / name).write_text(text)
        run_tool(["make", "-f", str(root / "Makefile"), f"BOARD={board}", f"BAUD={baud}", f"BUILD={built.name}",
                  f"PYTHON={sys.executable}"], work)
        (built / "firmware.elf").rename(work / "firmware.elf")
        shutil.rmtree(built)

    return built_once(target, build) / "firmware.elf"


def build_bridge() -> Path:
    """The plugin (``sim/bridge.c``) that gives QEMU's ZCU102 its programmable logic, built if not cached."""
    version = compiler_version("gcc", "gcc")
    texts = {name: resources.files(__package__).joinpath(name).read_text() for name in _BRIDGE}
    texts |= {name: resources.files("codesign.firmware").joinpath(name).read_text() for name in _SENSORS}
    texts["registers.h"] = registers.c_header()
    texts["protocol.h"] = protocol.c_header()
    key = key_of(version, *_BRIDGE_FLAGS, *(part for item in texts.items() for part in item))
    target = cache_directory() / "bridges" / key

    def build(work: Path) -> None:
        for name, text in texts.items():
            (work / name).parent.mkdir(exist_ok=True)
            (work / name).write_text(text)
        run_tool(["gcc", *_BRIDGE_FLAGS, "-I.", "-o", "bridge.so", *(name for name in texts if name.endswith(".c")),
              "-ldl", "-lpthread"], work)

    return built_once(target, build) / "bridge.so"
