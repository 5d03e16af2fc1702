"""What every device must do, whatever it is: the reference, the RTL, the firmware before it, in QEMU, at a port, from a
recorded session, and a real board:

    pytest -m board tests/boards/test_conformance.py --codesign-port=/dev/ttyUSB1 -o codesign_board=ulx3s

Another kind of device is one line of ``tests/boards/bench.py``.
"""

import dataclasses
from contextlib import ExitStack

import numpy as np
import pytest

from codesign.board import load_board
from codesign.compiler import compile_network
from codesign.cycles import predict_schedule
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.registers import COUNTERS, digest_words
from codesign.sim.build import rtl_digest
from codesign.sim.verilated import VerilatorDevice
from tests.boards.bench import KINDS, Bench, benches, marked, other_than


def network(seed, *layers, shape=(1, 8, 8)):
    described = {"name": "small", "input": list(shape), "layers": [*layers, "average", {"linear": 10}]}
    return random_network(Network.from_dict(described).graph(), seed)


SMALL = network(0, {"conv": 8}, {"shift": "released"}, {"conv": 12}, "pool", {"conv": 8})
OTHER = network(1, {"conv": 8}, {"conv": {"out": 8, "kernel": 3, "weight_bits": 8}}, "pool", {"conv": 20})
LEAST = network(2, {"conv": 1}, shape=(1, 1, 1))
WIDE = network(3, {"conv": 16}, "pool", {"block": {"out": 16, "expansion": 1}}, shape=(3, 20, 28))
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8)).astype(np.uint8)


@pytest.fixture
def bench(request, tmp_path):
    def board():
        option, ini = request.config.getoption, request.config.getini
        if not (option("codesign_port") and ini("codesign_board")):
            pytest.fail("A board must be given: --codesign-port=/dev/ttyUSB1 -o codesign_board=ulx3s, say")
        return {"port": option("codesign_port"), "baud": option("codesign_baud"),
                "config": load_board(ini("codesign_board")).preset()}
    made = benches(request.param, tmp_path, request.function, board)
    with made.stack:
        yield made


def on(*without: str):
    """Every device, but those ``without``."""
    return pytest.mark.parametrize("bench", marked(*without), indirect=True)


def checked(bench: Bench, integer, images, device=None):
    """The result of a run, whose bits and cycles are right."""
    device = device or bench.device(integer)
    program = compile_network(integer, bench.config)
    result = device.run(program, images)
    expected = evaluate(integer, images)
    assert result.logits.dtype == np.int64 and result.logits.shape == (len(images), 10)
    np.testing.assert_array_equal(result.logits, expected)
    prediction = predict_schedule(program.schedule)
    if device.method == "simulated":
        assert result.cycles == (prediction.cycles,) * len(images) and result.counters == prediction.counters
        assert [layer.cycles for layer in result.layers] == [layer.cycles for layer in prediction.layers]
    elif device.method == "measured":
        assert len(result.cycles) == len(images) and min(result.cycles) > 0 and set(result.counters) == set(COUNTERS)
        assert sum(layer.cycles for layer in result.layers) == result.cycles[0]
    else:
        assert (result.cycles, result.counters, result.layers) == ((), None, ())
    return result


@on()
def test_bits_and_shapes(bench):
    done = []
    device = bench.device(SMALL)
    checked(bench, SMALL, IMAGES)
    device.run(compile_network(SMALL, bench.config), IMAGES, done.append)
    assert done == [1, 2, 3, 4]
    checked(bench, SMALL, IMAGES[2:3])
    assert device.method == {"reference": "model", "board": "measured"}.get(bench.kind, "simulated")


@on("reference", "board")
def test_cycles_and_counters_are_the_rtls(bench):
    result = checked(bench, OTHER, IMAGES)
    expected = VerilatorDevice(bench.config).run(compile_network(OTHER, bench.config), IMAGES)
    assert (result.cycles, result.counters, result.layers) == (expected.cycles, expected.counters, expected.layers)


def images_of(integer, count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *integer.graph.input_shape)).astype(np.uint8)


@on()
def test_programs_one_after_another(bench):
    """Nothing of one is left in the next."""
    for seed, integer in enumerate((SMALL, OTHER, SMALL, WIDE, LEAST, OTHER)):
        checked(bench, integer, images_of(integer, 2, seed))


@on()
def test_the_smallest_and_the_largest_values(bench):
    for integer in (SMALL, WIDE, LEAST):
        darkest = np.zeros((1, *integer.graph.input_shape), np.uint8)
        checked(bench, integer, np.concatenate([darkest, darkest + 255, images_of(integer, 1), darkest]))


@on()
def test_images_that_do_not_fit_are_refused(bench):
    """And the next ones are right."""
    device, program = bench.device(SMALL), compile_network(SMALL, bench.config)
    for wrong in (IMAGES[:0], IMAGES[:, :, :7], IMAGES[0], IMAGES.astype(np.int64), np.repeat(IMAGES, 3, axis=1)):
        with pytest.raises(CodesignError, match=r"^Images must be uint8 of shape \(1 or more, 1, 8, 8\), not .*$"):
            device.run(program, wrong)
    checked(bench, SMALL, IMAGES)


