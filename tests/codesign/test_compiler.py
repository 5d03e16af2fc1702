import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear, Shift
from codesign.integer import IntegerNetwork, Layer
from codesign.isa import Isa
from codesign.random_weights import extreme_network, random_network
from codesign.reference import evaluate
from tests.random_graphs import CONFIGS, random_graph

from .interpreter import Interpreter

TINY = PRESETS["tiny"]


def network(bias=0, size=2):
    """stem: 1 -> 3; shifted; conv: 3 -> 2, weights -8 -7 -6 and -5 -4 -3; average; linear."""
    builder = GraphBuilder((1, size, size))
    builder.add("stem", Conv(out_channels=3), 0)
    builder.add("shift", Shift(offsets=((1, 0), (0, -1), (0, 0))), 1)
    builder.add("conv", Conv(out_channels=2), 2)
    builder.add("average", GlobalAverage(), 3)
    builder.add("linear", Linear(out_channels=2), 4)
    one, zero = np.ones(3, np.int64), np.zeros(3, np.int64)
    return IntegerNetwork(builder.graph(), {
        "stem": Layer(np.ones((3, 1), np.int8), one, zero, zero),
        "conv": Layer(np.arange(-8, -2).reshape(2, 3).astype(np.int8), one[:2], zero[:2], zero[:2] + 3),
        "linear": Layer(np.full((2, 2), 7, np.int8), one[:2], zero[:2] + bias, zero[:2])})


@pytest.mark.parametrize("seed", range(24))
def test_programs_mean_what_the_reference_says(seed):
    """Read back from the bytes alone, a random network's program gives the reference's logits."""
    rng = np.random.default_rng(seed)
    config = CONFIGS[seed % len(CONFIGS)]
    while True:
        graph = random_graph(rng)
        integers = (extreme_network if seed % 2 else random_network)(graph, seed)
        try:
            program = compile_network(integers, config)
            break
        except CodesignError as e:  # too large for its banks
            assert "bank_depth" in str(e)
    images = rng.integers(0, 256, (2, *graph.input_shape)).astype(np.uint8)
    machine = Interpreter(config)
    found = [machine.run(program, image) for image in images]
    np.testing.assert_array_equal(found, evaluate(integers, images))


@pytest.mark.parametrize("seed", range(40))
def test_programs_in_bands_mean_what_the_reference_says(seed):
    """With half the banks that the network needs at once, or less: band after band of rows, the same logits."""
    rng = np.random.default_rng(seed)
    program = None
    while program is None or len(program.schedule.visits) == len(program.schedule.gemms):
        graph = random_graph(rng)
        integers = (extreme_network if seed % 2 else random_network)(graph, seed)
        program = in_bands(integers, CONFIGS[seed % len(CONFIGS)], rng.integers(1, 4))
    images = rng.integers(0, 256, (2, *graph.input_shape)).astype(np.uint8)
    machine = Interpreter(program.config)
    found = [machine.run(program, image) for image in images]
    np.testing.assert_array_equal(found, evaluate(integers, images))


def in_bands(integers, config, halvings):
    """A program for banks halved until the network does not fit at once, and so often again as it fits in bands."""
    program = None
    for depth in (1 << i for i in range(17, 5, -1)):
        try:
            fewer = compile_network(integers, dataclasses.replace(config, bank_depth=depth))
        except CodesignError as e:
            assert "even in bands" in str(e) or "acc_bits" in str(e)
            return program
        banded = len(fewer.schedule.visits) > len(fewer.schedule.gemms)
        program = fewer if banded else program
        halvings -= banded
        if not halvings:
            return program
    return program


def test_blocks_by_hand():
    """Of the second product: row r has channel r of the stem."""
    program, isa = compile_network(network(), TINY), Isa(TINY)
    listing = program.listing().splitlines()
    assert [line.split()[1] for line in listing] == ["LOAD", *["PASS"] * (len(listing) - 2), "END"]
    at = int(listing[-3].split()[0]) + isa.instruction_words
    words = np.frombuffer(program.stream, "<u8").tolist()
    # The last row comes first, column 0 in the lowest bits.
    assert [row & 0xFF for row in words[at:at + 4]] == [0x00, 0xDA, 0xC9, 0xB8]
    at += isa.weight_words
    descriptors = np.array(words[at:at + isa.row_words], "<u8").view("<u4").tolist()
    none = dict.fromkeys(isa.row.fields, 0)
    start = program.schedule.placement.tiles[0][0].addr  # of the stem's map
    assert [isa.row.decode(bits) for bits in descriptors] == [
        none | dict(addr=start + 1, enable=1, dx=1), none | dict(addr=start - 2, enable=1, dy=-1),
        none | dict(addr=start, enable=1), none]
    at += isa.row_words
    assert [isa.column.decode(word) for word in words[at:at + isa.column_words]] == [
        dict(add=0, mul=1, shift=3, enable=1)] * 2 + [dict(add=0, mul=0, shift=0, enable=0)] * 2


def test_fewer_visits_end_early():
    whole, first = (compile_network(network(), TINY, visits=n) for n in (None, 1))
    assert whole.layer_names == ("stem", "conv", "linear") and first.layer_names == ("stem",)
    assert [line.split()[1] for line in first.listing().splitlines()].count("PASS") < len(whole.schedule.passes)


def test_sums_must_fit_the_accumulators():
    builder, one = GraphBuilder((20, 2, 2)), np.ones(1, np.int64)
    builder.add("conv", Conv(out_channels=1), 0)
    builder.add("average", GlobalAverage(), 1)
    builder.add("linear", Linear(out_channels=1), 2)

    def heavy(weight):
        return IntegerNetwork(builder.graph(), {
            "conv": Layer(np.array([[weight] * 16 + [0] * 4], np.int8), one, 0 * one, 0 * one),
            "linear": Layer(np.ones((1, 1), np.int8), one, 0 * one, 0 * one)})

    narrow = dataclasses.replace(TINY, acc_bits=16)
    compile_network(heavy(-8), narrow)  # -8 * 16 * 255 = -32640
    network = heavy(-8)
    network.layers["conv"].weight[0, 16] = -1
    with pytest.raises(CodesignError, match=r"^conv: sums must fit acc_bits \(16 bits\), not reach -32895\.\.0$"):
        compile_network(network, narrow)


def test_logits_must_fit_32_bits():
    """2 * 7 * 60 = 840 on top of the bias."""
    with pytest.raises(CodesignError, match=r"^linear: logits must fit 32 bits, not reach 2147482808\.\.2147483648$"):
        compile_network(network(bias=2**31 - 840), TINY)
    compile_network(network(bias=2**31 - 841), TINY)


def test_what_does_not_fit_the_banks_says_how_deep_they_must_be():
    """The stem's map of 10x10 pixels takes 100 words, and is averaged, so it must be whole; the image need not."""
    message = r"^Accelerator bank_depth must be at least 128 words to hold this network's maps, even in bands, not 64$"
    with pytest.raises(CodesignError, match=message):
        compile_network(network(size=10), dataclasses.replace(TINY, bank_depth=64))
    compile_network(network(size=10), dataclasses.replace(TINY, bank_depth=128))
