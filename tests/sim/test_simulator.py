"""The simulator's C ABI where its memory is somebody else's, as in the virtual board."""

import ctypes

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.compiler import compile_network
from codesign.memory_map import MemoryMap
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.registers import Error
from codesign.sim.build import build_simulator
from codesign.sim.verilated import Session, load_library

TINY = PRESETS["tiny"]
BASE = 0x4_4000_0000  # beyond 32 bits
NETWORK = random_network(Network.from_dict({"name": "one", "input": [1, 4, 4], "layers": [
    {"conv": 8}, "average", {"linear": 10}]}).graph(), 0)


@pytest.fixture
def session():
    library = load_library(build_simulator(TINY))
    library.sim_attach.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
    library.sim_interrupt.argtypes = [ctypes.c_void_p]
    session = Session(library, TINY, compile_network(NETWORK, TINY))
    yield session
    session.close()


def start(session, memory: np.ndarray, base: int) -> MemoryMap:
    session.abi.sim_attach(session.sim, memory.ctypes.data, base, len(memory))
    session.abi.sim_configure(session.sim, TINY.memory.decibytes_per_cycle, TINY.memory.latency_cycles)
    where = MemoryMap.of(session.program)
    for name, value in where.registers(BASE).items():
        session.write(name, value)
    session.write("CONTROL", 1)
    return where


def test_memory_elsewhere(session):
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 4, 4)).astype(np.uint8)
    stream = session.program.with_image(image[0])
    memory = np.zeros(MemoryMap.of(session.program).size_bytes, np.uint8)
    memory[:len(stream)] = np.frombuffer(stream, np.uint8)
    where = start(session, memory, BASE)
    assert session.abi.sim_interrupt(session.sim) == 0
    assert session.wait(100_000) == 0 and session.abi.sim_interrupt(session.sim) == 1
    assert session.read("ERROR") == Error.NONE
    results = memory[where.output_address:where.output_address + 4 * session.program.results].view("<i4")
    np.testing.assert_array_equal(session.program.unpack_logits(results), evaluate(NETWORK, image)[0])


@pytest.mark.parametrize("base", [BASE - 0x1000_0000, BASE + 0x10_0000])
def test_what_lies_outside_is_answered_with_an_error(session, base):
    start(session, np.zeros(1 << 16, np.uint8), base)
    outcomes = [session.wait(100_000)]
    while outcomes[-1] == 2:
        outcomes.append(session.wait(100_000))
    assert outcomes[0] == 2 and outcomes[-1] == 0
    assert session.read("ERROR") == Error.READ_BUS
