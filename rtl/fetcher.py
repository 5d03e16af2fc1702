"""Reads the program, and the image in it, from memory as a stream of beats."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from codesign import timing
from codesign.accelerator import AcceleratorConfig
from codesign.registers import ADDRESS_BITS

from .axi import ReadSignature, Resp

__all__ = ["Fetcher"]


class Fetcher(wiring.Component):
    """Reads ``beats`` beats from ``address`` on over AXI4 and delivers them as a stream.

    Bursts are of ``config.burst_beats`` beats, the last one possibly shorter, and start at multiples of their size,
    so none crosses 4096 bytes.

    A burst, the shorter last one too, is asked for only when the FIFO has places for a whole one that nobody waits
    for, so ``rready`` is always high. With ``arready`` high, a burst is asked for every cycle that has the places:
    ``depth`` of them at rest, n less in the cycle in which ``arvalid`` rises for a burst of n, one more two cycles
    after each transfer on ``o``. Throughput is one beat per cycle. ``o.ready`` goes no further than to the two
    registers behind the FIFO.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``bus_bits``, ``burst_beats`` and ``fifo_bursts``.

    Attributes
    ----------
    depth : int
        Beats that the FIFO holds.

    Members
    -------
    start : In(1)
        Begins a run and clears ``error``. Only while ``idle``.
    stop : In(1)
        Abandons the run: no further burst is asked for, and what is still to come is dropped.
    address : In(ADDRESS_BITS)
        Byte address. Bits below the size of a burst are ignored. Sampled by ``start``.
    beats : In(32)
        Sampled by ``start``.
    axi : Out(AXI4 read)
    o : Out(stream of bus_bits)
        Beats; ``valid`` stays until the transfer unless stopped.
    beat : Out(1)
        A beat arrives in this cycle.
    error : Out(1)
        A beat of this run has arrived with a response other than OKAY.
    idle : Out(1)
        Nothing asked for is outstanding and every beat has left; said three cycles after the last one has.

    """

    START_LATENCY = timing.FETCH_START  # cycles, from `start` to the first `axi.arvalid`
    BEAT_LATENCY = timing.FETCH_BEAT  # from a transfer on the R channel to its `o.valid`, the FIFO being empty
    CREDIT_LATENCY = timing.FETCH_CREDIT  # from a transfer on `o` to the `axi.arvalid` that it allows

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self.depth = config.burst_beats * config.fifo_bursts
        self._low_bits = (config.burst_beats * config.bus_bits // 8).bit_length() - 1  # of an address, always 0
        # The next burst: its address, in bursts; whether there is one, and it is the last; its beats, less one.
        self._burst = Signal(ADDRESS_BITS - self._low_bits, name="burst")
        self._more, self._last, self._length = Signal(), Signal(), Signal(range(config.burst_beats), name="length")
        # Of the beats not yet asked for: how many bursts are whole ones, and what is left over.
        rest_bits = exact_log2(config.burst_beats)
        self._full, self._rest = Signal(32 - rest_bits, name="full"), Signal(rest_bits, name="rest")
        super().__init__({
            "start": In(1), "stop": In(1),
            "address": In(ADDRESS_BITS), "beats": In(32),
            "axi": Out(ReadSignature(addr_bits=ADDRESS_BITS, data_bits=config.bus_bits)),
            "o": Out(stream.Signature(config.bus_bits)),
            "beat": Out(1), "error": Out(1), "idle": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(
            width=self.config.bus_bits, depth=self.depth + 1)  # + 1: its output register, so the memory is 2**n deep
        burst_beats, burst = self.config.burst_beats, self._burst
        # Places for beats beyond those for a whole burst: where there are none, its sign says so, and nothing else.
        at_rest = self.depth - burst_beats
        places = Signal(range(-burst_beats, at_rest + 1), init=at_rest)
        dropping = Signal()

        # Ask: one burst a cycle, if there is room for a whole one.
        full, rest, more, last, length, issue = self._full, self._rest, self._more, self._last, self._length, Signal()
        m.d.comb += issue.eq(more & ~places[-1] & (self.axi.arready | ~self.axi.arvalid))
        with m.If(self.axi.arready):
            m.d.sync += self.axi.arvalid.eq(0)
        with m.If(issue):
            m.d.sync += [
                self.axi.arvalid.eq(1),
                self.axi.araddr.eq(burst << self._low_bits),
                self.axi.arlen.eq(length),
                burst.eq(burst + 1), full.eq(full - 1), more.eq(~last),
                last.eq((full == 1) | (full == 2) & (rest == 0)), length.eq(Mux(full == 1, rest, 0) - 1),
            ]

        # Receive: a place has been kept free.
        m.d.comb += [
            self.axi.rready.eq(1),
            self.beat.eq(self.axi.rvalid),
            fifo.w_en.eq(self.axi.rvalid),
            fifo.w_data.eq(self.axi.rdata),
        ]
        with m.If(self.axi.rvalid & (self.axi.rresp != Resp.OKAY)):
            m.d.sync += self.error.eq(1)

        # Deliver.
        leaves, left = self._deliver(m, fifo, dropping), Signal()
        # Less a burst's beats (~n is -n - 1), and what has left as the same adder's carry in.
        change = Mux(issue, Cat(~length, 1).as_signed(), 0)
        m.d.sync += [self.idle.eq(~more & (places == at_rest) & ~self.start), left.eq(leaves),
                     places.eq((Cat(1, places).as_signed() + Cat(left, change).as_signed()) >> 1)]

        with m.If(self.stop):
            m.d.sync += [more.eq(0), dropping.eq(1)]
        with m.If(self.start):
            start_rest, start_full = self.beats[:len(rest)], self.beats[len(rest):]
            m.d.sync += [
                full.eq(start_full), rest.eq(start_rest), more.eq(self.beats != 0),
                last.eq((start_full == 0) | (start_full == 1) & (start_rest == 0)),
                length.eq(Mux(start_full == 0, start_rest, 0) - 1),
                burst.eq(self.address >> self._low_bits),
                dropping.eq(0),
                self.error.eq(0),
            ]
        return m

    def _deliver(self, m, fifo, dropping):
        """From the FIFO through two registers, so that neither side waits for the other in one cycle. Returns whether a
        beat leaves."""
        first, second = Signal(self.config.bus_bits, name="first"), Signal(self.config.bus_bits, name="second")
        first_valid, second_valid, leaves = Signal(), Signal(), Signal()
        m.d.comb += [
            self.o.valid.eq(first_valid & ~dropping),
            self.o.payload.eq(first),
            leaves.eq(first_valid & (self.o.ready | dropping)),
            fifo.r_en.eq(~second_valid),
        ]
        with m.If(leaves | ~first_valid):
            m.d.sync += [first.eq(Mux(second_valid, second, fifo.r_data)), first_valid.eq(second_valid | fifo.r_rdy),
                         second_valid.eq(0)]
        with m.Elif(~second_valid):
            m.d.sync += [second.eq(fifo.r_data), second_valid.eq(fifo.r_rdy)]
        return leaves
