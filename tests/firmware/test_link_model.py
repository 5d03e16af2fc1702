"""Host and firmware over a line in simulated time that does its worst: what is answered is right, and done once."""

import re
import zlib
from collections import Counter
from functools import partial

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.boards import link as link_module
from codesign.boards.link import BoardError, Link
from codesign.boards.serial_device import SerialDevice
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.protocol import decode_frame, encode_frame, protocol
from codesign.random_weights import random_network
from codesign.registers import bus_word, digest_words, register
from tests.firmware.simulated_line import Clock, Firmware, Line, Rates

TINY = PRESETS["tiny"]
OPS = protocol().ops
NASTY = Rates(lost=0.03, changed=0.03, twice=0.1, late=0.1)
HARD = pytest.mark.parametrize("seed", [*range(6), *(pytest.param(s, marks=pytest.mark.slow) for s in range(6, 200))])


@pytest.fixture(scope="module")
def program():
    graph = Network.from_dict({"name": "small", "input": [1, 4, 4], "layers": [{"conv": 8}, "average", {"linear": 4}]})
    return compile_network(random_network(graph.graph(), 0), TINY)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(link_module, "time", clock)
    return clock


@pytest.fixture
def new_board(library, program):
    """A board with the accelerator that ``program`` is for; but its results are the CRC-32 of what it was given."""
    digest = digest_words(TINY)
    return partial(Firmware, library, {
        register("DIGEST_LO").offset: digest[0], register("DIGEST_HI").offset: digest[1],
        register("BUS").offset: bus_word(TINY), register("TRACE_COUNT").offset: len(program.layer_names)})


SENSORS_NONE, SENSORS_RIGHT = 0, 1


def crc_of(program, image) -> int:
    return zlib.crc32(program.with_image(image))


def check_device(line, program, rng) -> str:
    """Run twice; what comes out is right, or one line says why nothing does, and the next call begins anew."""
    device, outcomes = None, ""
    for _ in range(2):
        images = rng.integers(0, 256, (4, 1, 4, 4)).astype(np.uint8)
        try:
            device = device or SerialDevice(Link(line, hello_s=30), TINY)
            result = device.run(program, images)
        except CodesignError as e:
            assert "\n" not in str(e)
            outcomes += "e"
            continue
        crcs = np.array([crc_of(program, image) for image in images], np.uint32)
        np.testing.assert_array_equal(result.logits, np.tile(crcs.view(np.int32)[:, None], result.logits.shape[1]))
        assert [c & 0xFFFFFFFF for c in result.cycles] == crcs.tolist()
        outcomes += "+"
    return outcomes


@HARD
def test_frames_lost_changed_repeated_and_late(new_board, clock, program, seed):
    rng = np.random.default_rng(seed)
    line = Line(new_board(), clock, rng, NASTY)
    outcomes = check_device(line, program, rng)
    assert line.harmed > 10 and "+" in outcomes


@HARD
def test_resets_and_other_hosts(new_board, clock, program, seed):
    rng = np.random.default_rng(seed)
    rates = Rates(lost=0.01, twice=0.02, late=0.02, stranger=0.01, reset=0.01)
    line = Line(new_board(), clock, rng, rates, reset=lambda board: new_board(board))
    check_device(line, program, rng)


def test_it_goes_on_after_a_reset_and_another_host(new_board, clock, program):
    """Once each, and nothing else: both runs end well."""
    rng = np.random.default_rng(0)
    seen = []
    for rates in (Rates(0, 0, 0, 0, stranger=0.02), Rates(0, 0, 0, 0, reset=0.02)):
        for _ in range(8):
            line = Line(new_board(), clock, rng, rates, reset=lambda board: new_board(board))
            outcomes = check_device(line, program, rng)
            seen.append((outcomes, line.resets, line.strangers))
    assert any(o == "++" and resets for o, resets, _ in seen) and any(o == "++" and others for o, _, others in seen)


