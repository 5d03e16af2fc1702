"""Power by the firmware's own path, from modelled sensors: synthetic."""

import threading
import time

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.boards.host_board import HostBoard
from codesign.boards.link import BoardError, Link
from codesign.boards.port import open_port
from codesign.boards.power import has_power, measure_power, power_method, read_rails, sample_power
from codesign.boards.runs import finish_runs
from codesign.boards.serial_device import SerialDevice
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.reference import evaluate

TINY = PRESETS["tiny"]
NETWORK = random_network(Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 8}, {"shift": "released"}, {"conv": 12}, "pool", {"conv": 8}, "average", {"linear": 10}]}).graph(), 0)
IMAGE = np.random.default_rng(0).integers(0, 256, (1, 1, 8, 8)).astype(np.uint8)
CORE, MEMORY = (0.85, 0.55, 0.5), (1.1, 0.21, 0.09)  # firmware/host/sensor_model.c: V, A while idle, A more if running


@pytest.fixture(scope="module")
def board():
    """The firmware stops at undefined behaviour and at any access outside what it owns."""
    with HostBoard(TINY, memory_bytes=4 << 20, sanitize=True) as board:
        yield board


@pytest.fixture
def device(board):
    with open_port(board.port, 4_000_000) as port:
        yield SerialDevice(Link(port), TINY)


def test_what_the_model_takes_is_found(device):
    counters = device.run(compile_network(NETWORK, TINY), IMAGE).counters
    assert has_power(device.link) and power_method(device.link) == "synthetic"
    done = []
    power = measure_power(device, counters, sweeps=50, progress=done.append)
    assert sum(done) == 100 and (power.idle_sweeps, power.active_sweeps) == (50, 50)
    idle = {"CORE": CORE[0] * CORE[1], "MEMORY": MEMORY[0] * MEMORY[1]}
    active = {"CORE": CORE[0] * (CORE[1] + CORE[2]), "MEMORY": MEMORY[0] * (MEMORY[1] + MEMORY[2])}
    assert power.idle_rails == pytest.approx(idle, rel=0.03)
    assert power.active_rails == pytest.approx(active, rel=0.05)
    assert 0.2 < power.duty <= 1
    for name, true in (("idle_w", sum(idle.values())), ("active_w", sum(active.values()))):
        found = getattr(power, name)
        assert 0 < found.uncertainty < 0.08 * true and abs(found.value - true) < 3 * found.uncertainty
    assert power.image_s == counters["cycles"] / TINY.clock_hz
    assert power.energy_j.value == pytest.approx(power.active_w.value * power.image_s)


@pytest.mark.virtual
@pytest.mark.parametrize("name, idle, active", [
    ("zcu102", {"VCCINT": 0.85 * 0.62, "VCCPSDDR": 1.2 * 0.42}, {"VCCINT": 0.85 * 1.16, "VCCPSDDR": 1.2 * 0.515}),
    ("ultra96-v1", {"VSYS": 12 * 0.52}, {"VSYS": 12 * 0.63}),
    ("ultra96-v2", {"INT": 0.85 * 0.48, "PSDDR": 1.1 * 0.23}, {"INT": 0.85 * 0.91, "PSDDR": 1.1 * 0.31})])
def test_the_boards_own_firmware_finds_it(name, idle, active):
    """In QEMU, through its I2C controller, multiplexers and sensors; watts are those of sensor_model.c. Where other
    programs take QEMU's time it is rough: running takes 1.2 to 1.9 times idle power, and must be told from it."""
    from codesign.sim.virtual import LINE_BAUD, VirtualBoard

    with VirtualBoard(TINY, board=name) as board, open_port(board.port, LINE_BAUD) as port:
        device = SerialDevice(Link(port), TINY)
        counters = device.run(compile_network(NETWORK, TINY), IMAGE).counters
        power = measure_power(device, counters, sweeps=40)
    assert power.method == "synthetic"
    for rail, watts in idle.items():
        assert power.idle_rails[rail] == pytest.approx(watts, rel=0.03)
        assert power.active_rails[rail] == pytest.approx(active[rail], abs=0.4 * (active[rail] - watts))
    assert power.idle_w.value == pytest.approx(sum(power.idle_rails.values()))


