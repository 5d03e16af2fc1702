import random

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.registers import COUNTERS, TRACE_COUNTERS, TRACE_ENTRIES, TRACE_STRIDE_WORDS
from codesign.rtl.counters import Counters

from .harness import play

CONFIG = AcceleratorConfig(rows=6, cols=5, bank_depth=64, acc_depth=4, bus_bits=64)
FLAGS = ("beat", "result", "running", "loading", "fenced", "weighing", "read_beat", "write_beat", "word")
IDLE = dict.fromkeys((*FLAGS, "start", "busy", "mark", "rows_enabled", "columns_enabled", "planes"), 0)
PARTS = ("active_cycles", "load_cycles", "stall_output_cycles", "stall_fence_cycles",
         "stall_weights_cycles", "stall_control_cycles")


def reason(cycle):
    """The one thing that a cycle counts under."""
    if cycle["running"]:
        return "active_cycles" if cycle["beat"] else "stall_output_cycles"
    if cycle["loading"]:
        return "load_cycles"
    if cycle["fenced"]:
        return "stall_fence_cycles"
    return "stall_weights_cycles" if cycle["weighing"] else "stall_control_cycles"


def model(run):
    """The counters after the cycles of one run."""
    counts = dict.fromkeys(COUNTERS, 0)
    for cycle in run:
        counts["cycles"] += 1
        counts[reason(cycle)] += 1
        for flag, name in (("read_beat", "read_beats"), ("write_beat", "write_beats"), ("word", "stream_words")):
            counts[name] += cycle[flag]
        counts["bank_reads"] += cycle["beat"] * cycle["rows_enabled"]
        counts["bank_writes"] += cycle["result"] * cycle["columns_enabled"] * cycle["planes"]
    return counts


@pytest.mark.parametrize("likely", [0.1, 0.5, 0.9])
def test_random_runs(likely):
    rng, cycles, ends = random.Random(likely), [], []
    for _ in range(4):
        length = rng.randrange(1, 300)
        for t in range(length + rng.randrange(3, 20)):
            cycle = {flag: int(rng.random() < likely) for flag in FLAGS}
            cycle["beat"] &= cycle["running"]  # only a pass issues beats
            cycle |= {"rows_enabled": rng.randrange(7), "columns_enabled": rng.randrange(6),
                      "planes": rng.randrange(1, 5), "start": int(t == 0), "busy": int(t < length), "mark": 0}
            cycles.append(cycle)
        ends.append((length, len(cycles)))
    seen, start = play(Counters(CONFIG), [*cycles, IDLE, IDLE]), 0
    for length, end in ends:
        expected = model(cycles[start:start + length])
        for t in (start + length + 1, end):  # and what happens after the run does not count
            assert seen[t]["counters"] == expected
        assert sum(expected[name] for name in PARTS) == expected["cycles"] == length
        start = end


def read_entry(index):
    return [IDLE | {"trace_address": TRACE_STRIDE_WORDS * index + word} for word in range(len(TRACE_COUNTERS))]


def test_trace_notes_the_counters_at_each_mark_and_starts_again():
    """As they were before the cycle of the mark."""
    rng = random.Random(3)
    for run in range(2):
        marks = sorted(rng.sample(range(1, 200), 20))
        first = [] if run == 0 else [IDLE | {"start": 1, "busy": 1}, *[IDLE | {"busy": 1, "mark": 1}] * 9]
        cycles = []
        for t in range(201):
            cycle = IDLE | {flag: rng.randrange(2) for flag in FLAGS}
            cycles.append(cycle | {"beat": cycle["beat"] & cycle["running"], "start": int(t == 0), "busy": 1,
                                   "mark": int(t in marks)})
        reads = [cycle for i in range(20) for cycle in read_entry(i)]
        seen = play(Counters(CONFIG), [*first, *cycles, *reads, IDLE, IDLE, IDLE])
        if first:
            assert seen[len(first) + 1]["trace_count"] == 9
            assert seen[len(first) + 2]["trace_count"] == 0
        assert seen[-1]["trace_count"] == 20
        expected = [model(cycles[:mark])[name] for mark in marks for name in TRACE_COUNTERS]
        assert [s["trace_data"] for s in seen[-len(expected):]] == expected  # three cycles after the address


def test_a_full_trace_keeps_its_first_entries():
    cycles = [IDLE | {"start": 1, "busy": 1}, *[IDLE | {"busy": 1, "mark": 1}] * (TRACE_ENTRIES + 5)]
    reads = [read_entry(i)[0] for i in (0, 1, TRACE_ENTRIES - 1)]
    seen = play(Counters(CONFIG), [*cycles, *reads, IDLE, IDLE, IDLE])
    assert seen[-1]["trace_count"] == TRACE_ENTRIES
    assert [s["trace_data"] for s in seen[-3:]] == [1, 2, TRACE_ENTRIES]