@on("reference")
def test_a_program_for_another_accelerator_is_refused(bench):
    """With both digests."""
    other, device = other_than(bench.config), bench.device(SMALL)
    digests = rf"for accelerator {bench.config.digest()[:16]}, not {other.digest()[:16]}$"
    with pytest.raises(CodesignError, match=digests):
        device.run(compile_network(SMALL, other), IMAGES)
    checked(bench, SMALL, IMAGES)


@on(*(kind for kind in KINDS if kind != "reference"))
def test_another_network_is_refused_by_the_reference(bench):
    with pytest.raises(CodesignError, match="^Program must be of the network that the reference computes"):
        bench.device(SMALL).run(compile_network(OTHER, bench.config), IMAGES)


@on("reference", "verilator", "host", "virtual", "system")
def test_another_accelerator_at_the_port_is_refused(bench):
    """With both digests; and then whoever asks for the right one has it."""
    other, port = other_than(bench.config), ExitStack()
    with port, pytest.raises(CodesignError, match=rf"must have digest {other.digest()[:16]} \(.*\), not "
                                                  rf"{bench.config.digest()[:16]}$"):
        bench.open(SMALL, other, port)
    checked(bench, SMALL, IMAGES)


@on()
def test_closed_twice_and_used_after(bench):
    """Closing again is no harm. What has no line works on; what had one says so in one line."""
    stack = ExitStack()
    device = bench.open(SMALL, stack=stack)
    checked(bench, SMALL, IMAGES, device)
    stack.close()
    stack.close()
    program = compile_network(SMALL, bench.config)
    if bench.has_line:
        with pytest.raises(CodesignError) as refused:
            device.run(program, IMAGES)
        assert "\n" not in str(refused.value)
    else:
        checked(bench, SMALL, IMAGES, device)
    checked(bench, SMALL, IMAGES, bench.open(SMALL))


@on("reference", "verilator")
def test_it_says_what_it_is(bench):
    device = bench.device(SMALL)
    board, low_high = device.link.board, digest_words(bench.config)
    assert board["board"] and board["firmware"] and board["memory_bytes"] >= 1 << 16 and board["tick_hz"] >= 1000
    assert board["version"] == device.link.protocol.version and board["window"] >= 1
    found = device.link.request("accelerator")
    assert found["digest"] == low_high[0] | low_high[1] << 32 and f"{found['rtl']:016x}" == device.rtl
    assert device.rtl == rtl_digest(bench.config)[:16] or bench.kind == "board"
    assert device.method == ("simulated" if device.link.has("simulated") else "measured")


@on("reference", "verilator")
def test_statistics_and_times(bench):
    """Runs are counted, nothing went wrong, and the time is told by what it was spent on."""
    device = bench.device(SMALL)
    before = device.link.request("statistics")
    checked(bench, SMALL, IMAGES)
    after = device.link.request("statistics")
    assert after["runs"] - before["runs"] == len(IMAGES) and after["frames"] > before["frames"]
    assert all(after[name] == before[name] for name in ("bad_crc", "bad_framing", "too_long", "overruns", "faults"))
    traffic = device.link.traffic
    assert traffic.bytes_sent > len(compile_network(SMALL, bench.config).stream) and traffic.damaged == 0
    assert device.times.compute_s > 0 and device.times.transfer_s >= 0


@on("reference", "verilator")
def test_reset_forgets_the_configuration(bench):
    device = bench.device(SMALL)
    checked(bench, SMALL, IMAGES[:1])
    device.link.request("reset")
    for op in ("run", "finish"):
        with pytest.raises(CodesignError, match=rf"must do {op}, not answer (not_configured|idle): "):
            device.link.request(op, timeout_ms=1000)
    checked(bench, SMALL, IMAGES)


@on("reference", "verilator")
def test_a_program_that_is_none_ends_with_its_error(bench):
    program, device = compile_network(SMALL, bench.config), bench.device(SMALL)
    with pytest.raises(CodesignError, match="^Run on .* must end without error, not with illegal_instruction$"):
        device.run(dataclasses.replace(program, stream=bytes(len(program.stream))), IMAGES[:1])
    checked(bench, SMALL, IMAGES)


@on("reference", "verilator")
def test_a_program_larger_than_the_memory_is_refused(bench):
    device = bench.device(SMALL)
    there, device.link.board["memory_bytes"] = device.link.board["memory_bytes"], 1000
    with pytest.raises(CodesignError, match="must take at most the 1000 bytes of .*'s memory, not"):
        device.run(compile_network(SMALL, bench.config), IMAGES)
    device.link.board["memory_bytes"] = there
    checked(bench, SMALL, IMAGES)
