"""The Zynq boards' HAL in QEMU: accesses that fail, faults, time-outs; and every board's firmware builds."""

import shutil
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest

from codesign.accelerator import PRESETS
from codesign.boards.port import open_port
from codesign.errors import CodesignError
from codesign.registers import ID
from codesign.sim.virtual import LINE_BAUD, VirtualBoard
from codesign.sim.virtual_build import ZYNQ_BOARDS, build_zynq_firmware, require_qemu
from tests.firmware.probe import Probe

HERE = Path(__file__).parent
CODE, DATA, SHARED = 0x200000, 0x400000, 0x40000000  # firmware/zynqmp/start.S
DATA_ABORT, INSTRUCTION_ABORT = 0x25, 0x21  # exception classes (ARM DDI 0487, ESR_EL1)


@pytest.fixture(scope="module", autouse=True)
def compiler():
    try:
        build_zynq_firmware("zcu102")
    except CodesignError as e:
        pytest.skip(str(e))


@pytest.mark.parametrize("board", ZYNQ_BOARDS)
def test_firmware(board):
    """What start.S maps is what gets loaded: code from the entry on, data."""
    path = build_zynq_firmware(board)
    text = subprocess.run(["aarch64-linux-gnu-readelf", "-hlW", path], capture_output=True, text=True,
                          check=True).stdout
    loads = [line.split() for line in text.splitlines() if line.split()[:1] == ["LOAD"]]
    assert "AArch64" in text and f"Entry point address:               {CODE:#x}" in text
    assert [int(words[2], 16) // 0x200000 for words in loads] == [1, 2]  # 2 MiB each: code, data
    assert [words[6] for words in loads] == ["R", "RW"] and loads[0][7] == "E"
    assert board.encode() in path.read_bytes()


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    try:
        require_qemu()
    except CodesignError as e:
        pytest.skip(str(e))
    work, root = tmp_path_factory.mktemp("probe"), Path(str(resources.files("codesign.firmware")))
    shutil.copytree(root / "zynqmp", work / "zynqmp")
    for path in (*root.glob("*.h"), root / "Makefile", HERE / "probe.h", HERE / "zynqmp_probe.c"):
        shutil.copy(path, work)
    result = subprocess.run(["make", "-C", work, f"PYTHON={sys.executable}", "BUILD=build"], capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr
    with VirtualBoard(PRESETS["tiny"], firmware=work / "build" / "firmware.elf") as board:
        with open_port(board.port, LINE_BAUD) as port:
            port.timeout, text, tries = 0.5, b"", 0
            while not text.endswith(b"\n") or b"=" not in text:  # what comes before the UART is set up is lost
                assert tries < 20, text
                tries += 1
                port.write(b"r")
                text += port.read(len("= 0123456789abcdef\n"))
            time.sleep(0.5)
            port.reset_input_buffer()
            port.timeout = 0.01
            yield Probe(port)


def fault(probe, letter):
    """Count, address and exception class."""
    count, address, syndrome = probe.fault(letter)
    return count, address, syndrome >> 26


@pytest.mark.virtual
def test_accesses_that_fail_are_reported_and_no_fault(probe):
    assert probe.ask("r") == ID
    assert [probe.ask(letter) for letter in "uwo"] == [0, 0, 0]  # write-only, read-only, outside of the window
    assert probe.ask("r") == ID
    assert probe.ask("i") == 0  # nobody at that address of I2C


@pytest.mark.virtual
def test_copies(probe):
    assert probe.ask("m") == 0


@pytest.mark.virtual
def test_waiting_ends(probe):
    """50 ms for a byte, none for an interrupt then, 50 ms more for one."""
    assert 0.1 <= probe.ask("t") / probe.ask("h") < 2


@pytest.mark.virtual
def test_faults_are_counted_and_survived(probe):
    assert fault(probe, "n") == (1, 8, DATA_ABORT)
    count, address, kind = fault(probe, "c")
    assert (count, kind) == (2, DATA_ABORT) and CODE <= address < DATA
    assert fault(probe, "x") == (3, SHARED, INSTRUCTION_ABORT)
    count, address, kind = fault(probe, "s")
    assert (count, kind) == (4, DATA_ABORT) and CODE <= address < DATA  # below the stack
    assert probe.ask("r") == ID
