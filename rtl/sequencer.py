"""Reads the program stream, loads what its packets bring, and hands passes to the walker."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS
from codesign.isa import COLUMN_ENTRY_BITS, ROW_ENTRY_BITS, Isa, Opcode
from codesign.timing import column_wait, drain, row_wait

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Takes one word a cycle from the stream; a pass is handed over in the cycle after its last word, or later.

    A word leaves the stream in the cycle after the one before it is used, or when it is there, and is held until it can
    be used: what decides that goes no further. From the cycle of a handover on, the next pass's words are used; the
    shadow registers keep them apart. A block of row descriptors waits :attr:`row_wait` cycles after the handover that
    swapped the last one in: by then the swap has reached every row. Column parameters, which have two sets of shadow
    registers, wait :attr:`column_wait` cycles after the handover that swapped in the last but one. A word of an image
    waits for its turn to write.

    Members
    -------
    start : begin with the next word
    words, align : the stream; drop the rest of the current beat
    go, fields, again, available, running : the walker's
    column_set : shadow registers that the column parameters of the pass in hand are loaded to and swapped in from
    beat : it issues a beat
    weight_load, index, word : ``word``, registered, is number ``index`` of a block of weights
    row_load, column_load : it is this word of such a block; by set of registers and word
    write : to the last banks: one 4-bit value for each of the image's lanes, at one address
    blocked : the next cycle's turn to write to the banks is a result's
    flush, flushed : results shall leave completely; have left
    hungry : would take a word, and none is there
    done, illegal : the program has ended; with an instruction that does not exist
    loading, fenced, weighing : in this cycle an image is being loaded; a pass waits for earlier results; a word of
        weights is to be taken next
    rows_enabled, columns_enabled : of the pass in hand
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self.isa = Isa(config)
        self.depth = drain(config)
        self.row_wait = row_wait(config)
        self.column_wait = column_wait(config)
        super().__init__({
            "start": In(1), "words": In(stream.Signature(config.word_bits)), "align": Out(1),
            "go": Out(1), "fields": Out(self.isa.instructions[Opcode.PASS].width), "again": Out(1),
            "available": In(1), "running": In(1), "column_set": Out(1),
            "beat": In(1),
            "weight_load": Out(1), "row_load": Out(self.isa.row_words),
            "column_load": Out(data.ArrayLayout(self.isa.column_words, 2)),
            "index": Out(range(max(config.rows, config.cols))), "word": Out(config.word_bits),
            "write": Out(data.StructLayout({"enable": 1, "addr": config.addr_bits,
                                            "data": A_BITS * config.load_lanes})),
            "blocked": In(1),
            "flush": Out(1), "flushed": In(1), "hungry": Out(1), "done": Out(1), "illegal": Out(1),
            "loading": Out(1), "fenced": Out(1), "weighing": Out(1),
            "rows_enabled": Out(range(config.rows + 1)), "columns_enabled": Out(range(config.cols + 1)),
        })

    def elaborate(self, platform):
        m, isa, flag = Module(), self.isa, self._flag
        word_bits = self.config.word_bits
        instruction = Signal(word_bits * isa.instruction_words)
        complete = Signal.like(instruction)  # with the word that is being taken
        index = Signal.like(self.index)
        reading, usable = Signal(), Signal()  # words are taken; the next one can be used
        word, used = self._hold(m, reading, usable)
        ready = Signal()  # a pass waits to be handed over
        proceeds = ~ready | self.go
        m.d.comb += complete.eq(Cat(instruction[word_bits:], word) if isa.instruction_words > 1 else word)
        m.d.comb += self.fields.eq(instruction[:self.fields.shape().width])

        def block(when, length, marks, following):
            """Use a block of ``length`` words from ``when`` on, each marked in the next cycle by ``marks``."""
            m.d.comb += [reading.eq(1), usable.eq(when)]
            with m.If(used):
                m.d.sync += [*marks, self.index.eq(index), index.eq(index + 1)]
                with m.If(index == length - 1):
                    m.d.sync += index.eq(0)
                    following()

        def after(done: int, of):
            """Go to the first announced block after number ``done``."""
            for number, name in ((2, "load_columns"), (1, "load_rows"), (0, "load_weights")):
                if number > done:
                    yield number, name, flag(name, of)

        def advance(done: int, of):
            m.d.sync += ready.eq(~Cat(wanted for _, _, wanted in after(done, of)).any())
            m.next = "INSTRUCTION"
            with m.If(flag("repeat", of) != 0):
                m.next = "load_weights"
            for _, name, wanted in after(done, of):  # the earliest block wins: it is assigned last
                with m.If(wanted):
                    m.next = name

        m.d.sync += [self.weight_load.eq(0), self.row_load.eq(0), self.column_load.eq(0), self.word.eq(word),
                     self.write.enable.eq(0)]
        row_ready, column_ready, drained = self._waits(m, flag)
        self._count_enabled(m, flag)
        self._hand_over(m, ready, instruction, flag, drained)
        last = self._load(m, instruction, used, word)
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.start):
                    m.d.sync += [index.eq(0), ready.eq(0), self.again.eq(0)]
                    m.next = "INSTRUCTION"
            with m.State("INSTRUCTION"):
                m.d.comb += [reading.eq(1), usable.eq(proceeds)]
                with m.If(used):
                    m.d.sync += [instruction.eq(complete), index.eq(index + 1)]
                    with m.If(index == isa.instruction_words - 1):
                        m.d.sync += index.eq(0)
                        with m.Switch(complete[:2]):
                            with m.Case(Opcode.PASS):
                                advance(-1, complete)
                            with m.Default():
                                m.next = "ALIGN"
            with m.State("load_weights"):
                m.d.comb += self.weighing.eq(1)
                # A block of one word may end in the cycle of a handover, which makes the instruction the next pass's.
                of = self._repeated(m, instruction, ready) if isa.weight_words == 1 else instruction
                block(proceeds, isa.weight_words, [self.weight_load.eq(1)], lambda: advance(0, of))
            with m.State("load_rows"):
                block(row_ready, isa.row_words, [self.row_load.eq(1 << index)], lambda: advance(1, instruction))
            with m.State("load_columns"):
                marks = [load.eq(Mux(self.column_set == i, 1 << index, 0)) for i, load in enumerate(self.column_load)]
                block(column_ready, isa.column_words, marks, lambda: advance(2, instruction))
            with m.State("ALIGN"):
                m.d.comb += self.align.eq(1)
                with m.Switch(instruction[:2]):
                    with m.Case(Opcode.LOAD):
                        m.next = "LOAD"
                    with m.Case(Opcode.END):
                        m.next = "DRAIN"
                    with m.Default():
                        m.d.comb += [self.done.eq(1), self.illegal.eq(1)]
                        m.next = "IDLE"
            with m.State("LOAD"):
                m.d.comb += [self.loading.eq(1), reading.eq(1), usable.eq(~self.blocked)]
                with m.If(used & last):
                    m.next = "INSTRUCTION"
            with m.State("DRAIN"):
                m.d.comb += self.fenced.eq(1)
                with m.If(~self.running & drained):
                    m.d.comb += self.flush.eq(1)
                    m.next = "FLUSH"
            with m.State("FLUSH"):
                m.d.comb += self.fenced.eq(1)
                with m.If(self.flushed):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
        return m

    def _hold(self, m, reading, usable):
        """The next word, from the stream or held, and whether it is used in this cycle."""
        held, waiting, valid, used = Signal(), Signal.like(self.words.payload), Signal(), Signal()
        m.d.comb += [self.words.ready.eq(reading & ~held), valid.eq(held | self.words.valid), used.eq(valid & usable),
                     self.hungry.eq(reading & ~valid)]
        m.d.sync += held.eq(reading & valid & ~usable)
        with m.If(~held):
            m.d.sync += waiting.eq(self.words.payload)
        return Mux(held, waiting, self.words.payload), used

    def _flag(self, name, of):
        field = self.isa.instructions[Opcode.PASS].fields[name]
        return of[field.offset:field.offset + field.width]

    def _repeat(self, target, of):
        """Assignments that make of ``target``, the same as ``of``, its next repetition."""
        return [self._flag("repeat", target).eq(self._flag("repeat", of) - 1),
                *(self._flag(name, target).eq(0) for name in ("mark", "fence", "load_rows"))]

    def _repeated(self, m, instruction, ready):
        """The instruction; while a pass of it waits, as it will be for the next one."""
        of = Signal.like(instruction)
        m.d.comb += of.eq(instruction)
        with m.If(ready):
            m.d.comb += self._repeat(of, instruction)
        return of

    def _hand_over(self, m, ready, instruction, flag, drained):
        """Give the walker the pass that is ready, as soon as it can take it; make its repetition of it, if any."""
        fence, repeat = flag("fence", instruction), flag("repeat", instruction)
        m.d.comb += [self.fenced.eq(ready & fence & ~self.running & ~drained),
                     self.go.eq(ready & Mux(fence, ~self.running & drained, self.available))]
        with m.If(self.go):
            m.d.sync += [ready.eq(0), self.again.eq(repeat != 0), self.column_set.eq(
                self.column_set ^ flag("load_columns", instruction))]
            with m.If(repeat != 0):
                m.d.sync += self._repeat(instruction, instruction)

    def _waits(self, m, flag):
        """Count down to when the row shadows, a set of the column shadows and the pipeline are free."""
        swap_rows, swap_columns = self.go & flag("load_rows", self.fields), self.go & flag("load_columns", self.fields)
        row_left, drain_left = Signal(range(self.row_wait + 1)), Signal(range(self.depth + 1))
        column_left = [Signal(range(self.column_wait + 1), name=f"column_left_{i}") for i in range(2)]
        ended = []
        for left, cycles, condition in ((row_left, self.row_wait, swap_rows), (drain_left, self.depth, self.beat),
                                        *((left, self.column_wait, swap_columns & (self.column_set == i))
                                          for i, left in enumerate(column_left))):
            over = Signal(init=1)
            with m.If(condition):
                m.d.sync += [left.eq(cycles), over.eq(0)]
            with m.Elif(~over):
                m.d.sync += [left.eq(left - 1), over.eq(left == 1)]
            ended.append(over)
        row, drained, *columns = ended
        return row, Mux(self.column_set, columns[1], columns[0]), drained

    def _count_enabled(self, m, flag):
        """How many rows and columns the pass in hand uses, counted as their descriptors come in."""
        for name, load, entry_bits, layout, count, output in (
                ("load_rows", self.row_load, ROW_ENTRY_BITS, self.isa.row, self.config.rows, self.rows_enabled),
                ("load_columns", self.column_load[0] | self.column_load[1], COLUMN_ENTRY_BITS, self.isa.column,
                 self.config.cols, self.columns_enabled)):
            offset = layout.fields["enable"].offset
            per_word = self.config.word_bits // entry_bits
            enabled = sum(self.word[i * entry_bits + offset] for i in range(min(per_word, count)))
            total, latest = Signal.like(output), Signal.like(output)
            m.d.comb += latest.eq(Mux(load.any(), Mux(load[0], 0, total) + enabled, total))
            m.d.sync += total.eq(latest)
            with m.If(self.go & flag(name, self.fields)):
                m.d.sync += output.eq(latest)

    def _load(self, m, instruction, used, word):
        """Write an image's words as they are used. Returns whether the next one is the last."""
        f = {name: instruction[x.offset:x.offset + x.width]
             for name, x in self.isa.instructions[Opcode.LOAD].fields.items()}
        left, last, addr = Signal(f["words"].shape()), Signal(), Signal(self.config.addr_bits)
        m.d.sync += [self.write.enable.eq(used & self.loading), self.write.addr.eq(addr), self.write.data.eq(word)]
        with m.If(self.align):
            m.d.sync += [left.eq(f["words"]), last.eq(f["words"] == 1), addr.eq(f["base"])]
        with m.Elif(used):
            m.d.sync += [left.eq(left - 1), last.eq(left == 2), addr.eq(addr + 1)]
        return last
