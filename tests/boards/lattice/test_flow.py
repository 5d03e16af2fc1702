import dataclasses
import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from amaranth.back import verilog

from codesign.accelerator import PRESETS, Memory
from codesign.board import load_board
from codesign.boards.lattice import flow
from codesign.boards.lattice.flow import TimingError, implement, synthesize
from codesign.directories import cache_directory
from codesign.errors import CodesignError
from codesign.rtl.system.config import SystemConfig
from codesign.rtl.system.emit import SystemSource
from codesign.rtl.system.memory import DataMemory

from . import fake_tools
from .blink import BLINK

ULX3S, HZ = load_board("ulx3s"), 75_000_000
OTHER_PINS = {**ULX3S.toolchain, "pins": {**ULX3S.toolchain["pins"], "button": {"site": "T1"}}}


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "cache"))


def kept():
    """What steps have left for good."""
    return sorted(p.name.rsplit("-", 1)[0] for p in (cache_directory() / "images").glob("[!.]*") if p.is_dir())


def test_an_image_by_the_real_tools(monkeypatch, tmp_path):
    """Twice, elsewhere: the same bytes, which say nothing of the time, the place or who made them."""
    image = implement(BLINK, ULX3S, clock_hz=HZ)
    assert image.bit[2:].startswith(b"Part: LFE5U-85F-6CABGA381\0") and image.svf.startswith(b"HDR")
    assert image.placement.is_met and image.placement.worst.name == "clk"
    assert (image.seed, image.missed) == (1, {}) and image.placement.cells["MULT18"][0] == 1
    assert image.resources.lut <= image.placement.cells["LUT4"][0] <= image.resources.lut + 10
    assert set(image.seconds) == set(image.tools) == {"synthesis", "place and route", "packing"}
    assert all(seconds > 0 for seconds in image.seconds.values()) and "Program finished normally" in image.log
    assert image.placement.cells["FF"][0] == image.resources.ff - 8  # those behind the block RAM are its own
    steps = [name for _, name in image.placement.path.steps()]
    assert steps[-1] == "product"

    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "another" / "and longer cache"))
    monkeypatch.setenv("USER", "somebody")
    again = implement(BLINK, ULX3S, clock_hz=HZ)
    assert (again.bit, again.svf) == (image.bit, image.svf)


def test_each_part_of_the_memory_has_addresses_of_its_own():
    """Four registers of the same value stay four, as they say: those of the reads and those of the writes."""
    accelerator = dataclasses.replace(PRESETS["tiny"], clock_hz=HZ, memory=Memory(bytes_per_cycle=8, latency_cycles=5))
    memory = DataMemory(SystemConfig(accelerator=accelerator, board="x", baud=3_000_000, memory_bytes=32768))
    text = verilog.convert(memory, name="memory", strip_internal_attrs=True)
    source = SystemSource(files={"memory.v": text}, system="memory", top="memory", ports={})
    netlist = gzip.decompress((synthesize(source, lambda step: None) / "netlist.json.gz").read_bytes())
    cells = json.loads(netlist)["modules"]["memory"]["cells"].values()
    for port in "AB":
        addresses = {tuple(cell["connections"][f"AD{port}{i}"][0] for i in range(2, 14))
                     for cell in cells if cell["type"] == "DP16KD"}
        assert len(addresses) == 4 and len(set(zip(*addresses, strict=True))) == 12


def test_what_was_made_is_not_made_again(monkeypatch, tmp_path):
    fake_tools.install(tmp_path, monkeypatch)
    first = implement(BLINK, ULX3S, clock_hz=HZ)
    assert fake_tools.calls(tmp_path) == ["yosys", "nextpnr-ecp5", "ecppack"]
    assert implement(BLINK, ULX3S, clock_hz=HZ) == first and len(fake_tools.calls(tmp_path)) == 3
    elsewhere = dataclasses.replace(ULX3S, toolchain=OTHER_PINS)
    implement(BLINK, elsewhere, clock_hz=HZ)
    assert fake_tools.calls(tmp_path)[3:] == ["nextpnr-ecp5", "ecppack"]


def test_the_first_seed_that_reaches_the_clock(monkeypatch, tmp_path):
    fake_tools.install(tmp_path, monkeypatch, reached={1: 70.0, 2: 74.9, 3: 75.1})
    image = implement(BLINK, ULX3S, clock_hz=HZ, seeds=(1, 2, 3, 4))
    assert image.seed == 3 and image.missed == {1: 70e6, 2: 74.9e6} and image.bit == b"bit: config of seed 3"
    assert fake_tools.calls(tmp_path) == ["yosys", *["nextpnr-ecp5"] * 3, "ecppack"]


def test_a_clock_that_no_seed_reaches(monkeypatch, tmp_path):
    fake_tools.install(tmp_path, monkeypatch, reached={1: 70.0, 2: 74.9, 3: 72.0, 4: 71.0, 5: 73.0})
    with pytest.raises(TimingError, match=r"^Clock clk must reach 75\.00 MHz, not 74\.90 \(nextpnr's best of "
                                          r"seeds 1, 2, 3, 4, 5\); worst path right to product, .* ns with "
                                          "1 levels of logic$") as e:
        implement(BLINK, ULX3S, clock_hz=HZ)
    assert e.value.placement.worst.achieved_hz == 74.9e6
    assert "ecppack" not in kept()


