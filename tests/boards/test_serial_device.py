"""The host's end of the line to the firmware built for this machine: bad lines, hosts that leave, no byte outside."""

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.boards.host_board import HostBoard
from codesign.boards.link import BoardError, Link
from codesign.boards.port import open_port
from codesign.boards.serial_device import SerialDevice
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.protocol import encode_frame, protocol
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.sim.verilated import VerilatorDevice
from tests.boards.noise import Noise

TINY = PRESETS["tiny"]
BAUD = 4_000_000  # a pty has none; what waits for answers goes by it
NETWORK = random_network(Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 8}, {"shift": "released"}, {"conv": 12}, "pool", {"conv": 8}, "average", {"linear": 10}]}).graph(), 0)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 1, 8, 8)).astype(np.uint8)


@pytest.fixture(scope="module")
def board():
    """Stops at undefined behaviour and at any access outside what it owns."""
    with HostBoard(TINY, memory_bytes=1 << 20, sanitize=True) as board:
        yield board


@pytest.fixture
def port(board):
    with open_port(board.port, BAUD) as port:
        yield port


@pytest.fixture
def link(port):
    return Link(port)


@pytest.fixture(scope="module")
def program():
    return compile_network(NETWORK, TINY)


def same_as_verilator(result, program, images=IMAGES):
    expected = VerilatorDevice(TINY).run(program, images)
    np.testing.assert_array_equal(result.logits, evaluate(NETWORK, images))
    assert (result.cycles, result.counters, result.layers) == (expected.cycles, expected.counters, expected.layers)


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_line_changes_nothing(port, program, seed):
    """Bytes lost, changed, repeated and swapped, both ways."""
    rng = np.random.default_rng(seed)
    noise, images = Noise(port, rng, rate=0.05), rng.integers(0, 256, (25, 1, 8, 8)).astype(np.uint8)
    link = Link(noise, hello_s=30)
    same_as_verilator(SerialDevice(link, TINY).run(program, images), program, images)
    assert noise.harmed > 10 and link.traffic.repeated > 0
    assert Link(port).request("statistics")["frames"] > 0


def test_garbage_before_the_first_frame(port, program):
    port.write(bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)))
    same_as_verilator(SerialDevice(Link(port), TINY).run(program, IMAGES), program)


def test_a_host_that_left_in_the_middle(port, program):
    """Half a frame, and writes nobody waits for; then another session."""
    first = Link(port)
    op = protocol().ops["write"]
    for sequence in range(1, 9):
        port.write(encode_frame(op.code, first._session, sequence, op.pack(offset=0, data=b"\xAA" * 2000)))
    port.write(encode_frame(op.code, first._session, 9, op.pack(offset=0, data=b"\xAA" * 2000))[:700])
    same_as_verilator(SerialDevice(Link(port), TINY).run(program, IMAGES), program)
    with pytest.raises(BoardError, match="answer no_session: the board began another session") as refused:
        first.request("statistics")
    assert refused.value.status == "no_session"


@pytest.mark.parametrize("op, values, status", [
    ("write", dict(offset=(1 << 20) - 3, data=b"1234"), "out_of_memory"),
    ("write", dict(offset=0xFFFFFFFF, data=b"1"), "out_of_memory"),
    ("read", dict(offset=(1 << 20) - 3, length=4), "out_of_memory"),
    ("read", dict(offset=0, length=2049), "out_of_range"),
    ("checksum", dict(offset=1, length=1 << 20), "out_of_memory"),
    ("checksum", dict(offset=0xFFFFFFFF, length=0xFFFFFFFF), "out_of_memory"),
    ("trace", dict(first=0, count=86), "out_of_range"), ("trace", dict(first=500, count=13), "out_of_range"),
    ("power", dict(run_ms=0, samples=0), "out_of_range"), ("power", dict(run_ms=60_001, samples=1), "out_of_range"),
    ("power", dict(run_ms=0, samples=60_000), "out_of_range"),
    ("run", dict(timeout_ms=60_001), "out_of_range"), ("finish", dict(timeout_ms=60_001), "out_of_range"),
    ("power", dict(run_ms=30, samples=1), "out_of_range"), ("power", dict(run_ms=200, samples=16), "out_of_range")])
def test_nothing_outside_is_reached(link, op, values, status):
    with pytest.raises(BoardError) as refused:
        link.request(op, **values)
    assert refused.value.status == status
    assert link.request("echo", data=b"there")["data"] == b"there"


@pytest.mark.parametrize("changes, status", [
    (dict(program_offset=8), "misaligned"), (dict(output_offset=0x8004), "misaligned"),
    (dict(program_beats=0), "out_of_range"), (dict(output_beats=0), "out_of_range"),
    (dict(watchdog_cycles=0), "out_of_range"), (dict(program_beats=1 << 17), "overlap"),
    (dict(program_beats=0xFFFFFFFF), "out_of_memory"), (dict(output_beats=0xFFFFFFFF), "out_of_memory"),
    (dict(program_offset=0xFFFFFFC0), "out_of_memory"), (dict(output_offset=(1 << 20) - 8), "out_of_memory"),
    (dict(output_offset=64), "overlap")])
def test_runs_stay_within_the_memory(link, changes, status):
    good = dict(program_offset=0, program_beats=100, output_offset=0x8000, output_beats=2, watchdog_cycles=1000)
    link.request("configure", **good)
    with pytest.raises(BoardError) as refused:
        link.request("configure", **{**good, **changes})
    assert refused.value.status == status


def test_the_cable_is_pulled(program):
    with HostBoard(TINY, memory_bytes=1 << 20) as board, open_port(board.port) as port:
        device = SerialDevice(Link(port), TINY)
        device.run(program, IMAGES[:1])
        board.close()
        with pytest.raises(CodesignError, match="board must (stay connected|answer)"):
            device.run(program, IMAGES)


def test_nobody_answers(board):
    with open_port(board.port) as port:
        board.pause()
        try:
            with pytest.raises(CodesignError, match=r"Firmware on board must answer within 0.5 s: is it running"):
                Link(port, hello_s=0.5)
        finally:
            board.resume()


def test_no_such_port():
    with pytest.raises(CodesignError, match=r"Serial port must be one .*, not '/dev/ttyNONE'"):
        open_port("/dev/ttyNONE")
