import dataclasses
import random

import pytest

from codesign.accelerator import PRESETS
from codesign.memories import Memory, accelerator_memories, map_memory
from codesign.sim.build import TOP, accelerator_verilog
from codesign.sim.netlist import read_modules, walk

SHAPES = [{}, {"rows": 5, "cols": 7, "wide_rows": 2, "bus_bits": 256, "burst_beats": 8, "fifo_bursts": 2},
          {"rows": 9, "cols": 4, "weight_rows": 3, "acc_depth": 16, "acc_bits": 20, "bank_depth": 512}]


@pytest.mark.parametrize("changes", SHAPES)
def test_memories_are_those_of_the_rtl(changes):
    config = dataclasses.replace(PRESETS["tiny"], **changes)
    modules = read_modules(accelerator_verilog(config))
    emitted = sorted((m.words, m.bits) for _, module in walk(modules, TOP) for m in module.memories)
    assert emitted == sorted((m.words, m.bits) for m in accelerator_memories(config).values() for _ in range(m.count))


@pytest.mark.parametrize(("family", "words", "bits", "bram18"), [
    ("ecp5", 4096, 4, 1), ("ecp5", 8192, 4, 2), ("ecp5", 512, 36, 1), ("ecp5", 512, 64, 2), ("ecp5", 256, 4, 0),
    ("xcup", 4096, 4, 1), ("xcup", 32768, 4, 8), ("xcup", 1024, 27, 2), ("xcup", 64, 64, 0), ("xcup", 512, 4, 0)])
def test_block_rams(family, words, bits, bram18):
    assert map_memory(family, Memory(words=words, bits=bits)).bram18 == bram18


@pytest.mark.parametrize("family", ["ecp5", "xcup"])
def test_every_bit_is_held_once_and_no_block_is_empty(family):
    rng = random.Random(5)
    for _ in range(200):
        memory = Memory(words=1 << rng.randint(1, 16), bits=rng.randint(1, 300), transparent=rng.random() < 0.5)
        mapping = map_memory(family, memory)
        assert sum(n > 0 for n in (mapping.bram18, mapping.lut, mapping.ff)) == 1
        assert mapping.bram18 * 18 * 1024 >= memory.words * memory.bits or not mapping.bram18
        assert mapping.ff in (0, memory.words * memory.bits)
