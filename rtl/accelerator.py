"""The accelerator's top: connects the parts, computes nothing."""

from amaranth import Cat, ClockDomain, ClockSignal, DomainRenamer, Module, Mux, ResetSignal, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS
from codesign.isa import COLUMN_ENTRY_BITS, ROW_ENTRY_BITS, Isa, Opcode
from codesign.registers import ADDRESS_BITS, Error
from codesign.timing import drain, first_sum

from .array import SystolicArray
from .axi import MasterSignature, SlaveSignature, forward
from .column import Column, column_token
from .control import BUS_ADDR_BITS, Control
from .counters import Counters
from .emit import place
from .fetcher import Fetcher
from .narrower import Narrower
from .row import Row
from .sequencer import Sequencer
from .walker import Walker
from .writer import Writer

__all__ = ["Accelerator"]

SHARING = 8  # rows, or columns, that take their descriptors from one register


class Accelerator(wiring.Component):
    """AXI4-Lite registers, one AXI4 master, one interrupt; everything else derives from ``config``.

    Members
    -------
    s_axi : registers (:mod:`codesign.registers`)
    m_axi : program, image and results
    irq : high while a run's end is pending and enabled
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self.array = SystolicArray(config)
        self.parts = {**self.array.parts, "row": Row(config)}
        for position in range(config.columns_per_bank):
            self.parts[f"column_{position}"] = Column(config, position)
        super().__init__({
            "s_axi": In(SlaveSignature(addr_bits=BUS_ADDR_BITS)),
            "m_axi": Out(MasterSignature(addr_bits=ADDRESS_BITS, data_bits=config.bus_bits)),
            "irq": Out(1),
        })

    def elaborate(self, platform):
        m, config = Module(), self.config
        m.submodules.control = control = Control(config)
        m.submodules.fetcher = fetcher = Fetcher(config)
        m.submodules.writer = writer = Writer(config)
        m.submodules.counters = counters = Counters(config)
        abort = Signal(init=1)  # a register, as it goes far: reset as all else is, and by the end of a run
        m.domains.run = ClockDomain("run", local=True)
        m.d.comb += [ClockSignal("run").eq(ClockSignal()), ResetSignal("run").eq(abort)]
        in_run = DomainRenamer("run")
        m.submodules.narrower = narrower = in_run(Narrower(config))
        m.submodules.sequencer = sequencer = in_run(Sequencer(config))
        m.submodules.walker = walker = in_run(Walker(config))
        m.submodules.array = self.array

        forward(m, fetcher.axi, self.m_axi)
        forward(m, writer.axi, self.m_axi)
        wiring.connect(m, control.axi, wiring.flipped(self.s_axi))
        m.d.comb += self.irq.eq(control.irq)
        moving = fetcher.beat | writer.beat | walker.beat | narrower.o.valid & narrower.o.ready
        self._run(m, control, fetcher, writer, sequencer, moving, abort)

        wiring.connect(m, fetcher.o, narrower.i)
        wiring.connect(m, narrower.o, sequencer.words)
        m.d.comb += [
            narrower.align.eq(sequencer.align),
            walker.start.eq(control.start),
            walker.go.eq(sequencer.go), walker.fields.eq(sequencer.fields),
            walker.again.eq(sequencer.again), walker.column_set.eq(sequencer.column_set),
            sequencer.available.eq(walker.available), sequencer.running.eq(walker.running),
            sequencer.beat.eq(walker.beat),
        ]
        loads = self._loads(m, sequencer)
        rows = self._rows(m, walker, loads)
        m.d.comb += [self.array.load.eq(sequencer.weight_load), self.array.index.eq(sequencer.index),
                     self.array.word.eq(sequencer.word)]
        columns = self._columns(m, walker, loads)
        self._write_back(m, rows, columns, sequencer)
        self._results(m, walker, writer, columns)

        flags = Isa(config).instructions[Opcode.PASS].fields
        m.d.comb += [
            counters.start.eq(control.start), counters.busy.eq(control.busy), counters.beat.eq(walker.beat),
            counters.result.eq(walker.result), counters.loading.eq(sequencer.loading),
            counters.running.eq(walker.running), counters.weighing.eq(sequencer.weighing),
            counters.fenced.eq(sequencer.fenced), counters.read_beat.eq(fetcher.beat),
            counters.write_beat.eq(writer.beat), counters.word.eq(narrower.o.valid & narrower.o.ready),
            counters.rows_enabled.eq(sequencer.rows_enabled),
            counters.columns_enabled.eq(sequencer.columns_enabled),
            counters.planes.eq(walker.words),
            counters.mark.eq(sequencer.go & sequencer.fields[flags["mark"].offset]),
            control.counters.eq(counters.counters), control.trace_count.eq(counters.trace_count),
            counters.trace_address.eq(control.trace_address), control.trace_data.eq(counters.trace_data),
        ]
        return m

    def _run(self, m, control, fetcher, writer, sequencer, moving, abort):
        """Start a run, end it, and end it early when it cannot go on."""
        after = drain(self.config) + 1  # that much later ``abort`` has ended the beats
        settling = Signal(range(after + 1))
        m.d.comb += [
            fetcher.start.eq(control.start), fetcher.address.eq(control.job.program),
            fetcher.beats.eq(control.job.beats),
            writer.start.eq(control.start), writer.base.eq(control.job.output),
            writer.beats.eq(control.job.output_beats), control.outstanding.eq(~(fetcher.idle & writer.idle)),
            writer.flush.eq(sequencer.flush | (settling == 1)), sequencer.flushed.eq(writer.idle),
            sequencer.start.eq(control.start),
        ]
        starved = Signal()  # a cycle late, when the sequencer still waits: nothing can come any more
        m.d.sync += starved.eq(sequencer.hungry & fetcher.idle & ~control.start)
        # Nothing moves: memory does not answer, before an error or after it, so nobody may wait for it.
        quiet, hung, stuck = Signal(32), Signal(), Signal()
        m.d.sync += hung.eq((control.job.watchdog != 0) & (quiet == control.job.watchdog))
        m.d.sync += [quiet.eq(Mux(~control.busy | control.start | moving, 0, quiet + 1)),
                     stuck.eq(control.busy & ~control.start & (stuck | hung))]
        ending, error = Signal(), Signal(Error)
        now = Signal(Error)
        m.d.comb += now.eq(Error.NONE)
        for reason, code in ((hung, Error.WATCHDOG), (starved, Error.STREAM_END), (writer.overrun, Error.WRITE_BOUNDS),
                             (sequencer.illegal, Error.ILLEGAL_INSTRUCTION), (writer.error, Error.WRITE_BUS),
                             (fetcher.error, Error.READ_BUS)):  # the last one counts
            with m.If(reason):
                m.d.comb += now.eq(code)
        m.d.sync += abort.eq(ending)
        m.d.comb += control.error.eq(error)
        # After an error, what is still in the array comes out first, and a partial beat of results leaves.
        with m.If(control.busy & ~ending & ~control.start & (sequencer.done | (now != Error.NONE))):
            m.d.comb += fetcher.stop.eq(1)
            m.d.sync += [ending.eq(1), error.eq(now)]
            with m.If(now != Error.NONE):
                m.d.sync += settling.eq(after)
        with m.If(settling != 0):
            m.d.sync += settling.eq(settling - 1)
        with m.If(ending & (settling == 0) & (~control.outstanding | stuck)):
            m.d.comb += control.done.eq(1)
            m.d.sync += ending.eq(0)

    def _loads(self, m, sequencer):
        """The words that descriptors are loaded from, item i i cycles after the sequencer's: a word has a long way, and
        time until its swap. The first item is for the first row, whose swap may come at once, the next for
        :data:`SHARING` rows each, those from 2 on for as many columns."""
        layout = data.StructLayout({"word": self.config.word_bits, "row": sequencer.row_load.shape(),
                                    "column": sequencer.column_load.shape()})
        loads = [Signal(layout, name="load")]
        m.d.comb += loads[0].eq(Cat(sequencer.word, sequencer.row_load, sequencer.column_load))
        for i in range(1, 2 + -(-max(self.config.rows, self.config.cols) // SHARING)):
            loads.append(Signal(layout, name=f"load_{i}"))
            m.d.sync += loads[i].eq(loads[i - 1])
        return loads

    def _rows(self, m, walker, loads):
        config, rows, token = self.config, [], walker.row
        per_word = config.word_bits // ROW_ENTRY_BITS
        for r in range(config.rows):
            row = place(m, f"row_{r}", "row", self.parts["row"])
            load = loads[-(-r // SHARING)]
            entry = load.word.word_select(r % per_word, ROW_ENTRY_BITS)
            m.d.comb += [
                row.token.eq(token), row.entry.eq(entry), row.load.eq(load.row[r // per_word]),
                self.array.x[r].eq(row.x), self.array.high[r].eq(row.high), self.array.swap[r].eq(row.swap),
            ]
            token = row.token_next
            rows.append(row)
        return rows

    def _columns(self, m, walker, loads):
        config, columns, token = self.config, [], walker.column
        for i in range(first_sum(config) - Walker.LATENCY):
            later = Signal(column_token(config), name=f"column_token_{i}")
            m.d.sync += later.eq(token)
            token = later
        per_word = config.word_bits // COLUMN_ENTRY_BITS
        for c in range(config.cols):
            name = f"column_{c // config.rows if config.columns_per_bank > 1 else 0}"
            column = place(m, f"column_at_{c}", name, self.parts[name])
            load = loads[2 + c // SHARING]
            entry = load.word.word_select(c % per_word, COLUMN_ENTRY_BITS)
            m.d.comb += [
                column.psum.eq(self.array.psum[c]), column.token.eq(token), column.entry.eq(entry),
                column.load.eq(Cat(of_set[c // per_word] for of_set in load.column)),
            ]
            token = column.token_next
            columns.append(column)
        return columns

    def _write_back(self, m, rows, columns, sequencer):
        """Each bank takes what one of its columns, or the image, writes; never two in one cycle."""
        config = self.config
        image = self._image(m, sequencer)
        m.d.comb += sequencer.blocked.eq(Cat(column.write_next for column in columns[::config.rows]).any())
        for r, row in enumerate(rows):
            if config.bank_groups > 1:
                column = columns[r % config.cols]
                writers = [(column.write_enable & (column.write_group == r // config.cols), column.write_addr,
                            column.write_data)]
            else:
                writers = [(c.write_enable, c.write_addr, c.write_data) for c in columns[r::config.rows]]
            if r in image:
                writers.append(image[r])
            enable, addr, value = 0, 0, 0
            for strobe, its_addr, its_value in writers:
                enable |= strobe
                addr |= Mux(strobe, its_addr, 0)
                value |= Mux(strobe, its_value, 0)
            m.d.comb += [row.write_enable.eq(enable), row.write_addr.eq(addr), row.write_data.eq(value)]

    def _image(self, m, sequencer):
        """By bank, the image's words, each as late as a result of the same moment: they meet in all banks or none."""
        config, write = self.config, sequencer.write
        turns = [(write.enable, write.addr)]
        for i in range(1, config.cols):
            enable, addr = Signal(name=f"image_enable_{i}"), Signal(config.addr_bits, name=f"image_addr_{i}")
            m.d.sync += [enable.eq(turns[-1][0]), addr.eq(turns[-1][1])]
            turns.append((enable, addr))
        image = {}
        for lane in range(config.load_lanes):
            bank, value = config.rows - config.load_lanes + lane, write.data.word_select(lane, A_BITS)
            for i in range(bank % config.cols):
                later = Signal(A_BITS, name=f"image_{lane}_{i}")
                m.d.sync += later.eq(value)
                value = later
            image[bank] = (*turns[bank % config.cols], value)
        return image

    def _results(self, m, walker, writer, columns):
        """Raw results leave in column order; room is reserved for those still on their way."""
        config = self.config
        valid, value, pending = 0, 0, Signal(range(writer.depth + 1))
        for column in columns:
            valid |= column.raw_valid
            value |= Mux(column.raw_valid, column.raw_data.as_unsigned(), 0)
        m.d.sync += [writer.i.valid.eq(valid), writer.i.payload.eq(value)]
        m.d.sync += pending.eq(pending + Mux(walker.raw_beat, config.cols, 0) - writer.i.valid)
        m.d.sync += walker.room.eq(writer.room >= pending + config.cols)  # late: such beats are cols apart