def test_a_placement_that_cannot_be_routed_is_given_up(monkeypatch, tmp_path):
    """Its router would go on; the next seed's turn comes, and the next call knows."""
    fake_tools.install(tmp_path, monkeypatch, stuck={1: 100, 2: 200})
    image = implement(BLINK, ULX3S, clock_hz=HZ)
    assert image.seed == 3 and image.missed == {1: None, 2: None} and len(fake_tools.calls(tmp_path)) == 5
    with pytest.raises(CodesignError, match=r"^Wires must be in use once, not 100 of them twice \(nextpnr's best of "
                                            r"seeds 1, 2\): a smaller array is easier to route$"):
        implement(BLINK, ULX3S, clock_hz=HZ, seeds=(1, 2))
    assert len(fake_tools.calls(tmp_path)) == 5
    fake_tools.install(tmp_path, monkeypatch, stuck={1: 100, 2: 200}, reached={3: 70.0})
    with pytest.raises(TimingError, match=r"nextpnr's best of seeds 1, 2, 3\)"):
        implement(BLINK, dataclasses.replace(ULX3S, toolchain=OTHER_PINS), clock_hz=HZ, seeds=(1, 2, 3))


def test_a_router_is_given_up_after_rounds_without_progress():
    def log(*overused):
        return "".join(f"Info: iter={i} wires=9 overused={n} overuse={n + 1} archfail=NA\n"
                       for i, n in enumerate(overused))

    assert flow.least_overused("") is None and flow.least_overused(log(*range(500, 0, -1))) is None
    assert flow.least_overused(log(9, *[10] * (flow.STALLED - 1), 8, 0)) is None
    assert flow.least_overused(log(9, *[10] * flow.STALLED, 8, 0)) == 9
    assert flow.least_overused(log(*range(300, 100, -1), *range(101, 400))) == 101


def test_a_design_without_the_clock_that_was_asked(monkeypatch, tmp_path):
    fake_tools.install(tmp_path, monkeypatch)
    with pytest.raises(CodesignError, match=r"^Design must have a clock of 90 MHz, not only of 75\.0019 MHz$"):
        implement(BLINK, ULX3S, clock_hz=90_000_000)


def test_a_design_too_large_is_told_before_placing(monkeypatch, tmp_path):
    fake_tools.install(tmp_path, monkeypatch, cells={"LUT4": 90_000, "CCU2C": 10, "EHXPLLL": 1})
    with pytest.raises(CodesignError, match=r"^lut must be at most 83640 on ulx3s, not 90020 \(synthesis\)$"):
        implement(BLINK, ULX3S, clock_hz=HZ)
    assert fake_tools.calls(tmp_path) == ["yosys"]


@pytest.mark.parametrize(("tool", "command"), [("yosys", "yosys"), ("nextpnr", "nextpnr-ecp5"), ("ecppack", "ecppack")])
def test_a_tool_that_fails(monkeypatch, tmp_path, tool, command):
    """Its first error in one line, with where to read the rest; nothing is kept as if it were made."""
    fake_tools.install(tmp_path, monkeypatch, **{tool: "print('ERROR: cell has no home'); sys.exit(1)"})
    with pytest.raises(CodesignError, match=rf"^{command} must succeed, not fail: ERROR: cell has no home \(.+\)$"):
        implement(BLINK, ULX3S, clock_hz=HZ)
    assert command not in kept()
    (log,) = (cache_directory() / "images").glob("*.log")
    assert "cell has no home" in log.read_text()


def test_a_full_disk(monkeypatch, tmp_path):
    fake_tools.install(tmp_path, monkeypatch)

    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(flow, "_compress", full)
    with pytest.raises(OSError, match="No space left on device"):
        implement(BLINK, ULX3S, clock_hz=HZ)
    assert list((cache_directory() / "images").iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_is_begun_anew(monkeypatch, tmp_path, how):
    fake_tools.install(tmp_path, monkeypatch, nextpnr="import time\ntime.sleep(60)\n")
    code = ("from codesign.board import load_board; from codesign.boards.lattice.flow import implement\n"
            "from tests.boards.lattice.blink import BLINK\n"
            f"implement(BLINK, load_board('ulx3s'), clock_hz={HZ})\n")
    build = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 300
    while fake_tools.calls(tmp_path) != ["yosys", "nextpnr-ecp5"]:
        assert time.monotonic() < end and build.poll() is None
        time.sleep(0.05)
    build.send_signal(how)
    assert build.wait(timeout=300) != 0
    assert kept() == ["yosys"]
    fake_tools.install(tmp_path, monkeypatch)
    assert implement(BLINK, ULX3S, clock_hz=HZ).bit == b"bit: config of seed 1"
    assert [p.name for p in (cache_directory() / "images").glob(".*")] == []


def test_a_board_that_is_no_lattice_board():
    with pytest.raises(CodesignError, match="^Board zcu102 must be one whose toolchain is lattice"):
        implement(BLINK, load_board("zcu102"), clock_hz=HZ)
