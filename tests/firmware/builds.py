"""Builds of the portable firmware with the tests' own board."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from codesign.boards.host_board import firmware_sources

__all__ = ["FUZZED", "build", "write_sources"]

HERE = Path(__file__).parent
WARNINGS = ["-std=c11", "-g", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZED = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FUZZED = ("link.c", "commands.c", "accelerator.c", "measure.c", "power.c", "cobs.c")


def write_sources(work: Path) -> None:
    """The portable sources, the generated headers and the tests' board, in ``work``."""
    own = {path.name: path.read_text() for pattern in ("*.c", "*.h") for path in HERE.glob(pattern)}
    for name, text in (firmware_sources("host") | own).items():
        if "/" not in name:
            (work / name).write_text(text)


def portable(work: Path) -> list[str]:
    """Names of the portable sources in ``work``."""
    own = {path.name for path in HERE.glob("*.c")}
    return sorted(path.name for path in work.glob("*.c") if path.name not in own)


def build(work: Path, target: str, own: Sequence[str], *, compiler: str = "gcc", flags: Sequence[str] = (),
          plain: Sequence[str] = ()) -> Path:
    """Compile the portable sources and ``own`` with ``flags``, and ``plain`` without them; link all with ``flags``."""
    objects = []
    for name, used in [*((n, flags) for n in [*portable(work), *own]), *((n, ()) for n in plain)]:
        objects.append(f"{target}-{name}.o")
        call([compiler, *WARNINGS, "-O1", *used, "-I.", "-c", name, "-o", objects[-1]], work)
    linked = [flag for flag in flags if not flag.startswith("-fsanitize-coverage")]
    call([compiler, *linked, *objects, "-o", target], work)
    return work / target


def call(command: Sequence[str], work: Path) -> None:
    result = subprocess.run(command, cwd=work, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def build_seeded(work: Path) -> Path:
    """The fuzzer with its own driver, as gcc builds it."""
    return build(work, "seeded", ["fake_board.c", "fuzz.c"], flags=[*SANITIZED, "-fsanitize-coverage=trace-pc"],
                 plain=["seeded.c"])


def build_libfuzzer(work: Path, compiler: str) -> Path:
    """The fuzzer with libFuzzer, which only clang has."""
    return build(work, "libfuzzer", ["fake_board.c", "fuzz.c"], compiler=compiler,
                 flags=["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"])


def build_measured(work: Path) -> Path:
    """The fuzzer, to be run with given inputs, such that gcov can say what they reached."""
    return build(work, "measured", ["fake_board.c", "fuzz.c", "seeded.c"], flags=["--coverage"])


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_sources(folder)
    print(build_libfuzzer(folder, sys.argv[2]), build_seeded(folder), build_measured(folder), sep="\n")
