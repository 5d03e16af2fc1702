"""The soft core's firmware: what it takes of its memories; and its HAL on the simulated system: accesses that fail,
faults, time-outs."""

import re
import shutil
import subprocess
import sys
import zlib
from importlib import resources
from pathlib import Path

import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.registers import ID
from codesign.rtl.system.config import SystemConfig
from codesign.sim.system import SimulatedSystem
from codesign.sim.system_build import build_soft_core_firmware
from tests.firmware.probe import Probe

ULX3S = load_board("ulx3s")
SYSTEM = SystemConfig(accelerator=ULX3S.place(PRESETS["tiny"]), board="ulx3s", baud=9_375_000, memory_bytes=4096)
ILLEGAL, MISALIGNED, UNMAPPED = 1 << 1, 1 << 2, 1 << 3  # PicoRV32's README, and codesign.rtl.system.memory_map
SHARED, ROM_END, RAM = 0x4000_0000, 0x4000, 0x1000_0000


@pytest.fixture(scope="module", autouse=True)
def compiler():
    try:
        build_soft_core_firmware(SYSTEM)
    except CodesignError as e:
        pytest.skip(str(e))


def make(work, *words, sources=None):
    root = Path(str(resources.files("codesign.firmware"))) if sources is None else sources
    return subprocess.run(["make", "-f", root / "ecp5" / "Makefile", f"PYTHON={sys.executable}", f"BUILD={work}",
                           *words], capture_output=True, text=True)


def test_it_fits_its_memories():
    assert len(build_soft_core_firmware(SYSTEM)) <= SYSTEM.rom_bytes - 2048


@pytest.mark.parametrize("size, message", [("ROM_BYTES=8192", "region `ROM' overflowed"),
                                           ("RAM_BYTES=4096", "region `RAM' overflowed")])
def test_what_does_not_fit_is_not_built(tmp_path, size, message):
    result = make(tmp_path, size)
    assert result.returncode != 0 and re.search(message, result.stderr)
    assert not (tmp_path / "firmware.bin").exists()


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    work, root = tmp_path_factory.mktemp("probe"), Path(str(resources.files("codesign.firmware")))
    shutil.copytree(root, work / "sources")
    (work / "sources" / "link.c").unlink()
    for name in ("probe.h", "ecp5_probe.c"):
        shutil.copy(Path(__file__).with_name(name), work / "sources")
    result = make(work / "build", sources=work / "sources")
    assert result.returncode == 0, result.stderr
    with SimulatedSystem(SYSTEM, rom=(work / "build" / "firmware.bin").read_bytes()) as system:
        probe = Probe(system)
        assert probe.line() == ["begin", *["0" * 16] * 3]
        yield probe


@pytest.mark.slow
def test_registers_and_what_is_refused(probe):
    assert probe.ask("r") == ID
    assert [probe.ask(letter) for letter in "uwoi"] == [0, 0, 0, 0]
    assert probe.ask("r") == ID


@pytest.mark.slow
def test_copies_checksum_and_time(probe):
    assert probe.ask("m") == 0
    assert probe.ask("k") == zlib.crc32(b"123456789")
    assert 40_000 <= probe.ask("t") < 45_000


@pytest.mark.slow
def test_faults_begin_the_main_loop_again(probe):
    """A write to the ROM, an access beyond the memory, a misaligned one, an illegal instruction, one from the data
    memory, and a stack that overflows."""
    assert probe.fault("n") == (1, 0, UNMAPPED)
    assert probe.fault("e") == (2, SHARED + SYSTEM.memory_bytes, UNMAPPED)
    count, address, cause = probe.fault("a")
    assert (count, cause) == (3, MISALIGNED) and 0 < address < ROM_END
    count, address, cause = probe.fault("l")
    assert (count, cause) == (4, ILLEGAL) and 0 < address < ROM_END
    count, address, cause = probe.fault("x")
    assert (count, address) == (5, SHARED) and cause & UNMAPPED
    count, address, cause = probe.fault("s")
    assert (count, cause) == (6, UNMAPPED) and RAM - 1024 < address < RAM
    assert probe.ask("r") == ID
