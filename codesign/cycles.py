"""The cost model: a network's cycles and counters on an accelerator, equal to the RTL's.

Not a simulation: the program is walked once, block by block, and each block's time follows from when its words
can be there (memory, FIFO credits) and when the shadow registers, the array and the banks are free.
Cycle 0 is the run's first.
"""

from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .graph import Graph
from .isa import Isa
from .layer_cycles import LayerCycles, split_by_layer
from .registers import COUNTERS
from .schedule import Pass, Schedule, schedule
from .timing import (
    COLUMN,
    COLUMN_RAW,
    FETCH_BEAT,
    FETCH_CREDIT,
    FETCH_START,
    WRITE,
    column_wait,
    drain,
    first_sum,
    result_interval,
    row_wait,
)

__all__ = ["Prediction", "Run", "predict", "predict_schedule"]


@dataclass(frozen=True)
class Prediction:
    """One image's run: what the accelerator's own counters will say."""

    cycles: int
    layers: tuple[LayerCycles, ...]
    counters: dict[str, int]


class _Channel:
    """When beats leave a memory channel (see :class:`~codesign.accelerator.Memory`)."""

    def __init__(self, config: AcceleratorConfig):
        self.rate = config.memory.decibytes_per_cycle
        self.cost = max(10 * config.bus_bits // 8, self.rate)
        self.busy_until = -self.cost  # in units of 1/rate cycles; idle

    def leave(self, earliest: int) -> int:
        self.busy_until = max(self.busy_until + self.cost, earliest * self.rate)
        return -(-self.busy_until // self.rate)


class _Stream:
    """The program stream: when each word can be taken, given when those before it were."""

    def __init__(self, config: AcceleratorConfig, beats: int):
        size = config.burst_beats
        self.bursts = [min(size, beats - at) for at in range(0, beats, size)]
        self.config, self.channel = config, _Channel(config)
        self.depth = config.burst_beats * config.fifo_bursts
        self.latency = config.memory.latency_cycles
        self.asked = 0  # beats of the bursts asked for so far
        self.burst = 0
        self.decided = FETCH_START - 2  # cycle of the last decision to ask
        self.there: list[int] = []  # cycle in which each beat's first word can be taken
        self.popped: list[int] = []  # cycle in which each beat's last word was taken, to be used then or later
        self.word = 0  # within the current beat
        self.taken = 0  # words, all used
        self.now = 0  # cycle in which the last word was used
        self.used_from = 0  # no word is used before this cycle

    def _ask(self) -> None:
        """The next burst: one cycle after the last, and after the pop that made places for a whole one."""
        beats = self.bursts[self.burst]
        self.burst += 1
        must_be_popped = self.asked + self.config.burst_beats - self.depth
        self.decided += 1
        if must_be_popped > 0:
            self.decided = max(self.decided, self.popped[must_be_popped - 1] + FETCH_CREDIT - 1)
        self.asked += beats
        accepted = self.decided + 1
        self.there += [self.channel.leave(accepted + self.latency) + FETCH_BEAT for _ in range(beats)]

    def available(self, earliest: int) -> int:
        """Cycle, ``earliest`` or later, in which the next word can be used."""
        beat = len(self.popped)
        while beat >= len(self.there):
            self._ask()
        return max(earliest, self.now + 1, self.used_from, self.there[beat])

    def take(self, count: int, earliest: int = 0) -> int:
        """Use ``count`` words, the first in cycle ``earliest`` or later; returns the last one's cycle."""
        for _ in range(count):
            self.take_at(self.available(earliest))
        return self.now

    def take_at(self, cycle: int) -> None:
        """Use the next word, which is there by ``cycle``, then; it is taken as soon as it is and the last one used."""
        left = max(self.now + 1, self.there[len(self.popped)])
        self.now = cycle
        self.taken += 1
        self.word += 1
        if self.word == self.config.words_per_beat:
            self.word = 0
            self.popped.append(left)

    def align(self, cycle: int) -> None:
        """Drop what is left of the current beat in ``cycle``."""
        if self.word:
            self.word = 0
            self.popped.append(cycle)


class Run:
    """One image's way through the accelerator: its steps by :meth:`load` and :meth:`run_pass`, in order, then
    :meth:`end`. Counters grow with every step."""

    def __init__(self, plan: Schedule):
        self.plan, self.config, self.isa = plan, plan.config, Isa(plan.config)
        self.read_beats = self._beats_of_stream()
        self.stream = _Stream(self.config, self.read_beats)
        self.active = self.loading = self.held = self.fenced = self.weighed = self.bank_reads = self.bank_writes = 0
        self.entries: list[tuple[int, ...]] = []  # of the trace
        self.handover = -1  # of the last pass
        self.last_beat = self.free = 0  # cycle of the last beat; from when on the walker takes another pass
        self.drained = self.rows_free = 0
        self.columns_free = 0, 0  # the set loaded next, and the other one
        self.idle_at_handover = False
        self.rows_enabled = 0
        self.raw_beats: list[int] = []
        self.loads_left = len(plan.loads)
        self.writing: set[int] = set()  # cycles in which the word after next cannot go to the banks: a result does

    def _beats_of_stream(self) -> int:
        words, per_beat = 0, self.config.words_per_beat
        for step in self.plan.steps:
            if isinstance(step, Pass):
                words += self._words(step)
            else:
                words = -(-(words + self.isa.instruction_words) // per_beat) * per_beat + step.fields["words"]
        return -(-(words + self.isa.instruction_words) // per_beat)

    def _words(self, p: Pass) -> int:
        f, isa = p.fields, self.isa
        return ((not p.again) * isa.instruction_words + f["load_weights"] * isa.weight_words
                + f["load_rows"] * isa.row_words + f["load_columns"] * isa.column_words)

    def load(self, fields: dict[str, int]) -> None:
        self.loads_left -= 1
        stream, isa = self.stream, self.isa
        stream.take(isa.instruction_words)
        stream.align(stream.now + 1)
        stream.now += 1
        begin = stream.now + 1
        for _ in range(fields["words"]):
            cycle = stream.available(0)
            while cycle in self.writing:
                cycle += 1
            stream.take_at(cycle)
        self.loading += max(0, stream.now + 1 - max(begin, self.last_beat + 1))

    def run_pass(self, p: Pass) -> None:
        stream, isa, f = self.stream, self.isa, p.fields
        if not p.again:
            stream.take(isa.instruction_words)
        if f["load_weights"]:
            begin = self.handover if p.again else stream.now + 1
            stream.take(isa.weight_words)
            self.weighed += max(0, stream.now + 1 - max(begin, self.last_beat + 1))
            # The array may have been idle in the cycle of the handover, too, before the first beat.
            self.weighed += p.again and self.idle_at_handover
        if f["load_rows"]:
            stream.take(isa.row_words, self.rows_free)
            self.rows_enabled = sum(feed is not None for feed in p.feeds)
        if f["load_columns"]:
            stream.take(isa.column_words, self.columns_free[0])
        handover = max(stream.now + 1, self.free)
        if f["fence"] and self.drained > handover:
            self.fenced += self.drained - max(handover, self.last_beat + 1)
            handover = self.drained
        if f["mark"]:
            self.entries.append((handover, self.active - (self.last_beat == handover), self.weighed, self.loading,
                                 self.fenced, self.held))
        self.handover, self.idle_at_handover = handover, handover > self.last_beat
        if f["load_rows"]:
            self.rows_free = handover + 1 + row_wait(self.config)
        if f["load_columns"]:
            self.columns_free = self.columns_free[1], handover + 1 + column_wait(self.config)
        self._beats(p, handover)
        stream.used_from = handover

    def _beats(self, p: Pass, handover: int) -> None:
        first, interval = handover + 1, 1
        if p.fields["last"] and not p.fields["raw"]:
            interval = result_interval(self.config, bool(p.fields["out_wide"]) and not p.fields["sum"])
            first += -(first - 1) % interval
        last = first + (p.beats - 1) * interval
        if p.fields["last"] and p.fields["raw"]:  # one pixel, see graph.Linear
            if self.raw_beats:
                last = max(last, self.raw_beats[-1] + self.config.cols)
            self.raw_beats.append(last)
        self.active += p.beats
        self.held += last - handover - p.beats
        self.bank_reads += p.beats * self.rows_enabled
        if p.fields["last"] and not p.fields["raw"]:
            results = p.fields["sum_last"] if p.fields["sum"] else p.fields["windows"]
            columns = sum(c >= 0 for c in self.plan.placement.tiles[p.gemm][p.tile].channels)
            self.bank_writes += results * columns * (p.fields["out_planes"] + 1)
        self._writes(p, first, interval)
        self.last_beat = self.free = last
        self.drained = last + 1 + drain(self.config)

    def _writes(self, p: Pass, first: int, interval: int) -> None:
        """When the results of ``p`` keep an image word waiting: the cycle before each write, at the columns that come
        first in their banks."""
        f, config = p.fields, self.config
        self.writing = {cycle for cycle in self.writing if cycle > self.stream.now}
        if not f["last"] or f["raw"] or not self.loads_left:
            return
        gemm = self.plan.gemms[p.gemm]
        if gemm.total:
            beats = [p.beats - 1] if f["sum_last"] else []
        else:
            closing = gemm.windows.closing_pixels(p.start, p.start + f["windows"])
            beats = [(i + 1) * gemm.planes - 1 for i in closing]
        for position in range(config.columns_per_bank):
            delay = (position - position * config.rows) % config.columns_per_bank
            after = first_sum(config) + position * config.rows + COLUMN + delay - 1
            self.writing.update(first + beat * interval + after + word * config.columns_per_bank for beat in beats
                                for word in range(gemm.out_planes))

    def end(self) -> Prediction:
        stream = self.stream
        stream.take(self.isa.instruction_words)
        flush = max(stream.now + 2, self.drained)
        answered, write_beats = self._results(flush)
        done = max(flush + 1, answered + 1)
        self.fenced += done - max(stream.now + 2, self.last_beat + 1) + 1
        total = done + 2
        control = total - self.active - self.loading - self.held - self.fenced - self.weighed
        counters = dict(zip(COUNTERS, (
            total, self.active, self.weighed, control, self.fenced, self.held, self.loading, self.read_beats,
            write_beats, self.bank_reads, self.bank_writes, stream.taken), strict=True))
        return Prediction(total, split_by_layer(self.plan.visit_names, self.entries, counters), counters)

    def _results(self, flush: int) -> tuple[int, int]:
        """Cycle of the last write's answer, and beats written."""
        config, channel = self.config, _Channel(self.config)
        arrive = first_sum(config) + COLUMN_RAW + 1
        values = [beat + arrive + c for beat in self.raw_beats for c in range(config.cols)]
        lanes = config.bus_bits // 32
        complete = [values[i] for i in range(lanes - 1, len(values), lanes)]
        if len(values) % lanes:
            complete.append(flush)
        answered = request = 0
        for cycle in complete:
            request = max(request + 1, cycle + WRITE)
            answered = max(answered + 1, channel.leave(request) + config.memory.latency_cycles)
        return answered, len(complete)


def predict_schedule(plan: Schedule) -> Prediction:
    """Cycles and counters of ``plan``."""
    run = Run(plan)
    for step in plan.steps:
        if isinstance(step, Pass):
            run.run_pass(step)
        else:
            run.load(step.fields)
    return run.end()


def predict(graph: Graph, config: AcceleratorConfig) -> Prediction:
    """Cycles and counters of one image of ``graph`` on ``config``; weights do not matter.

    Raises :class:`CodesignError` where the network cannot run there.
    """
    return predict_schedule(schedule(graph, config))
