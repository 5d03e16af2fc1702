"""The complete system at its pins: what its FPGA would do, bit for bit and cycle for cycle."""

import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.boards.link import BoardError, Link
from codesign.boards.serial_device import SerialDevice
from codesign.compiler import compile_network
from codesign.datasets import load_dataset
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.sim.build import rtl_digest
from codesign.sim.system import SimulatedSystem
from codesign.sim.system_build import build_soft_core_firmware, system_of
from codesign.sim.verilated import VerilatorDevice

ULX3S = load_board("ulx3s")
TINY = ULX3S.place(PRESETS["tiny"])
FASTEST = TINY.clock_hz // 6  # of its line
NETWORK = random_network(Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 8}, {"shift": "released"}, {"conv": 12}, "pool", {"conv": 8}, "average", {"linear": 10}]}).graph(), 0)
PROGRAM = compile_network(NETWORK, TINY)
IMAGES = load_dataset("digits").test_images


@pytest.fixture(scope="module", autouse=True)
def tools():
    try:
        build_soft_core_firmware(system_of(TINY, ULX3S))
    except CodesignError as e:
        pytest.skip(str(e))


@pytest.fixture
def system():
    """One that has just been switched on."""
    with SimulatedSystem(system_of(TINY, ULX3S, baud=FASTEST)) as system:
        yield system


def check(link, config, images):
    """Logits equal the reference's; cycles, counters and layers those of the RTL alone before a modelled memory."""
    program = compile_network(NETWORK, config)
    result, expected = (device.run(program, images) for device in (SerialDevice(link, config), VerilatorDevice(config)))
    np.testing.assert_array_equal(result.logits, evaluate(NETWORK, images))
    assert (result.cycles, result.counters, result.layers) == (expected.cycles, expected.counters, expected.layers)
    found = link.request("statistics")
    assert not any(found[name] for name in ("bad_crc", "bad_framing", "too_long", "overruns", "faults", "repeated"))
    assert link.traffic.damaged == 0


def test_it_says_what_it_is(system):
    link = Link(system)
    told = {"board": "ulx3s", "tick_hz": 75_000_000, "memory_bytes": ULX3S.memory_bytes, "boots": 1}
    assert {name: link.board[name] for name in told} == told
    assert [name for name in link.protocol.capabilities if link.has(name)] == ["reset", "simulated"]
    assert SerialDevice(link, TINY).rtl == rtl_digest(TINY)[:16]
    with pytest.raises(CodesignError, match="must have digest"):
        SerialDevice(link, dataclasses.replace(TINY, acc_depth=128))
    for op, values in (("rails", {}), ("power", {"run_ms": 0, "samples": 1})):
        with pytest.raises(BoardError, match="no_power"):
            link.request(op, **values)


def test_digits_and_the_button(system):
    """The same bits and cycles; and again after the board's button has been pressed, in another session."""
    link = Link(system)
    check(link, TINY, IMAGES[:2])
    presses = iter([system.reset])
    result = SerialDevice(link, TINY).run(PROGRAM, IMAGES[:2], lambda done: next(presses, lambda: None)())
    np.testing.assert_array_equal(result.logits, evaluate(NETWORK, IMAGES[:2]))
    assert (link.board["boots"], system.leds & 1) == (2, 1)


def test_bytes_that_find_no_room_are_counted(system):
    """While the core is busy, more comes than its FIFO holds: what is lost is counted, and the line works again."""
    link, size = Link(system), system.config.receive_bytes

    def request():
        yield {"offset": 0, "length": system.config.memory_bytes}
        system.write(b"\x01" * (size + 3000) + b"\0")

    link.stream("checksum", request())
    while system.read(1) or system.cycles < 3_000_000:  # until the FIFO is empty again
        pass
    assert link.request("statistics")["overruns"] > 1000
    assert link.request("echo", data=b"there")["data"] == b"there"


def test_memory_is_whole_and_ends(system):
    link, rng = Link(system), np.random.default_rng(0)
    end = system.config.memory_bytes
    data = rng.integers(0, 256, 5000, dtype=np.uint8).tobytes()
    parts = range(0, len(data), 901)  # words of the soft core's are not always whole
    link.stream("write", ({"offset": end - len(data) + at, "data": data[at:at + 901]} for at in parts))
    read = link.stream("read", ({"offset": end - len(data) + at, "length": min(901, len(data) - at)} for at in parts))
    assert b"".join(part["data"] for part in read) == data
    with pytest.raises(BoardError, match="out_of_memory"):
        link.request("write", offset=end - 4, data=bytes(5))


def test_a_program_that_is_there_from_the_start():
    """Only images go over the line, until something else has been in memory."""
    small = dataclasses.replace(system_of(TINY, ULX3S, baud=FASTEST), memory_bytes=8192)
    with SimulatedSystem(small, PROGRAM.stream) as system:
        link = Link(system)
        assert link.has("embedded")
        check(link, TINY, IMAGES[:2])
        assert link.traffic.bytes_sent < len(PROGRAM.stream) // 2
        link.request("write", offset=PROGRAM.fixed_parts()[-1][0], data=b"something else")
        sent = link.traffic.bytes_sent
        check(link, TINY, IMAGES[2:3])
        assert link.traffic.bytes_sent - sent > len(PROGRAM.fixed_parts()[-1][1])


def test_the_firmware_does_not_depend_on_where_it_is_built(monkeypatch, tmp_path):
    here = build_soft_core_firmware(system_of(TINY, ULX3S))
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "a cache"))
    assert build_soft_core_firmware(system_of(TINY, ULX3S)) == here


def test_other_memories_than_the_boards_are_refused():
    with pytest.raises(CodesignError, match=r"^Accelerator memory must be ulx3s's, Memory\(bytes_per_cycle=8, "):
        system_of(PRESETS["tiny"], ULX3S)
    with pytest.raises(CodesignError, match="^Board zcu102 must give the bytes of its on-chip memory"):
        system_of(load_board("zcu102").preset(), load_board("zcu102"))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"bus_bits": 128, "cols": 8, "fifo_bursts": 2}], ids=["tiny", "slow-beats"])
def test_all_held_out_digits(changes):
    config = dataclasses.replace(TINY, **changes)
    with SimulatedSystem(system_of(config, ULX3S, baud=3_000_000)) as system:
        check(Link(system), config, IMAGES if not changes else IMAGES[:10])


@pytest.mark.slow
def test_the_boards_own_accelerator():
    with SimulatedSystem(system_of(ULX3S.preset(), ULX3S, baud=3_000_000)) as system:
        check(Link(system), ULX3S.preset(), IMAGES[:20])
