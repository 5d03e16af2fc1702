"""The open FPGA tools (Yosys, nextpnr-ecp5, ecppack): which ones are here, and one of them run to its end."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from codesign.errors import CodesignError

from .yowasp import WHEELS, yowasp_command

__all__ = ["OpenTool", "find_open_tool", "run_tool"]


_LEAST_ECPPACK = (1, 2)  # on PATH, where it counts by itself


@dataclass(frozen=True, kw_only=True)
class OpenTool:
    """``command``: its first words; ``version``: as it says itself."""

    name: str
    command: tuple[str, ...]
    version: str


def _pair(text: str) -> tuple[int, int] | None:
    match = re.search(r"(?<![\w.])(?:nextpnr-)?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def _on_path(name: str, search_path: str | None) -> OpenTool | None:
    path = shutil.which(name, path=search_path)
    if path is None:
        return None
    try:
        result = subprocess.run([path, WHEELS[name].version_option], capture_output=True, text=True,
                                errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line for line in (result.stdout + result.stderr).splitlines() if _pair(line)]
    return OpenTool(name=name, command=(path,), version=" ".join(lines[0].split())) if lines else None


def _of_wheel(name: str) -> OpenTool | None:
    package = WHEELS[name].package
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
    return OpenTool(name=name, command=yowasp_command(name), version=f"{package} {version}")


def find_open_tool(name: str, env: Mapping[str, str] | None = None) -> OpenTool:
    """The tool on PATH if it is new enough, which usually is quicker, else the package index's.

    Raises :class:`CodesignError` that says what to install if there is none, or none that is new enough.
    """
    wheel = WHEELS[name]
    least = {"on PATH": _LEAST_ECPPACK if name == "ecppack" else wheel.least, "wheel": wheel.least}
    there = {"on PATH": _on_path(name, (os.environ if env is None else env).get("PATH", os.defpath)),
             "wheel": _of_wheel(name)}
    for where, tool in there.items():
        if tool and (_pair(tool.version) or (0, 0)) >= least[where]:
            return tool
    old = next((tool.version for tool in there.values() if tool), None)
    text = ".".join(map(str, wheel.least))
    if old is None:
        raise CodesignError(f"{name} must be installed, {text} or newer: pip install {wheel.package}")
    raise CodesignError(f"{name} must be version {text} or newer, not {old!r}: pip install -U {wheel.package}")


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a killed build leaves no tool behind


def run_tool(tool: OpenTool, words: list[str], directory: Path, log: Path,
             tick: Callable[[], None] = lambda: None) -> float:
    """Run ``tool`` in ``directory``, what it says into ``log``; returns the seconds it took.

    ``tick`` is called about once a second. Raises :class:`CodesignError` with the tool's own first error, if it fails.
    """
    started = time.monotonic()
    with open(log, "w") as said:
        process = subprocess.Popen([*tool.command, *words], cwd=directory, stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=subprocess.STDOUT, preexec_fn=_end_with_parent)
        try:
            while True:
                try:
                    status = process.wait(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    tick()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if status:
        lines = log.read_text(errors="replace").splitlines()
        errors = [line for line in lines if re.search(r"\bERROR\b|\berror:", line)] or \
                 [line for line in lines if line.strip()][-1:] or [f"exit status {status}"]
        raise CodesignError(f"{tool.name} must succeed, not fail: {' '.join(errors[0].split())[:300]}")
    return time.monotonic() - started
