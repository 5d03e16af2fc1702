"""Packs results into beats and writes them to memory."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from codesign import timing
from codesign.accelerator import AcceleratorConfig
from codesign.registers import ADDRESS_BITS

from .axi import Resp, WriteSignature

__all__ = ["Writer"]

VALUE_BITS = 32
OUTSTANDING_BITS = 16  # of the counter of unanswered writes, which stops the writer before it overflows


class Writer(wiring.Component):
    """Packs 32-bit values, the first in the lowest bits, and writes every full beat as an AXI4 burst of one.

    Beats go to ``base``, the address after it, and so on, ``beats`` of them; what is beyond is dropped. Upstream may
    not be able to wait: it asks ``room`` and sends no more than that, so ``i.ready`` is high whenever it needs to be.
    Throughput is one value and one beat per cycle. AW and W of a beat rise together and may be accepted in any order;
    the next beat waits for both.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``bus_bits`` and, through ``cols``, the depth.

    Attributes
    ----------
    lanes : int
        Values per beat.
    depth : int
        Values that fit; at least ``8 * config.cols`` and a multiple of ``lanes``.

    Members
    -------
    start : In(1)
        Samples ``base`` and clears ``error``. Only while ``idle``.
    base : In(ADDRESS_BITS)
        Byte address. Bits below the size of a beat are ignored.
    beats : In(32)
        That may be written. Sampled by ``start``.
    i : In(stream of 32 bits)
        Values.
    flush : In(1)
        Writes what is left as a partial beat, its strobes on the values received, one in this cycle included.
        Without any, does nothing.
    room : Out(range(depth + 1))
        Values that can still be sent. One less in the cycle after a transfer on ``i``; a beat's places come back
        in the cycle in which its ``awvalid`` rises.
    axi : Out(AXI4 write)
    beat : Out(1)
        A beat leaves on the W channel in this cycle.
    error : Out(1)
        A response other than OKAY has arrived since ``start``.
    overrun : Out(1)
        A beat has been dropped since ``start``.
    idle : Out(1)
        Nothing is buffered and every write has been answered. Rises in the cycle after the last B transfer.

    """

    LATENCY = timing.WRITE  # cycles, from the transfer or flush that completes a beat to its `awvalid` and `wvalid`

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self.lanes = config.bus_bits // VALUE_BITS
        self._beats = config.result_beats
        self.depth = self._beats * self.lanes
        super().__init__({
            "start": In(1), "base": In(ADDRESS_BITS), "beats": In(32),
            "i": In(stream.Signature(VALUE_BITS)), "flush": In(1), "room": Out(range(self.depth + 1)),
            "axi": Out(WriteSignature(addr_bits=ADDRESS_BITS, data_bits=config.bus_bits)),
            "beat": Out(1), "error": Out(1), "overrun": Out(1), "idle": Out(1),
        })
        self._address = Signal(ADDRESS_BITS - (config.bus_bits // 8).bit_length() + 1)  # of the next beat, in beats
        self._left, self._within = Signal(32), Signal()  # beats that may still be written; whether there are any
        # Writes that are unanswered; whether there are none; whether so many that one more, which may be issued
        # before this is known, fills the counter.
        self._unanswered, self._answered, self._many = Signal(OUTSTANDING_BITS), Signal(init=1), Signal()

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(
            width=self.config.bus_bits + self.lanes, depth=self._beats + 1)  # + 1: see Fetcher
        free = Signal(range(self._beats + 1), init=self._beats)  # beats
        filled = Signal(range(self.lanes))  # values of the next beat that are here
        push, pop = Signal(), Signal()
        m.d.comb += [self.room.eq(free * self.lanes - filled), self.i.ready.eq(free != 0)]
        m.d.sync += free.eq(free - push + pop)
        self._pack(m, fifo, filled, push)
        self._send(m, fifo, pop)
        m.d.comb += self.idle.eq((filled == 0) & (free == self._beats) & self._answered)
        return m

    def _pack(self, m, fifo, filled, push):
        """Values to beats. A partial beat always has a place: its first value was only let in with a beat free."""
        transfer = self.i.valid & self.i.ready
        count = Signal(range(self.lanes + 1))
        m.d.comb += [
            count.eq(filled + transfer),
            push.eq((count == self.lanes) | (self.flush & (count != 0))),
            fifo.w_en.eq(push),
        ]
        m.d.sync += filled.eq(Mux(push, 0, count))
        values, strobes = [], []
        for lane in range(self.lanes):
            held = Signal(VALUE_BITS, name=f"held_{lane}")
            value = Mux(filled == lane, self.i.payload, held)
            m.d.sync += held.eq(value)
            values.append(value)
            strobes.append(lane < count)
        m.d.comb += fifo.w_data.eq(Cat(values, strobes))

    def _send(self, m, fifo, pop):
        """Beats to AW and W, and the responses back."""
        axi, address, left, within = self.axi, self._address, self._left, self._within
        low_bits = (self.config.bus_bits // 8).bit_length() - 1
        unanswered, answered, issue = self._unanswered, self._answered, Signal()
        m.d.comb += [
            pop.eq(issue | fifo.r_rdy & ~within),
            issue.eq(fifo.r_rdy & within & (axi.awready | ~axi.awvalid) & (axi.wready | ~axi.wvalid)
                     & ~self._many),
            fifo.r_en.eq(pop),
            axi.wlast.eq(1),
            axi.bready.eq(1),
            self.beat.eq(axi.wvalid & axi.wready),
        ]
        m.d.sync += [unanswered.eq(unanswered + issue - axi.bvalid), self._many.eq(unanswered[1:].all()),
                     answered.eq(Mux(issue == axi.bvalid, answered, axi.bvalid & (unanswered == 1)))]
        with m.If(axi.awready):
            m.d.sync += axi.awvalid.eq(0)
        with m.If(axi.wready):
            m.d.sync += axi.wvalid.eq(0)
        with m.If(issue):
            m.d.sync += [
                axi.awvalid.eq(1),
                axi.awaddr.eq(address << low_bits),
                axi.wvalid.eq(1),
                axi.wdata.eq(fifo.r_data),
                axi.wstrb.eq(Cat(strobe.replicate(4) for strobe in fifo.r_data[self.config.bus_bits:])),
                address.eq(address + 1), left.eq(left - 1), within.eq(left != 1),
            ]
        with m.If(pop & ~within):
            m.d.sync += self.overrun.eq(1)
        with m.If(axi.bvalid & (axi.bresp != Resp.OKAY)):
            m.d.sync += self.error.eq(1)
        with m.If(self.start):
            m.d.sync += [address.eq(self.base >> low_bits), left.eq(self.beats), within.eq(self.beats != 0),
                         self.error.eq(0), self.overrun.eq(0)]
