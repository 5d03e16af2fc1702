"""One wide AXI4 master on several narrower ports of a memory, which together are as fast as it is."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from codesign.accelerator import AcceleratorConfig
from codesign.errors import require
from codesign.registers import ADDRESS_BITS

from .axi import MasterSignature, Resp

__all__ = ["MemoryPorts"]


class MemoryPorts(wiring.Component):
    """Cuts every read burst into stripes, which the ports take in turn, and puts what they bring in order again.

    A stripe is ``burst_beats / ports`` beats of the wide side, so a whole burst keeps all ports busy. No more stripes
    are on their way, or here, than all FIFOs have places for; as the ports take turns, each has its share of them. So a
    port always takes what comes, and none can hold up another within the memory. Writes, which are few, all leave by
    port 0, which keeps their order.

    Where the ports bring a beat each a cycle, the wide side gets ``ports * port_bits / bus_bits`` beats a cycle.

    Parameters
    ----------
    config : AcceleratorConfig
        Gives ``bus_bits`` and ``burst_beats``, the most that a read burst has.
    ports, port_bits : int
        Powers of two; ``bus_bits`` is at least twice ``port_bits`` and at least ``ports`` times.

    Members
    -------
    s_axi : In(AXI4 of bus_bits)
        All bursts are INCR, of whole beats. ``rready`` and ``bready`` may be low.
    m_axi_0, ... or m_axi, where there is one : Out(AXI4 of port_bits)
        ``rready`` is always high. ``arvalid`` stays until the transfer; AW, W and B of port 0 are the wide side's.
    """

    AR_LATENCY = 2  # cycles, from a transfer on the wide AR to the first ``arvalid``
    R_LATENCY = 2  # cycles, from the transfer of a beat's last part on R to the wide ``rvalid``
    DEPTH = 32  # wide beats that a port's FIFO holds: 2 KiB of a 512-bit bus, on the way from memory or here

    def __init__(self, config: AcceleratorConfig, *, ports: int, port_bits: int):
        self.ratio = config.bus_bits // port_bits
        for name, value in (("ports", ports), ("port_bits", port_bits)):
            require(value >= 1 and value & (value - 1) == 0, f"Memory {name} must be a power of two, not {value}")
        require(self.ratio >= 2, f"Memory port_bits must be at most half of bus_bits ({config.bus_bits}), "
                                 f"not {port_bits}")
        require(ports <= min(self.ratio, config.burst_beats),
                f"Memory ports must be at most {min(self.ratio, config.burst_beats)}, not {ports}")
        self.stripe_beats = config.burst_beats // ports
        self.depth = max(self.DEPTH, 2 * self.stripe_beats)
        self._bus_bits, self._port_bits = config.bus_bits, port_bits
        names = ["m_axi"] if ports == 1 else [f"m_axi_{i}" for i in range(ports)]
        super().__init__({
            "s_axi": In(MasterSignature(addr_bits=ADDRESS_BITS, data_bits=config.bus_bits)),
            **{name: Out(MasterSignature(addr_bits=ADDRESS_BITS, data_bits=port_bits)) for name in names},
        })
        self.ports = [getattr(self, name) for name in names]

    def elaborate(self, platform):
        m = Module()
        # By stripe that has been asked for, whether it is its burst's last.
        m.submodules.ends = ends = SyncFIFOBuffered(width=1, depth=len(self.ports) * self.depth // self.stripe_beats)
        self._ask(m, ends)
        self._answer(m, ends, [self._collect(m, i, axi) for i, axi in enumerate(self.ports)])
        self._write(m)
        for axi in self.ports:
            m.d.comb += axi.rready.eq(1)
        for axi in self.ports[1:]:
            m.d.comb += axi.bready.eq(1)
        return m

    def _collect(self, m, i, axi):
        """A port's FIFO, of wide beats."""
        fifo = SyncFIFOBuffered(width=self._bus_bits + 2, depth=self.depth + 1)  # + 1: see Fetcher
        m.submodules[f"fifo_{i}"] = fifo
        part, bad = Signal(range(self.ratio)), Signal()
        held = Signal(self._bus_bits - self._port_bits)
        is_bad = bad | (axi.rresp != Resp.OKAY)
        m.d.comb += [fifo.w_data.eq(Cat(held, axi.rdata, is_bad, axi.rlast)),
                     fifo.w_en.eq(axi.rvalid & (part == self.ratio - 1))]
        with m.If(axi.rvalid):
            m.d.sync += [held.eq(Cat(held, axi.rdata)[self._port_bits:]), part.eq(part + 1),
                         bad.eq(is_bad & (part != self.ratio - 1))]
        return fifo

    def _ask(self, m, ends):
        """Take a burst; ask for its stripes, one a cycle."""
        wide, stripe_bytes = self.s_axi, self.stripe_beats * self._bus_bits // 8
        left, address = Signal(9), Signal(ADDRESS_BITS)
        turn, beats = self._turn(), Signal(range(self.stripe_beats + 1))
        last = left <= self.stripe_beats
        m.d.comb += [wide.arready.eq(left == 0), beats.eq(Mux(last, left, self.stripe_beats))]
        with m.If(wide.arvalid & wide.arready):
            m.d.sync += [left.eq(wide.arlen + 1), address.eq(wide.araddr)]
        for axi in self.ports:
            with m.If(axi.arready):
                m.d.sync += axi.arvalid.eq(0)
        with m.Switch(turn):
            for i, axi in enumerate(self.ports):
                with m.Case(i):
                    with m.If((left != 0) & ends.w_rdy & (axi.arready | ~axi.arvalid)):
                        m.d.comb += [ends.w_en.eq(1), ends.w_data.eq(last)]
                        m.d.sync += [
                            axi.arvalid.eq(1), axi.araddr.eq(address), axi.arlen.eq(beats * self.ratio - 1),
                            left.eq(left - beats), address.eq(address + stripe_bytes), self._next(turn),
                        ]

    def _answer(self, m, ends, fifos):
        """Stripes in the order in which they were asked for."""
        wide, turn = self.s_axi, self._turn()
        data, transfer = Array(fifo.r_data for fifo in fifos)[turn], wide.rvalid & wide.rready
        stripe_ends = data[self._bus_bits + 1]
        m.d.comb += [
            wide.rvalid.eq(Array(fifo.r_rdy for fifo in fifos)[turn]),
            wide.rdata.eq(data[:self._bus_bits]),
            wide.rresp.eq(Mux(data[self._bus_bits], Resp.SLVERR, Resp.OKAY)),
            wide.rlast.eq(stripe_ends & ends.r_data),
            ends.r_en.eq(transfer & stripe_ends),
        ]
        for i, fifo in enumerate(fifos):
            m.d.comb += fifo.r_en.eq(wide.rready & (turn == i))
        with m.If(transfer & stripe_ends):
            m.d.sync += self._next(turn)

    def _turn(self):
        """Whose turn it is: a port's number, of one bit where there is but one port."""
        return Signal(range(max(2, len(self.ports))), name="turn")

    def _next(self, turn):
        return turn.eq(turn + 1 if len(self.ports) > 1 else 0)

    def _write(self, m):
        wide, port = self.s_axi, self.ports[0]
        part = Signal(range(self.ratio))
        last = part == self.ratio - 1
        m.d.comb += [
            port.awvalid.eq(wide.awvalid), wide.awready.eq(port.awready), port.awaddr.eq(wide.awaddr),
            port.awlen.eq((wide.awlen + 1) * self.ratio - 1),
            port.wvalid.eq(wide.wvalid), wide.wready.eq(port.wready & last), port.wlast.eq(wide.wlast & last),
            port.wdata.eq(wide.wdata.word_select(part, self._port_bits)),
            port.wstrb.eq(wide.wstrb.word_select(part, self._port_bits // 8)),
            wide.bvalid.eq(port.bvalid), port.bready.eq(wide.bready), wide.bresp.eq(port.bresp),
        ]
        with m.If(port.wvalid & port.wready):
            m.d.sync += part.eq(part + 1)
