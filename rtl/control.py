"""The AXI4-Lite register file: what software sees of the accelerator."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.registers import (
    ADDRESS_BITS,
    COUNTERS,
    ID,
    REGISTERS,
    RTL_MARKS,
    TRACE_ENTRIES,
    TRACE_OFFSET,
    TRACE_WORDS,
    VERSION,
    Error,
    bus_word,
    digest_words,
    register,
)

from .axi import Resp, SlaveSignature

__all__ = ["COUNTER_LAYOUT", "JOB_LAYOUT", "Control"]

BUS_ADDR_BITS = 16

COUNTER_LAYOUT = data.StructLayout(dict.fromkeys(COUNTERS, 64))

JOB_LAYOUT = data.StructLayout({
    "program": ADDRESS_BITS, "beats": 32,
    "output": ADDRESS_BITS, "output_beats": 32, "watchdog": 32,
})


class Control(wiring.Component):
    """The registers of :mod:`codesign.registers` behind AXI4-Lite, and the state of the run.

    A write takes effect when both its address and its data are here, in whatever order they come. Reads and writes
    do not wait for each other. One read takes :attr:`READ_LATENCY` cycles from its AR transfer to ``rvalid``.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives the digest.

    Members
    -------
    axi : In(AXI4-Lite)
    job : Out(JOB_LAYOUT)
        Addresses in bytes and lengths in beats. Stable while ``busy``.
    start : Out(1)
        High for one cycle; a run begins. The first cycle of ``busy``.
    busy : Out(1)
        High from ``start`` up to and including the cycle of ``done``.
    done : In(1)
        The run ends in this cycle; ignored unless ``busy``.
    error : In(Error)
        How it ended; sampled with ``done``.
    outstanding : In(1)
        Memory still owes answers: no run may begin.
    counters : In(COUNTER_LAYOUT)
        Stable from two cycles after ``busy`` on, for a pair of reads to fit together.
    trace_count : In(range(TRACE_ENTRIES + 1))
        Entries of the trace.
    trace_address, trace_data : Out(range(TRACE_WORDS)), In(32)
        Read port of the trace memory: data three cycles after the address.
    irq : Out(1)
        High while a run's end is pending and enabled.

    """

    READ_LATENCY = 5  # cycles, from a transfer on AR to `rvalid`

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__({
            "axi": In(SlaveSignature(addr_bits=BUS_ADDR_BITS)),
            "job": Out(JOB_LAYOUT),
            "start": Out(1), "busy": Out(1), "done": In(1), "error": In(Error),
            "outstanding": In(1), "counters": In(COUNTER_LAYOUT),
            "trace_count": In(range(TRACE_ENTRIES + 1)),
            "trace_address": Out(range(TRACE_WORDS)), "trace_data": In(32),
            "irq": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        stored = {r.name: Signal(r.fields[0].bits, name=r.name.lower()) for r in REGISTERS if r.config}
        for name in JOB_LAYOUT.members:
            m.d.comb += self.job[name].eq(Cat(
                stored[key] for key in (name.upper() + half for half in ("", "_LO", "_HI")) if key in stored))

        enable, pending = Signal(), Signal()
        error = Signal(Error)
        m.d.comb += self.irq.eq(enable & pending)

        write, word, value, mask = self._accept_write(m)
        okay = Signal()  # the write in hand is allowed
        m.d.sync += self.start.eq(0)
        with m.If(write):
            m.d.sync += self.axi.bresp.eq(Mux(okay, Resp.OKAY, Resp.SLVERR))
            with m.Switch(word):
                for name, stored_value in stored.items():
                    with m.Case(_word(name)):
                        m.d.comb += okay.eq(~self.busy)
                        with m.If(~self.busy):
                            m.d.sync += stored_value.eq(stored_value & ~mask | value & mask)
                with m.Case(_word("CONTROL")):
                    m.d.comb += okay.eq(~self.busy & ~self.outstanding)
                    with m.If(okay & value[0] & mask[0]):
                        m.d.sync += [self.start.eq(1), self.busy.eq(1), pending.eq(0), error.eq(Error.NONE)]
                with m.Case(_word("INTERRUPT")):
                    m.d.comb += okay.eq(1)
                    m.d.sync += enable.eq(Mux(mask[0], value[0], enable))
                    with m.If(value[1] & mask[1]):
                        m.d.sync += pending.eq(0)
        with m.If(self.done & self.busy):
            m.d.sync += [self.busy.eq(0), pending.eq(1), error.eq(self.error)]

        digest_lo, digest_hi = digest_words(self.config)
        self._read(m, {
            **stored, "ID": ID, "VERSION": VERSION, "DIGEST_LO": digest_lo, "DIGEST_HI": digest_hi,
            "BUS": bus_word(self.config),
            "RTL_LO": Const(RTL_MARKS[0], 32), "RTL_HI": Const(RTL_MARKS[1], 32),
            "STATUS": Cat(self.busy, pending, error != Error.NONE, ~self.busy & self.outstanding), "ERROR": error,
            "INTERRUPT": Cat(enable, pending), "TRACE_COUNT": self.trace_count,
            **{f"{name.upper()}_{half}": self.counters[name][low:low + 32]
               for name in COUNTERS for half, low in (("LO", 0), ("HI", 32))},
        })
        return m

    def _accept_write(self, m):
        """Join AW and W. Returns a write's strobe, word address, data and bit mask; its response leaves next."""
        axi = self.axi
        have_address, have_data, write = Signal(), Signal(), Signal()
        word, value, strobes = Signal(BUS_ADDR_BITS - 2), Signal(32), Signal(4)
        m.d.comb += [
            axi.awready.eq(~have_address),
            axi.wready.eq(~have_data),
            write.eq(have_address & have_data & (axi.bready | ~axi.bvalid)),
        ]
        with m.If(axi.awvalid & axi.awready):
            m.d.sync += [have_address.eq(1), word.eq(axi.awaddr >> 2)]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += [have_data.eq(1), value.eq(axi.wdata), strobes.eq(axi.wstrb)]
        with m.If(axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.If(write):
            m.d.sync += [have_address.eq(0), have_data.eq(0), axi.bvalid.eq(1)]
        return write, word, value, Cat(strobe.replicate(8) for strobe in strobes)

    def _read(self, m, values):
        """Answer reads with ``values``, by register name, or from the trace memory."""
        axi = self.axi
        word = Signal(BUS_ADDR_BITS - 2)
        index_bits = (TRACE_WORDS - 1).bit_length()
        values = {**values, "trace": self.trace_data}
        chosen = Signal(len(values))
        m.d.comb += self.trace_address.eq(word[:index_bits])
        m.d.sync += chosen.eq(Cat(
            *(word == _word(name) for name in values if name != "trace"),
            word[index_bits:] == TRACE_OFFSET >> 2 >> index_bits))
        with m.FSM():
            with m.State("idle"):
                m.d.comb += axi.arready.eq(1)
                with m.If(axi.arvalid):
                    m.d.sync += word.eq(axi.araddr >> 2)
                    m.next = "choose"
            with m.State("choose"):  # and the trace memory is read
                m.next = "look up"
            with m.State("look up"):  # its data are registered
                m.next = "select"
            with m.State("select"):  # and one word of them
                m.next = "answer"
            with m.State("answer"):
                data = 0
                for strobe, value in zip(chosen, values.values(), strict=True):
                    data |= Mux(strobe, value, 0)
                m.d.sync += [axi.rvalid.eq(1), axi.rdata.eq(data),
                             axi.rresp.eq(Mux(chosen.any(), Resp.OKAY, Resp.SLVERR))]
                m.next = "wait"
            with m.State("wait"):
                with m.If(axi.rready):
                    m.d.sync += axi.rvalid.eq(0)
                    m.next = "idle"


def _word(name: str) -> int:
    """Word address of register ``name``."""
    return register(name).offset >> 2
