"""The board's own firmware in QEMU, in front of the simulated accelerator: the same bits and cycles."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.boards.link import Link
from codesign.boards.port import open_port
from codesign.boards.power import power_method
from codesign.boards.serial_device import SerialDevice
from codesign.compiler import compile_network
from codesign.datasets import load_dataset
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.sim.verilated import VerilatorDevice
from codesign.sim.virtual import LINE_BAUD, VirtualBoard
from codesign.sim.virtual_build import build_zynq_firmware, require_qemu
from tests.boards.noise import Noise

TINY = PRESETS["tiny"]
NETWORK = random_network(Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 8}, {"shift": "released"}, {"conv": 12}, "pool", {"conv": 8}, "average", {"linear": 10}]}).graph(), 0)
IMAGES = load_dataset("digits").test_images


@pytest.fixture(scope="module", autouse=True)
def tools():
    try:
        require_qemu()
        build_zynq_firmware("zcu102")
    except CodesignError as e:
        pytest.skip(str(e))


@pytest.fixture(scope="module")
def board():
    with VirtualBoard(TINY) as board:
        yield board


@pytest.fixture
def port(board):
    with open_port(board.port, LINE_BAUD) as port:
        yield port


@pytest.fixture
def link(port):
    return Link(port, hello_s=20)


def check(link, config, images):
    program = compile_network(NETWORK, config)
    device, expected = SerialDevice(link, config), VerilatorDevice(config).run(program, images)
    assert device.method == "simulated"
    result = device.run(program, images)
    np.testing.assert_array_equal(result.logits, evaluate(NETWORK, images))
    assert (result.cycles, result.counters, result.layers) == (expected.cycles, expected.counters, expected.layers)


@pytest.mark.virtual
def test_all_held_out_digits(link):
    """Logits equal the reference's, cycles, counters and layers those of the RTL alone; nothing went wrong."""
    assert (link.board["board"], len(IMAGES)) == ("zcu102", 360)
    before = link.request("statistics")
    check(link, TINY, IMAGES)
    after = link.request("statistics")
    assert after["runs"] - before["runs"] == 360
    assert all(after[name] == before[name] for name in ("bad_crc", "bad_framing", "overruns", "faults"))


@pytest.mark.virtual
@pytest.mark.slow
def test_all_held_out_digits_on_a_larger_array():
    with VirtualBoard(PRESETS["ulx3s"]) as board, open_port(board.port, LINE_BAUD) as port:
        check(Link(port, hello_s=20), PRESETS["ulx3s"], IMAGES)


@pytest.mark.virtual
def test_a_bad_line_changes_nothing(board, port):
    noise = Noise(port, np.random.default_rng(0), rate=0.03)
    check(Link(noise, hello_s=30), TINY, IMAGES[:10])
    assert noise.harmed > 0


@pytest.mark.virtual
def test_more_than_the_window_at_once(link):
    """Bytes wait in the firmware's ring; none is lost."""
    data = np.random.default_rng(0).integers(0, 256, 200_000, dtype=np.uint8).tobytes()
    parts = range(0, len(data), 2000)
    link.stream("write", ({"offset": at, "data": data[at:at + 2000]} for at in parts))
    read = link.stream("read", ({"offset": at, "length": 2000} for at in parts))
    assert b"".join(part["data"] for part in read) == data
    assert link.request("statistics")["overruns"] == 0


@pytest.mark.virtual
def test_a_board_reset_while_it_runs():
    """The run goes on in another session, after another boot, as if nothing had been."""
    with VirtualBoard(TINY) as board, open_port(board.port, LINE_BAUD) as port:
        link = Link(port, hello_s=20)
        assert link.board["boots"] == 1
        board_resets = iter([lambda: None, board.reset])
        result = SerialDevice(link, TINY).run(compile_network(NETWORK, TINY), IMAGES,
                                              lambda done: next(board_resets, lambda: None)())
        np.testing.assert_array_equal(result.logits, evaluate(NETWORK, IMAGES))
        assert link.board["boots"] == 2
        again = Link(port, hello_s=20)
        assert again.board["boots"] == 2
        check(again, TINY, IMAGES[:3])


@pytest.mark.virtual
def test_a_board_reset_while_power_is_sampled():
    """The run's results stand, a line says why there is no power, and the next run has both."""
    with VirtualBoard(TINY) as board, open_port(board.port, LINE_BAUD) as port:
        device, program = SerialDevice(Link(port, hello_s=20), TINY, power_sweeps=12), compile_network(NETWORK, TINY)
        board_resets = threading.Timer(0.3, board.reset)
        result = device.run(program, IMAGES[:3], lambda done: board_resets.start() if done == 3 else None)
        board_resets.join()
        np.testing.assert_array_equal(result.logits, evaluate(NETWORK, IMAGES[:3]))
        assert result.power is None and "answer no_session: the board began another" in result.power_problem
        again = device.run(program, IMAGES[:3])
        np.testing.assert_array_equal(again.logits, evaluate(NETWORK, IMAGES[:3]))
        assert again.power.active_sweeps == 12 and again.power_problem is None and device.link.board["boots"] == 2


@pytest.mark.virtual
@pytest.mark.parametrize("name, rails", [("zcu102", 18), ("ultra96-v1", 1), ("ultra96-v2", 11)])
def test_modelled_sensors_answer_on_i2c(name, rails):
    with VirtualBoard(TINY, board=name) as board, open_port(board.port, LINE_BAUD) as port:
        link = Link(port, hello_s=20)
        assert link.board["board"] == name and power_method(link) == "synthetic"
        check(link, TINY, IMAGES[:1])
        found = link.request("power", run_ms=0, samples=2)
        assert len(found["samples"]) == 2 * rails * 18


@pytest.mark.virtual
def test_qemu_ends_with_its_board():
    with VirtualBoard(TINY) as board:
        process = board._process
        assert process.poll() is None
    assert process.poll() is not None and not os.path.exists(board.port)


@pytest.mark.virtual
def test_qemu_ends_with_its_parent(tmp_path):
    """Killed, so that nothing of Python's is left to clean up."""
    script = ("import sys, time; from codesign.accelerator import PRESETS; from codesign.sim.virtual import *\n"
              "board = VirtualBoard(PRESETS['tiny']); print(board._process.pid, flush=True); time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    os.kill(pid, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":  # nobody's child any more, not yet reaped
                    break
        except FileNotFoundError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("QEMU must end")
