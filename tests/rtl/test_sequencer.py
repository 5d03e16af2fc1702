# amaranth: UnusedElaboratable=no

import random
from itertools import count

import numpy as np
import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS
from codesign.isa import COLUMN_ENTRY_BITS, ROW_ENTRY_BITS, Isa, Opcode
from codesign.rtl.sequencer import Sequencer
from codesign.timing import column_wait, drain, row_wait

from .harness import plain, simulate

CONFIGS = {config.name: config for config in (
    AcceleratorConfig(name="4x4", rows=4, cols=4, bank_depth=1024, acc_depth=8, bus_bits=64),
    AcceleratorConfig(name="one_word", rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=64, weight_rows=4),
    AcceleratorConfig(name="5x4", rows=5, cols=4, bank_depth=64, acc_depth=4, bus_bits=64),
    AcceleratorConfig(name="9x20", rows=9, cols=20, bank_depth=256, acc_depth=16, bus_bits=128))}
BLOCKS = {"load_weights": "weight", "load_rows": "row", "load_columns": "column"}
OUTPUTS = ("align", "go", "again", "column_set", "weight_load", "row_load", "column_load", "index", "word", "write",
           "flush", "hungry", "done", "illegal", "loading", "fenced", "weighing", "rows_enabled", "columns_enabled")


def random_pass(rng, config, repeat=0, **more):
    """(words, fields of the instruction, then for each pass: words of each block, rows and columns it enables or None).

    ``repeat`` : repetitions, with weights at least.
    """
    isa = Isa(config)
    fields = {f.name: rng.randrange(1 << f.width - f.signed) for f in isa.instructions[Opcode.PASS].fields.values()}
    fields |= {flag: rng.random() < 0.4 for flag in (*BLOCKS, "fence")} | {"op": Opcode.PASS, "repeat": repeat} | more
    fields["load_weights"] |= repeat > 0
    words = isa.words(isa.instructions[Opcode.PASS].encode(**fields), isa.instruction_words)
    passes = [random_blocks(rng, config, fields if again == 0 else fields | {"load_rows": 0})
              for again in range(repeat + 1)]
    return words + [word for blocks, _ in passes for block in blocks.values() for word in block], fields, passes


def random_blocks(rng, config, fields):
    isa, blocks, enabled = Isa(config), {}, {}
    for flag, entries, bits, layout in (("load_rows", config.rows, ROW_ENTRY_BITS, isa.row),
                                        ("load_columns", config.cols, COLUMN_ENTRY_BITS, isa.column)):
        values = [rng.getrandbits(layout.width) for _ in range(entries)]
        blocks[flag] = isa.entries(values, bits, isa.row_words if flag == "load_rows" else isa.column_words)
        enabled[flag] = sum(layout.decode(value)["enable"] for value in values) if fields[flag] else None
    blocks["load_weights"] = [rng.getrandbits(config.word_bits) for _ in range(isa.weight_words)]
    return {flag: blocks[flag] for flag in BLOCKS if fields[flag]}, enabled


def random_load(rng, config, **more):
    """(words, fields, the image's words)."""
    isa = Isa(config)
    fields = dict(op=Opcode.LOAD, base=rng.randrange(config.bank_depth), words=rng.randrange(1, 40)) | more
    image = [rng.getrandbits(config.word_bits) for _ in range(fields["words"])]
    return isa.words(isa.instructions[Opcode.LOAD].encode(**fields), isa.instruction_words) + image, fields, image


def end(config, op=Opcode.END):
    return Isa(config).words(int(op), Isa(config).instruction_words), {"op": op}


def run(config, packets, *, stall=0.0, walker_stall=None, seed=0, most_beats=30):
    """Feed the packets' words, with a walker that takes a random time over each pass, and results that take a part
    ``stall`` of the turns to write; a log of every cycle."""
    walker_stall = stall if walker_stall is None else walker_stall
    rng, dut, log = random.Random(seed), Sequencer(config), []

    async def bench(ctx):
        words, beats, valid, flushing = [word for packet in packets for word in packet[0]], 0, False, 0
        ctx.set(dut.start, 1)
        while not log or not log[-1]["done"]:
            valid = valid or bool(words) and rng.random() >= stall
            beat = beats > 0 and rng.random() >= walker_stall
            available, running = beats == int(beat), beats > 0
            flushed = flushing > 3
            blocked = rng.random() < stall
            ctx.set(dut.words.valid, valid)
            ctx.set(dut.words.payload, words[0] if valid else rng.getrandbits(config.word_bits))
            ctx.set(dut.beat, beat)
            ctx.set(dut.available, available)
            ctx.set(dut.running, running)
            ctx.set(dut.flushed, flushed)
            ctx.set(dut.blocked, blocked)
            cycle = {name: plain(ctx.get(getattr(dut, name))) for name in OUTPUTS}
            taken = valid and ctx.get(dut.words.ready)
            cycle |= {"valid": valid, "taken": taken, "beat": beat, "available": available, "running": running,
                      "flushed": flushed, "blocked": blocked, "fields": ctx.get(dut.fields)}
            log.append(cycle)
            if taken:
                words.pop(0)
                valid = False
            beats -= beat
            if cycle["go"]:
                beats = rng.randrange(1, most_beats)
            flushing += cycle["flush"] or flushing > 0
            await ctx.tick()
            ctx.set(dut.start, 0)
        assert not words

    words = sum(len(packet[0]) for packet in packets)
    simulate(dut, bench, cycles=20 * words + 2 * most_beats * len(packets) + 2000)
    return log


