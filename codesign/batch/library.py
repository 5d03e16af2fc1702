"""Compiles the C++ of the cost model, once per content, and loads it."""

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
from importlib import resources
from pathlib import Path

from ..directories import built_once, cache_directory
from ..errors import CodesignError
from .layout import fields_header

__all__ = ["find_compiler", "load_library"]

_FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared"]
_MAIN, _LIBRARY = "predict.cpp", "cost_model.so"


def find_compiler() -> str | None:
    """``$CXX``, g++ or clang++, whichever is there first."""
    return next(filter(None, map(shutil.which, (os.environ.get("CXX") or "g++", "g++", "clang++"))), None)


def _build(compiler: str) -> Path:
    sources = {f.name: f.read_text() for f in resources.files(__package__).iterdir() if f.name.endswith("pp")}
    sources["fields.hpp"] = fields_header()
    content = [compiler, *_FLAGS, *(text for _, text in sorted(sources.items()))]
    target = cache_directory() / "cost-models" / hashlib.sha256("\0".join(content).encode()).hexdigest()[:32]

    def build(work: Path) -> None:
        for name, text in sources.items():
            (work / name).write_text(text)
        result = subprocess.run([compiler, *_FLAGS, _MAIN, "-o", _LIBRARY], cwd=work, capture_output=True,
                                text=True, errors="replace")
        if result.returncode:
            lines = [line for line in result.stderr.splitlines() if "error" in line] or ["no message"]
            raise CodesignError(f"{Path(compiler).name} must compile the cost model, not fail: {lines[0][:300]}")

    return built_once(target, build) / _LIBRARY


@functools.cache
def load_library() -> ctypes.CDLL | None:
    """The compiled cost model; None where there is no C++ compiler."""
    compiler = find_compiler()
    if compiler is None:
        return None
    library = ctypes.CDLL(str(_build(compiler)))
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    library.codesign_predict.argtypes = [pointer, integer, pointer, pointer, integer, pointer, pointer]
    library.codesign_predict.restype = None
    return library
