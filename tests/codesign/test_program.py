import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear
from codesign.random_weights import random_network
from codesign.schedule import Load
from tests.random_graphs import CONFIGS, random_graph

ROOMY = [dataclasses.replace(config, bank_depth=1 << 15) for config in CONFIGS]


def small(channels=3, height=3, width=5, config=PRESETS["tiny"], seed=0):
    builder = GraphBuilder((channels, height, width))
    builder.add("conv", Conv(out_channels=6), 0)
    builder.add("average", GlobalAverage(), 1)
    builder.add("linear", Linear(out_channels=9), 2)
    return compile_network(random_network(builder.graph(), seed), config)


@pytest.mark.parametrize("config", ROOMY, ids=lambda c: c.name)
@pytest.mark.parametrize("seed", range(4))
def test_listing_shows_what_was_encoded(config, seed):
    """One line per packet, at its word, with every field that is not zero."""
    program = compile_network(random_network(random_graph(np.random.default_rng(seed)), seed), config)
    lines = [line.split() for line in program.listing().splitlines()]
    steps = [step for step in program.schedule.steps if isinstance(step, Load) or not step.again]
    assert [line[1] for line in lines] == ["LOAD" if isinstance(s, Load) else "PASS" for s in steps] + ["END"]
    for (_, _, *shown), fields in zip(lines, [*(step.fields for step in steps), {}], strict=True):
        assert dict(pair.split("=") for pair in shown) == {k: str(int(v)) for k, v in fields.items() if v}
    where = [int(line[0]) for line in lines]
    assert where[0] == 0 and where == sorted(set(where)) and where[-1] * config.word_bits // 8 < len(program.stream)


def test_image_words_by_hand():
    """4 banks: 2 channels' low halves, then their high halves; the third channel in words of its own, 2 pixels each."""
    program = small(3, 1, 3)
    image = np.array([0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 0xF0, 0x0F], np.uint8).reshape(3, 1, 3)
    words = [int.from_bytes(data[i:i + 8], "little") for _, data in program.place_image(image)
             for i in range(0, len(data), 8)]
    assert sorted(words) == sorted([0x7182, 0x93A4, 0xB5C6, 0xFD0E, 0x000F])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_stream(config):
    """Whole beats; the image goes only where the LOADs' words are, each on a beat."""
    program = small(5, 4, 4, config)
    beat, word = config.bus_bits // 8, config.word_bits // 8
    assert len(program.stream) == program.beats * beat and program.output_bytes % beat == 0
    assert 4 * program.results <= program.output_bytes < 4 * program.results + beat
    image = np.random.default_rng(0).integers(1, 256, program.input_shape).astype(np.uint8)
    places = [(at, at + load.fields["words"] * word)
              for at, load in zip(program.image_at, program.schedule.loads, strict=True)]
    filled = bytearray(program.with_image(image))
    assert [(at, at + len(data)) for at, data in program.place_image(image)] == places
    for at, end in places:
        assert at % beat == end % beat == 0 and any(filled[at:end]) and not any(program.stream[at:end])
        filled[at:end] = bytes(end - at)
    assert filled == program.stream


def test_digest_is_of_weights_and_hardware():
    program = small()
    assert program.digest() == small().digest()
    assert len({p.digest() for p in (program, small(seed=1), small(config=PRESETS["ulx3s"]))}) == 3


def test_logits_are_unpacked_by_class():
    program = small()
    results = np.arange(100, 100 + program.results, dtype=np.int32)
    logits = program.unpack_logits(np.stack([results, -results]))
    assert logits.dtype == np.int64 and logits.shape == (2, 9)
    assert (logits[0] - 100).tolist() == list(program.logit_positions)
    assert len(set(program.logit_positions)) == 9 and max(program.logit_positions) < program.results == 12


@pytest.mark.parametrize("image", [np.zeros((1, 3, 5), np.uint8), np.zeros((3, 3, 5), np.int64)])
def test_bad_image(image):
    message = r"^Image must be uint8 of shape \(3, 3, 5\), not \w+ of shape \(\d, 3, 5\)$"
    with pytest.raises(CodesignError, match=message):
        small().with_image(image)
