"""The on-chip memory that the accelerator's master and the soft core share."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from codesign.registers import ADDRESS_BITS

from ..axi import MasterSignature, Resp
from .config import MEMORY_LATENCY_CYCLES, SystemConfig

__all__ = ["DataMemory", "words_of"]

PARTS = 4
MOST_BURSTS = 16  # that wait for their turn; more than that is never the reason for a wait: see DataMemory


def words_of(data: bytes, size: int) -> list[int]:
    """``data`` as little-endian words of ``size`` bytes, the last one filled up with zeros."""
    return [int.from_bytes(data[at:at + size], "little") for at in range(0, len(data), size)]


class DataMemory(wiring.Component):
    """``memory_bytes`` behind an AXI4 slave as wide as the accelerator's bus, and a port of 32 bits.

    Its timing is that of :class:`codesign.accelerator.Memory`: a read burst accepted in cycle a delivers its first beat
    in cycle a + 5 or later, beats leave in order, one in ``beat_cycles`` cycles; writes are of one beat, and answered 5
    cycles after it was taken. ``arready`` is low only while as many bursts wait as there is room for, each of which
    takes longer than to accept another.

    Reads have one port of the block RAM; writes and the soft core share the other, where writes come first. What is
    read while it is being written is undefined. No access but the master's is ever answered late.

    The block RAM lies in :data:`PARTS`, side by side in a beat, each with addresses of its own: they are spread over
    the chip.

    Parameters
    ----------
    config : SystemConfig
    data : bytes
        What is in it from address 0 on when power comes; zeros follow.

    Members
    -------
    axi : In(AXI4)
        The master must take every beat and answer at once. Beyond the memory's end, answers are DECERR.
    reset : In(1)
        Forgets what was asked for.
    request, address, value, strobes : In(1), In(24), In(32), In(4)
        The soft core's: ``address`` is a word's byte address within the memory; all stay as they are until ``done``.
    done, word : Out(1), Out(32)
        ``done`` is high for one cycle, ``word`` from then on.
    """

    def __init__(self, config: SystemConfig, data: bytes = b""):
        self.config, self.beat_bytes = config, config.accelerator.bus_bits // 8
        self.depth, self.data = config.memory_bytes // self.beat_bytes, data
        super().__init__({
            "axi": In(MasterSignature(addr_bits=ADDRESS_BITS, data_bits=8 * self.beat_bytes)), "reset": In(1),
            "request": In(1), "address": In(24), "value": In(32), "strobes": In(4), "done": Out(1), "word": Out(32),
        })

    def elaborate(self, platform):
        m, bits = Module(), 8 * self.beat_bytes // PARTS
        words, parts = words_of(self.data, self.beat_bytes), []
        for i in range(PARTS):
            part = Memory(shape=bits, depth=self.depth, attrs={"no_rw_check": 1},
                          init=[word >> bits * i & (1 << bits) - 1 for word in words])
            m.submodules[f"part_{i}"] = part
            parts.append(part)
        self._reads(m, parts)
        self._writes(m, parts)
        return m

    def _addresses(self, m, name, address):
        """A register of ``address`` for each part, which no tool may make one."""
        registers = [Signal(range(self.depth), name=f"{name}_{i}", attrs={"keep": 1}) for i in range(PARTS)]
        m.d.sync += [register.eq(address) for register in registers]
        return registers

    def _data(self, m, name, ports):
        """What the parts' ports read, from registers that can be the block RAM's own."""
        registers = [Signal.like(port.data, name=f"{name}_{i}", reset_less=True) for i, port in enumerate(ports)]
        m.d.sync += [register.eq(port.data) for register, port in zip(registers, ports, strict=True)]
        return Cat(registers)

    def _beat_address(self, address):
        """The beat that a byte address lies in, with a highest bit that says that it is none of the memory's."""
        low, bits = (self.beat_bytes - 1).bit_length(), self.depth.bit_length()
        beat = address[low:]
        return Cat(beat[:bits - 1], beat[bits - 1:].any()) if self.depth == 1 << bits - 1 else \
            Cat(beat[:bits], beat[bits:].any() | (beat[:bits] >= self.depth))

    def _reads(self, m, parts):
        """Bursts wait in a queue; of the first, an address goes out every ``beat_cycles``; then come the cycles of the
        parts' address registers, of the block RAM and of a register behind it."""
        axi = self.axi
        burst = Signal(len(self._beat_address(axi.araddr)))
        left = Signal(8)
        queue = Memory(shape=len(burst) + 8, depth=min(MOST_BURSTS, self.config.accelerator.fifo_bursts), init=[])
        m.submodules.queue = queue
        put, take = queue.write_port(), queue.read_port(domain="comb")
        count, full = Signal(range(queue.depth + 1)), Signal()
        following = Signal.like(count)
        active = Signal()
        pace = Signal(range(self.config.beat_cycles))
        accept = Signal()
        issue = Signal()
        load = Signal()
        m.d.comb += [
            axi.arready.eq(~full), accept.eq(axi.arvalid & axi.arready),
            put.en.eq(accept), put.data.eq(Cat(self._beat_address(axi.araddr), axi.arlen)),
            issue.eq(active & (pace == 0)),
            load.eq((count != 0) & (~active | issue & (left == 0))),
            following.eq(Mux(self.reset, 0, count + accept - load)),
        ]
        m.d.sync += [put.addr.eq(put.addr + accept), take.addr.eq(take.addr + load),
                     count.eq(following), full.eq(following == queue.depth),
                     pace.eq(Mux(issue, self.config.beat_cycles - 1, Mux(pace == 0, 0, pace - 1)))]
        with m.If(issue):
            m.d.sync += [burst.eq(burst + 1), left.eq(left - 1), active.eq(left != 0)]
        with m.If(load):
            m.d.sync += [Cat(burst, left).eq(take.data), active.eq(1)]
        with m.If(self.reset):
            m.d.sync += [put.addr.eq(0), take.addr.eq(0), active.eq(0)]
        outside = burst[-1] if self.depth == 1 << len(burst) - 1 else burst >= self.depth
        ports = [part.read_port() for part in parts]
        addresses = self._addresses(m, "read", burst)
        m.d.comb += [port.addr.eq(address) for port, address in zip(ports, addresses, strict=True)]
        m.d.comb += axi.rdata.eq(self._data(m, "data", ports))
        valid, last, bad = issue, left == 0, outside
        for i in range(2):
            valid_1, last_1, bad_1 = (Signal(name=f"{name}_{i}") for name in ("valid", "last", "bad"))
            m.d.sync += [valid_1.eq(valid & ~self.reset), last_1.eq(last), bad_1.eq(bad)]
            valid, last, bad = valid_1, last_1, bad_1
        m.d.sync += [axi.rvalid.eq(valid & ~self.reset), axi.rlast.eq(last),
                     axi.rresp.eq(Mux(bad, Resp.DECERR, Resp.OKAY))]

    def _writes(self, m, parts):
        """The other port, from registers: a beat of the master's, else what the soft core asks for."""
        axi, beat_bytes = self.axi, self.beat_bytes
        pace = Signal(range(self.config.beat_cycles))
        take = Signal()
        m.d.comb += [take.eq(axi.awvalid & axi.wvalid & (pace == 0)), axi.awready.eq(take), axi.wready.eq(take)]
        m.d.sync += pace.eq(Mux(take, self.config.beat_cycles - 1, Mux(pace == 0, 0, pace - 1)))
        where = self._beat_address(axi.awaddr)
        value, enable = Signal(8 * beat_bytes), Signal(beat_bytes)
        m.d.sync += [value.eq(Mux(take, axi.wdata, self.value.replicate(beat_bytes // 4))),
                     enable.eq(Mux(take & ~where[-1], axi.wstrb, 0))]
        ports = [(part.write_port(granularity=8), part.read_port()) for part in parts]
        addresses = self._addresses(m, "address", Mux(take, where, self.address[(beat_bytes - 1).bit_length():]))
        for i, ((write, read), address) in enumerate(zip(ports, addresses, strict=True)):
            m.d.comb += [write.addr.eq(address), read.addr.eq(address), read.en.eq(~write.en.any()),
                         write.data.eq(value.word_select(i, len(write.data))),
                         write.en.eq(enable.word_select(i, len(write.en)))]
        answers = [(take, where[-1])]
        for i in range(1, MEMORY_LATENCY_CYCLES):
            valid, bad = Signal(name=f"answer_{i}"), Signal(name=f"answer_bad_{i}")
            m.d.sync += [valid.eq(answers[-1][0] & ~self.reset), bad.eq(answers[-1][1])]
            answers.append((valid, bad))
        m.d.sync += [axi.bvalid.eq(answers[-1][0] & ~self.reset),
                     axi.bresp.eq(Mux(answers[-1][1], Resp.DECERR, Resp.OKAY))]

        lane = self.address[2:(beat_bytes - 1).bit_length()]
        steps = Signal(3)  # of the soft core's access: block RAM, beat, word
        beat = self._data(m, "beat", [read for _, read in ports])
        m.d.sync += [steps.eq(steps << 1), self.done.eq(steps[2])]
        with m.If(steps[2]):
            m.d.sync += self.word.eq(beat.word_select(lane, 32))
        with m.If(self.request & ~take & ~steps.any() & ~self.done):
            m.d.sync += [steps.eq(1), enable.eq(self.strobes << (lane << 2))]