class Replay:
    """When everything must have happened, from the contract and the times at which inputs were there."""

    def __init__(self, config, log):
        self.config, self.log, self.isa = config, log, Isa(config)
        self.now = self.reads_from = 1  # the cycle after start
        self.rows_free, self.columns_free, self.column_set = 0, [0, 0], 0
        self.enabled = {"load_rows": 0, "load_columns": 0}
        self.expected = {name: {} for name in (
            "taken", "go", "weight_load", "row_load", "column_load", "align", "flush", "done", "illegal", "hungry",
            "loading", "fenced", "weighing", "write", "enabled", "handed")}

    def first(self, start, condition):
        return next(t for t in count(start) if condition(t))

    def note(self, name, cycle, value=1):
        self.expected[name][cycle] = value

    def take(self, earliest=0):
        """The next word leaves the stream when it is there, and is used then or, if it may not be yet, later; returns
        when."""
        return self.use(self.leave(), earliest)

    def leave(self):
        taken = self.first(self.reads_from, lambda t: self.log[t]["valid"])
        for t in range(self.reads_from, taken):
            self.note("hungry", t)
        self.note("taken", taken)
        return taken

    def use(self, taken, earliest=0):
        self.last_used = max(taken, self.now, earliest)
        self.now = self.reads_from = self.last_used + 1
        return self.last_used

    def drained(self, cycle):
        return not any(self.log[t]["beat"] for t in range(max(0, cycle - drain(self.config)), cycle))

    def empty(self, cycle):
        return not self.log[cycle]["running"] and self.drained(cycle)

    def run_passes(self, words, fields, passes):
        for _ in range(self.isa.instruction_words):
            self.take()
        for again, (blocks, enabled) in enumerate(passes):
            if again:
                fields = fields | {"repeat": fields["repeat"] - 1, "mark": 0, "fence": 0, "load_rows": 0}
            self.run_pass(fields, blocks, enabled, again > 0)

    def run_pass(self, fields, blocks, enabled, again):
        for flag, words in blocks.items():
            free = {"load_rows": self.rows_free, "load_columns": self.columns_free[self.column_set]}.get(flag, 0)
            before = self.last_used
            for index, word in enumerate(words):
                which = {"load_weights": (index, word), "load_rows": (1 << index, word),
                         "load_columns": ([1 << index if i == self.column_set else 0 for i in range(2)], word)}
                self.note(f"{BLOCKS[flag]}_load", self.take(free) + 1, which[flag])
            if flag == "load_weights":
                for t in range(before + 1, self.last_used + 1):
                    self.note("weighing", t)
        go = self.first(self.now, self.empty if fields["fence"] else lambda t: self.log[t]["available"])
        for t in range(self.now, go):
            if fields["fence"] and not self.log[t]["running"]:
                self.note("fenced", t)
        self.note("go", go, fields)
        self.note("handed", go, (again, self.column_set))
        self.rows_free = go + 1 + row_wait(self.config) if fields["load_rows"] else self.rows_free
        if fields["load_columns"]:
            self.columns_free[self.column_set] = go + 1 + column_wait(self.config)
            self.column_set ^= 1
        self.enabled |= {flag: number for flag, number in enabled.items() if number is not None}
        self.note("enabled", go + 1, dict(self.enabled))
        self.now = go

    def load(self, words, fields, image):
        for _ in range(self.isa.instruction_words):
            self.take()
        self.note("align", self.now)
        self.now = self.reads_from = self.now + 1
        for index, word in enumerate(image):
            begin = self.now
            cycle = self.use(self.first(self.leave(), lambda t: not self.log[t]["blocked"]))
            for t in range(begin, cycle + 1):
                self.note("loading", t)
            self.note("write", cycle + 1, ((fields["base"] + index) % self.config.bank_depth,
                                           word % (1 << A_BITS * self.config.load_lanes)))

    def end(self, words, fields):
        for _ in range(self.isa.instruction_words):
            self.take()
        self.note("align", self.now)
        if fields["op"] != Opcode.END:
            self.note("illegal", self.now)
            self.note("done", self.now)
            return
        flush = self.first(self.now + 1, self.empty)
        done = self.first(flush + 1, lambda t: self.log[t]["flushed"])
        for t in range(self.now + 1, done + 1):
            self.note("fenced", t)
        self.note("flush", flush)
        self.note("done", done)


