"""What the accelerator measures of itself: counters and the trace of layers."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.registers import TRACE_COUNTERS, TRACE_ENTRIES, TRACE_STRIDE_WORDS, TRACE_WORDS

from .control import COUNTER_LAYOUT

__all__ = ["Counters"]


class Counters(wiring.Component):
    """Counts from ``start`` to the last cycle of ``busy``; every cycle falls under exactly one of active, load,
    output, fence, weights and control. The trace holds some of the counters as they were at each ``mark``.

    Members
    -------
    start, busy : of the run; ``start`` is its first cycle
    beat, result : a pixel enters the array; it completes a result
    running, loading, fenced, weighing : a pass is in hand; an image is being loaded; something waits for earlier
        results; weights are taken next
    read_beat, write_beat, word : bus beats, and program words taken
    rows_enabled, columns_enabled, planes : bank words read by a beat; results, and words of each, written
    mark : note the counters
    counters, trace_count, trace_address, trace_data : as :class:`~codesign.rtl.control.Control` wants them;
        they have counted a cycle, and noted a mark, two cycles later
    """

    def __init__(self, config: AcceleratorConfig):
        super().__init__({
            "start": In(1), "busy": In(1), "beat": In(1), "result": In(1), "loading": In(1), "running": In(1),
            "fenced": In(1), "weighing": In(1), "read_beat": In(1), "write_beat": In(1), "word": In(1), "mark": In(1),
            "rows_enabled": In(range(config.rows + 1)), "columns_enabled": In(range(config.cols + 1)),
            "planes": In(3),
            "counters": Out(COUNTER_LAYOUT), "trace_count": Out(range(TRACE_ENTRIES + 1)),
            "trace_address": In(range(TRACE_WORDS)), "trace_data": Out(32),
        })

    def elaborate(self, platform):
        m = Module()
        stalled = ~self.running & ~self.loading
        # Its bits are few: so no multiplier is taken for them.
        written = sum(Mux(bit, self.columns_enabled << i, 0) for i, bit in enumerate(self.planes))
        steps = {  # when to count, and how much: a register between these and the sums
            "cycles": (1, 1),
            "active_cycles": (self.beat, 1),
            "stall_output_cycles": (self.running & ~self.beat, 1),
            "load_cycles": (~self.running & self.loading, 1),
            "stall_fence_cycles": (stalled & self.fenced, 1),
            "stall_weights_cycles": (stalled & ~self.fenced & self.weighing, 1),
            "stall_control_cycles": (stalled & ~self.fenced & ~self.weighing, 1),
            "read_beats": (self.read_beat, 1),
            "write_beats": (self.write_beat, 1),
            "stream_words": (self.word, 1),
            "bank_reads": (self.beat, self.rows_enabled),
            "bank_writes": (self.result, written),
        }
        start, mark = Signal(), Signal()
        m.d.sync += [start.eq(self.start), mark.eq(self.mark)]
        for name, (condition, step) in steps.items():
            counted, by = Signal(name=f"counted_{name}"), Signal(Value.cast(step).shape(), name=f"step_{name}")
            m.d.sync += [counted.eq(self.busy & condition), by.eq(step),
                         self.counters[name].eq(Mux(start, 0, self.counters[name]) + Mux(counted, by, 0))]

        entry_bits = 32 * len(TRACE_COUNTERS)
        m.submodules.trace = trace = Memory(shape=entry_bits, depth=TRACE_ENTRIES, init=[])
        write, read = trace.write_port(), trace.read_port(transparent_for=())
        word = Signal(range(TRACE_STRIDE_WORDS))
        entry, selected = Signal(entry_bits, reset_less=True), Signal.like(word)
        m.d.sync += word.eq(self.trace_address)
        m.d.comb += [
            write.addr.eq(self.trace_count),
            write.data.eq(Cat(self.counters[name][:32] for name in TRACE_COUNTERS)),
            write.en.eq(mark & (self.trace_count != TRACE_ENTRIES)),
            read.addr.eq(self.trace_address // TRACE_STRIDE_WORDS),
        ]
        m.d.sync += [entry.eq(read.data), selected.eq(word), self.trace_data.eq(entry.word_select(selected, 32))]
        with m.If(write.en):
            m.d.sync += self.trace_count.eq(self.trace_count + 1)
        with m.If(start):
            m.d.sync += self.trace_count.eq(0)
        return m
