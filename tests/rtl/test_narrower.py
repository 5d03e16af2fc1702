import random

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.narrower import Narrower

from .harness import simulate

CONFIGS = {f"{bus}/{64 if cols < 17 else 128}": AcceleratorConfig(rows=4, cols=cols, bank_depth=64, acc_depth=4,
                                                                  bus_bits=bus)
           for cols, bus in ((4, 64), (4, 128), (4, 512), (20, 128), (20, 256))}


def run(config, segments, *, stall, seed=0):
    """Send every segment's beats and take the words asked of it, then align.

    ``segments``: (beats, words to take). Returns per word or beat taken its kind, value and cycle.
    """
    rng, dut, log = random.Random(seed), Narrower(config), []

    async def bench(ctx):
        now = 0
        for beats, wanted in segments:
            queue, taken = list(beats), 0
            while taken < wanted:
                valid, ready = rng.random() >= stall, rng.random() >= stall
                ctx.set(dut.i.valid, valid)
                ctx.set(dut.i.payload, queue[0] if valid else rng.getrandbits(config.bus_bits))
                ctx.set(dut.o.ready, ready)
                assert ctx.get(dut.o.valid) == valid  # no latency
                if valid and ready:
                    log.append(("word", ctx.get(dut.o.payload), now))
                    taken += 1
                if valid and ctx.get(dut.i.ready):
                    log.append(("beat", queue.pop(0), now))
                await ctx.tick()
                now += 1
            ctx.set(dut.o.ready, 0)
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, queue[0] if queue else 0)
            ctx.set(dut.align, 1)
            if ctx.get(dut.i.ready):
                log.append(("beat", queue.pop(0), now))
            await ctx.tick()
            now += 1
            ctx.set(dut.align, 0)
            assert not queue

    simulate(dut, bench, cycles=200 + 40 * sum(words for _, words in segments))
    return log


@pytest.mark.parametrize("stall", [0, 0.4], ids=["full_rate", "stalled"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_words_of_beats(config, stall):
    rng, count = random.Random(1), config.words_per_beat
    segments = [([rng.getrandbits(config.bus_bits) for _ in range(-(-words // count))], words)
                for words in (rng.randrange(1, 5 * count) for _ in range(30))]
    log = run(config, segments, stall=stall)
    expected = []
    for beats, words in segments:
        for index, beat in enumerate(beats):
            expected += [("word", beat >> config.word_bits * i & (1 << config.word_bits) - 1)
                         for i in range(min(count, words - index * count))]
            expected.append(("beat", beat))
    assert [entry[:2] for entry in log] == expected
    if not stall:  # a word every cycle; each segment's end takes one more, to align
        cycles = [now for kind, _, now in log if kind == "word"]
        assert cycles[-1] == len(cycles) - 1 + len(segments) - 1


def test_align_keeps_a_beat_of_which_nothing_was_taken():
    config = CONFIGS["128/64"]
    dut = Narrower(config)

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, 7 << 64 | 5)
        ctx.set(dut.align, 1)
        for _ in range(3):
            assert not ctx.get(dut.i.ready)
            await ctx.tick()
        ctx.set(dut.align, 0)
        ctx.set(dut.o.ready, 1)
        assert (ctx.get(dut.o.payload), ctx.get(dut.i.ready)) == (5, 0)
        await ctx.tick()
        assert (ctx.get(dut.o.payload), ctx.get(dut.i.ready)) == (7, 1)

    simulate(dut, bench, cycles=10)
