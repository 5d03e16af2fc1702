"""The power sensors' drivers, to be asked over pipes; the portable firmware as a library, with the tests' board."""

import subprocess
from importlib import resources
from pathlib import Path

import pytest

from codesign.protocol import c_header
from tests.firmware.builds import write_sources
from tests.firmware.i2c_devices import Bus
from tests.firmware.simulated_line import build_library

SOURCES = ("power.c", "sensors_boards.c", "sensors_ina226.c", "sensors_mux.c", "sensors_pmbus.c")


@pytest.fixture(scope="session")
def power_program(tmp_path_factory):
    """The power sensors' drivers as a program, with sanitizers."""
    work, firmware = tmp_path_factory.mktemp("power"), resources.files("codesign.firmware")
    (work / "protocol.h").write_text(c_header())
    result = subprocess.run(
        ["gcc", "-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", f"-I{work}", f"-I{firmware}", Path(__file__).with_name("power_bench.c"),
         *(firmware.joinpath(name) for name in SOURCES), "-o", work / "bench"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return work / "bench"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The portable firmware as a library."""
    work = tmp_path_factory.mktemp("library")
    write_sources(work)
    return build_library(work)


class Bench:
    """The drivers with ``bus`` on its I2C."""

    def __init__(self, program):
        self.bus = Bus({})
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command: str) -> str:
        self._say(command)
        while True:
            line = self.process.stdout.readline()
            assert line, "the program must go on"
            kind, _, rest = line.rstrip("\n").partition(" ")
            if kind == "=":
                return rest
            device, out, count = rest.split(" ")
            answer = self.bus.transfer(int(device), bytes.fromhex(out), int(count))
            self._say("!" if answer is None else answer.hex())

    def _say(self, text: str) -> None:
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def begin(self) -> int:
        return int(self.ask("s"))

    def sample(self, rail: int) -> tuple[int, int, int]:
        return tuple(map(int, self.ask(f"p {rail}").split()))


@pytest.fixture
def bench(power_program):
    made = Bench(power_program)
    yield made
    made.process.communicate(timeout=10)
    assert made.process.returncode == 0