@HARD
@pytest.mark.parametrize("first", [0, 65_536 - 40])
def test_every_change_is_made_once_and_has_its_own_answer(new_board, clock, seed, first):
    """Streams of writes and runs, across the end of the sequence numbers too, with other hosts' hellos between."""
    rng = np.random.default_rng(seed)
    board = new_board()
    line = Line(board, clock, rng, Rates(**{**vars(NASTY), "stranger": 0.01 if seed % 2 else 0}))
    link = Link(line, hello_s=60)
    if first:  # as after so many requests
        for sequence in range(16, first + 1, 16):
            board.take(encode_frame(OPS["statistics"].code, link._session, sequence, b""))
        link._sequence = first - first % 16
    answered = Counter()
    key = 0
    for _ in range(12):
        keys = list(range(key + 1, key + 1 + int(rng.integers(1, 25))))
        key = keys[-1]
        try:
            link.request("configure", program_offset=0, program_beats=16, output_offset=0xF000, output_beats=1,
                         watchdog_cycles=key)
            link.stream("write", [dict(offset=4 * k, data=bytes(4)) for k in keys])
            answered.update((OPS["write"].code, 4 * k) for k in keys)
            key += 1
            run = link.request("run", timeout_ms=1000 + key)
            answered[OPS["run"].code, 1000 + key] += 1
            runs = [k for op, k in board.carried_out() if op == OPS["run"].code]
            assert run["counters"]["cycles"] >> 32 == runs.index(1000 + key) + 1  # the board counts its runs there
        except BoardError as e:
            assert e.status == "no_session"
            link.greet(60)
        except CodesignError:  # no answer in time
            link.greet(60)
    changes = Counter((op, k) for op, k in board.carried_out() if op in (OPS["write"].code, OPS["run"].code))
    assert answered and max(changes.values()) == 1
    assert all(changes[change] == count for change, count in answered.items())


class Resetting(Line):
    """Resets the board when it is first asked for power."""

    def write(self, data):
        power = any((frame := decode_frame(coded)) is not None and frame.op == OPS["power"].code
                    for coded in data.split(b"\0") if coded)
        if power and not self.resets:
            self.resets += 1
            self.firmware = self._reset(self.firmware)
        return super().write(data)


@pytest.mark.parametrize("run_ms", [100, 700, 5000])
def test_power_of_runs_of_any_length(new_board, clock, program, run_ms):
    board = new_board()
    board.library.give_sensors(SENSORS_RIGHT)
    board.library.let_runs_take(run_ms)
    line = Line(board, clock, np.random.default_rng(0), Rates(0, 0, 0, 0))
    device = SerialDevice(Link(line), TINY, power_sweeps=20)
    for _ in range(2):
        result = device.run(program, np.zeros((2, 1, 4, 4), np.uint8))
        assert result.power_problem is None and result.power.method == "synthetic"
        assert (result.power.idle_sweeps, result.power.active_sweeps) == (20, 20)
        assert 0.4 < result.power.duty <= 1


@pytest.mark.parametrize("problem, line_of_it", [
    ("sensors", "^board must do power, not answer sensor: a power sensor did not answer, or is out of its range$"),
    ("reset", "^board must do (rails|power), not answer no_session: the board began another session, or was reset")])
def test_power_that_cannot_be_measured_costs_no_result(new_board, clock, program, problem, line_of_it):
    """The run's results stand, one line says why there is no power, and the next run has all of it."""
    def equipped(before=None):
        board = new_board(before)
        board.library.give_sensors(SENSORS_NONE if problem == "sensors" else SENSORS_RIGHT)
        return board
    line = Resetting(equipped(), clock, np.random.default_rng(0), Rates(0, 0, 0, 0), reset=equipped)
    line.resets = int(problem == "sensors")  # then it is never reset
    device = SerialDevice(Link(line), TINY, power_sweeps=4)
    images = np.random.default_rng(1).integers(0, 256, (3, 1, 4, 4)).astype(np.uint8)
    crcs = np.array([crc_of(program, image) for image in images], np.uint32).view(np.int32)
    for attempt in range(2):
        result = device.run(program, images)
        np.testing.assert_array_equal(result.logits[:, 0], crcs)
        if attempt and problem == "reset":
            assert result.power.active_sweeps == 4 and result.power_problem is None
        else:
            assert result.power is None and re.search(line_of_it, result.power_problem), result.power_problem


def test_a_run_that_never_ends(new_board, clock, program):
    """It is asked after for as long as the device was told, and what comes next is right all the same."""
    board = new_board()
    board.library.let_runs_take(40_000)
    line = Line(board, clock, np.random.default_rng(0), Rates(0, 0, 0, 0))
    device = SerialDevice(Link(line), TINY, run_ms=9_000)
    with pytest.raises(BoardError, match="^board must end a run within 9 s, not still be at it$"):
        device.run(program, np.zeros((1, 1, 4, 4), np.uint8))
    with pytest.raises(BoardError, match="answer owing: a run still goes on"):  # this board cannot reset it
        device.run(program, np.zeros((1, 1, 4, 4), np.uint8))
    link = device.link
    while link.request("finish", timeout_ms=60_000)["error"]:
        pass
    board.library.let_runs_take(5)
    image = np.full((1, 1, 4, 4), 7, np.uint8)
    logits = device.run(program, image).logits
    assert logits[0, 0] == np.array(crc_of(program, image[0]), np.uint32).view(np.int32)