def check(config, packets, log):
    replay, layout = Replay(config, log), Isa(config).instructions[Opcode.PASS]
    for packet in packets:
        {Opcode.PASS: replay.run_passes, Opcode.LOAD: replay.load}.get(packet[1]["op"], replay.end)(*packet)
    expected = replay.expected
    for name in ("taken", "align", "flush", "done", "illegal", "hungry", "loading", "fenced", "weighing"):
        assert [t for t, cycle in enumerate(log) if cycle[name]] == sorted(expected[name]), name
    for name in ("weight_load", "row_load", "column_load"):
        which = "index" if name == "weight_load" else name
        seen = {t: (cycle[which], cycle["word"]) for t, cycle in enumerate(log) if np.any(cycle[name])}
        assert seen == expected[name], name
    assert {t: layout.decode(cycle["fields"]) for t, cycle in enumerate(log) if cycle["go"]} == expected["go"]
    assert {t: (cycle["again"], cycle["column_set"])
            for t, cycle in enumerate(log) if cycle["go"]} == expected["handed"]
    seen = {t: (cycle["write"]["addr"], cycle["write"]["data"])
            for t, cycle in enumerate(log) if cycle["write"]["enable"]}
    assert seen == expected["write"]
    enabled = {"load_rows": 0, "load_columns": 0}
    for t, cycle in enumerate(log):
        enabled = expected["enabled"].get(t, enabled)
        assert (cycle["rows_enabled"], cycle["columns_enabled"]) == tuple(enabled.values())
    return expected


@pytest.mark.parametrize("stall", [0, 0.3], ids=["full_rate", "stalled"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_random_programs(config, stall):
    rng = random.Random(config.rows)
    packets = [random_load(rng, config) if rng.random() < 0.1 else
               random_pass(rng, config, repeat=rng.choice([0, 0, 0, 1, 5])) for _ in range(60)]
    packets.append(end(config))
    check(config, packets, run(config, packets, stall=stall))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_pass_that_waits_for_longer_than_the_pipeline_takes_is_not_over(config):
    """Between its beats, all that was issued may have come out: a fence and the end wait for the last of them still."""
    rng = random.Random(9)
    packets = [random_pass(rng, config, fence=1, repeat=1) for _ in range(8)] + [end(config)]
    log = run(config, packets, walker_stall=1 - 1 / drain(config), most_beats=4)
    assert len(check(config, packets, log)["go"]) == 2 * 8
    drained = Replay(config, log).drained
    assert any(cycle["beat"] and cycle["available"] and drained(t) for t, cycle in enumerate(log))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_blocks_wait_for_the_swap_before(config):
    """Short passes that each load everything: what limits them is the shadow registers."""
    rng = random.Random(5)
    packets = [random_pass(rng, config, load_weights=0, load_rows=rows, load_columns=not rows, fence=0)
               for rows in (1, 1, 0, 0, 0)]  # of the parameters' two sets of registers, the last needs the first again
    log = run(config, [*packets, end(config)], most_beats=2)
    expected = check(config, [*packets, end(config)], log)
    gos, loads = sorted(expected["go"]), sorted(expected["column_load"])
    first_of_third_block = loads[2 * Isa(config).column_words]
    assert first_of_third_block - 1 == gos[2] + 1 + column_wait(config)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_an_image_comes_in_at_a_word_a_cycle_while_a_pass_runs(config):
    """Nothing but its own length limits it, past the banks' last address too."""
    rng, isa = random.Random(6), Isa(config)
    packets = [random_pass(rng, config, fence=0), random_load(rng, config, base=config.bank_depth - 7, words=300)]
    packets += [random_load(rng, config, words=1), end(config)]
    log = run(config, packets, most_beats=10_000)
    expected = check(config, packets, log)
    (go,), writes = expected["go"], sorted(expected["write"])
    begin = go + isa.instruction_words + 2  # the instruction, to the next beat, the first word, its register
    assert writes == [*range(begin, begin + 300), begin + 300 + isa.instruction_words + 1]
    assert all(not cycle["available"] for cycle in log[go + 1:begin + 300])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_repetitions_follow_each_other_without_a_gap(config):
    """Where pixels do not limit, a pass takes as long as its weights do: a word a cycle."""
    packets = [random_pass(random.Random(8), config, repeat=9, load_columns=0, fence=0), end(config)]
    expected = check(config, packets, run(config, packets, most_beats=2))
    gos = sorted(expected["go"])
    assert {b - a for a, b in zip(gos, gos[1:], strict=False)} == {Isa(config).weight_words}


@pytest.mark.parametrize("op", [0, Opcode.END])
def test_ends(op):
    config, rng = CONFIGS["4x4"], random.Random(7)
    packets = [random_pass(rng, config, fence=0), end(config, op)]
    expected = check(config, packets, run(config, packets))
    assert len(expected["done"]) == 1 and len(expected["flush"]) == (op == Opcode.END)