def test_samples_are_new_conversions_spread_over_the_window(device):
    device.run(compile_network(NETWORK, TINY), IMAGE)
    rails, hz = read_rails(device.link), device.link.board["tick_hz"]
    assert [rail.name for rail in rails] == ["CORE", "MEMORY", "5V"]
    for run_ms, spacing_s, length_s in ((0, 0.01168, 0.11), (400, 0.047, 0.4)):
        answer = device.link.request("power", run_ms=run_ms, samples=8)
        samples = np.frombuffer(answer["samples"], np.dtype([("ticks", "<u8"), ("rest", "V10")]))
        assert len(samples) == 24 and np.all(np.diff(samples["ticks"].astype(float)) >= 0)
        firsts = samples["ticks"][::3].astype(float) / hz
        assert 0.01168 <= np.diff(firsts).min() <= 1.2 * spacing_s  # a busy machine only makes some of them later
        assert firsts[-1] - firsts[0] >= 0.95 * 7 * spacing_s
        assert 0.85 * length_s < answer["ticks"] / hz < length_s + 1
        assert (answer["runs"] > 1) == (run_ms > 0) == (answer["busy_ticks"] > 0)
        assert answer["busy_ticks"] <= answer["ticks"]


def test_a_board_that_is_late(board, device):
    """It stops where it is, with whole sweeps; the host asks again."""
    def stop_for_a_while():
        time.sleep(0.2)
        board.pause()
        time.sleep(1.5)
        board.resume()

    def while_it_stops(ask):
        thread = threading.Thread(target=stop_for_a_while)
        thread.start()
        try:
            return ask()
        finally:
            thread.join()

    device.run(compile_network(NETWORK, TINY), IMAGE)
    rails = read_rails(device.link)
    answer = while_it_stops(lambda: device.link.request("power", run_ms=600, samples=30))
    assert 18 * 3 <= len(answer["samples"]) < 30 * 18 * 3 and len(answer["samples"]) % (18 * 3) == 0
    window = while_it_stops(lambda: sample_power(device.link, rails, running=True, sweeps=30))
    assert window.volts.shape == (30, 3) and window.seconds > 1.5


def test_runs_longer_than_a_window(device, monkeypatch):
    """Seconds of simulation each, where a window here takes 36 ms (and ends a second late, at most)."""
    monkeypatch.setattr("codesign.boards.runs.WAIT_MS", 300)
    graph = Network.from_dict({"name": "long", "input": [1, 24, 24], "layers": [
        {"conv": 8}, *[{"conv": {"out": 8, "kernel": 7}}] * 5, "average", {"linear": 10}]}).graph()
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 24, 24)).astype(np.uint8)
    network = random_network(graph, 0)
    result = device.run(compile_network(network, TINY), image)
    np.testing.assert_array_equal(result.logits, evaluate(network, image))
    assert device.times.compute_s > 0.1
    windows = [sample_power(device.link, read_rails(device.link), running=True, sweeps=1) for _ in range(2)]
    assert [w.runs for w in windows] == [0, 0] and all(w.part_s == pytest.approx(w.seconds) for w in windows)
    finish_runs(device.link, device.run_ms)
    power = measure_power(device, result.counters, sweeps=8)
    active = {"CORE": CORE[0] * (CORE[1] + CORE[2]), "MEMORY": MEMORY[0] * (MEMORY[1] + MEMORY[2])}
    assert power.duty > 0.9 and power.active_rails == pytest.approx(active, rel=0.1)


def test_runs_in_a_row_are_still_right(device):
    """What POWER ran again and again leaves the results of each run."""
    program = compile_network(NETWORK, TINY)
    result = device.run(program, IMAGE)
    before = device.link.request("checksum", offset=0, length=1 << 20)
    sample_power(device.link, read_rails(device.link), running=True, sweeps=5)
    finish_runs(device.link, device.run_ms)
    assert device.link.request("checksum", offset=0, length=1 << 20) == before
    np.testing.assert_array_equal(device.run(program, IMAGE).logits, result.logits)


def test_a_run_that_fails_is_no_power(device):
    program = compile_network(NETWORK, TINY)
    device.run(program, IMAGE)
    device.link.request("write", offset=0, data=bytes(2000))
    rails = read_rails(device.link)
    with pytest.raises(CodesignError, match="Run on board must end without error, not with illegal_instruction"):
        sample_power(device.link, rails, running=True, sweeps=2)
    device.link.request("reset")
    with pytest.raises(BoardError, match="answer not_configured"):
        sample_power(device.link, rails, running=True, sweeps=2)
    assert len(sample_power(device.link, rails, running=False, sweeps=2).volts) == 2
    with pytest.raises(CodesignError, match="Samples of power must be at least 1 of each rail, not 0"):
        sample_power(device.link, rails, running=False, sweeps=0)
