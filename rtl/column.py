"""A column's end: accumulator, requantizer, pooling, and the way back to a bank."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from codesign import timing
from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS
from codesign.isa import SCALE_BITS, Isa

from .scaler import Scaler
from .shifter import Shifter

__all__ = ["Column", "RAW_BITS", "column_token"]

RAW_BITS = 32
MAX_SCALE = 4


def column_token(config: AcceleratorConfig) -> data.StructLayout:
    """What travels along the columns, one column a cycle, with every pixel.

    valid : a sum arrives; swap : from the next cycle on, use the parameters that were loaded into this ``set``
    first : the accumulator starts here; last : its sum is complete
    raw : complete sums leave as they are; total : pooling adds instead of taking the maximum
    window_first, window_last : the pixel opens or closes a pooling window
    scale : the sum counts 16**scale
    planes : 4-bit words per result, less one; wide : activations go up to 255
    acc_addr, out_addr, out_stride, group : of the accumulator; of the result's first word in its bank; words of one
    plane of a channel; set of banks
    """
    layout = {"valid": 1, "swap": 1, "set": 1, "first": 1, "last": 1, "raw": 1, "total": 1,
              "window_first": 1, "window_last": 1, "scale": SCALE_BITS, "planes": 2, "wide": 1,
              "acc_addr": config.acc_addr_bits, "out_addr": config.addr_bits, "out_stride": config.addr_bits}
    if config.bank_groups > 1:
        layout["group"] = (config.bank_groups - 1).bit_length()
    return data.StructLayout(layout)


class Column(wiring.Component):
    """Accumulates, requantizes and pools one output channel; accepts one sum per cycle.

    Follows :func:`codesign.reference.requantize`. A complete sum in cycle t leaves on ``raw_data`` in cycle
    t + :attr:`RAW_LATENCY`, or as the first word of its window's result on ``write_*`` in cycle
    t + :attr:`LATENCY` + ``delay``; further words follow every ``config.columns_per_bank`` cycles, that many
    ``out_stride`` on in the bank.

    Parameters
    ----------
    position : index among the columns sharing a bank; sets the result's address and the delay that keeps
        results of different columns apart on the bank's port

    Members
    -------
    psum, token : sum from the array and its command, in the same cycle
    token_next : to the next column, one cycle later
    entry, load : column parameters for a swap to come, taken into either of two sets by ``load``'s bits
    raw_valid, raw_data : complete sums, acc*mul + add
    write_enable, write_addr, write_data, write_group : results
    write_next : the next cycle is a result's, whether or not this column is enabled
    """

    RAW_LATENCY = timing.COLUMN_RAW
    LATENCY = timing.COLUMN

    def __init__(self, config: AcceleratorConfig, position: int = 0):
        self.config, self.position = config, position
        self.delay = (position - position * config.rows) % config.columns_per_bank
        self.layout = Isa(config).column
        self._shadows = [Signal(self.layout.width, name=f"shadow_{i}") for i in range(2)]
        token = column_token(config)
        super().__init__({
            "psum": In(signed(config.psum_bits)), "token": In(token), "token_next": Out(token),
            "entry": In(self.layout.width), "load": In(2),
            "raw_valid": Out(1), "raw_data": Out(signed(RAW_BITS)),
            "write_next": Out(1),
            "write_enable": Out(1), "write_addr": Out(config.addr_bits), "write_data": Out(A_BITS),
            "write_group": Out(max(1, (config.bank_groups - 1).bit_length())),
        })

    def elaborate(self, platform):
        m, config = Module(), self.config
        stages = [self.token]  # stages[i] is the token i cycles on
        for i in range(1, 8):
            stages.append(Signal(self.token.shape(), name=f"token_{i}"))
            m.d.sync += stages[i].eq(stages[i - 1])
        m.d.comb += self.token_next.eq(stages[1])
        m.submodules.scaler = scaler = Scaler(config)
        m.submodules.shifter = shifter = Shifter(config)

        self._load(m)
        total = self._accumulate(m, stages)
        mul, load_mul = self._parameter("mul", stages[3])
        add, load_add = self._parameter("add", stages[4])
        m.d.comb += [
            scaler.acc.eq(total), scaler.mul.eq(mul), scaler.load_mul.eq(load_mul),
            scaler.add.eq(add), scaler.load_add.eq(load_add),
            shifter.i.eq(scaler.result), shifter.wide.eq(stages[6].wide),
            self.raw_valid.eq(stages[5].valid & stages[5].last & stages[5].raw),
            self.raw_data.eq(scaler.result),
        ]
        m.d.comb += shifter.places.eq(self._held(m, "shift", stages[5]))
        self._pool(m, stages[7], shifter.o, self._held(m, "enable", stages[7]))
        return m

    def _accumulate(self, m, stages):
        """The sum so far, at stage 2. The memory is read at stage 0, its data registered once more at stage 1, and
        written at stage 2: what the last two cycles' sums have not written by then is taken from themselves."""
        config = self.config
        m.submodules.accumulators = memory = Memory(shape=signed(config.acc_bits), depth=config.acc_depth, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=())
        total, held = Signal(signed(config.acc_bits)), Signal(signed(config.acc_bits), reset_less=True)
        shifted, term, last, last_but_one = (Signal.like(total, name=name) for name in (
            "shifted", "term", "last", "last_but_one"))
        same, source = Signal(2), Signal(2)
        m.d.sync += [
            shifted.eq(Array(self.psum << (A_BITS * i) for i in range(MAX_SCALE + 1))[self.token.scale]),
            term.eq(shifted), held.eq(read.data), last.eq(total), last_but_one.eq(last),
            same.eq(Cat(before.valid & ~before.last & (before.acc_addr == self.token.acc_addr)
                        for before in stages[1:3])),
            source.eq(Mux(stages[1].first, 0, Mux(same[0], 1, Mux(same[1], 2, 3)))),
        ]
        m.d.comb += [
            total.eq(term + Array([0, last, last_but_one, held])[source]), read.addr.eq(self.token.acc_addr),
            write.addr.eq(stages[2].acc_addr), write.data.eq(total), write.en.eq(stages[2].valid & ~stages[2].last),
        ]
        return total

    def _load(self, m):
        """Two sets of parameters that wait for their swap."""
        for i, shadow in enumerate(self._shadows):
            with m.If(self.load[i]):
                m.d.sync += shadow.eq(self.entry)

    def _parameter(self, name, token):
        """Requantization parameter ``name`` as the swap passes, and whether it passes in this cycle: each stage has its
        own from the next cycle on."""
        f = self.layout.fields[name]
        shadow = Mux(token.set, self._shadows[1], self._shadows[0])[f.offset:f.offset + f.width]
        return shadow.as_signed() if f.signed else shadow, token.swap

    def _held(self, m, name, token):
        """Parameter ``name`` in force at the stage after ``token``'s."""
        value, swap = self._parameter(name, token)
        parameter = Signal.like(value, name=name)
        with m.If(swap):
            m.d.sync += parameter.eq(value)
        return parameter

    def _pool(self, m, token, activation, enable):
        """Running maximum or sum over a window; its result goes out four bits at a turn, lowest first."""
        config = self.config
        result = Signal(4 * A_BITS)
        enabled, addr = Signal(), Signal(config.addr_bits)
        group = Signal(self.write_group.shape())
        larger = Mux(activation > result, activation, result)
        with m.If(token.valid & token.last & ~token.raw):
            m.d.sync += result.eq(Mux(token.window_first, activation,
                                      Mux(token.total, result + activation, larger)))
        complete = token.valid & token.last & ~token.raw & token.window_last
        with m.If(complete):  # for all words of this result, whatever is swapped in behind it
            m.d.sync += enabled.eq(enable)
        offset = token.out_stride * self.position if self.position else 0
        m.d.sync += addr.eq(token.out_addr + offset)
        if config.bank_groups > 1:
            m.d.sync += group.eq(token.group)
        ready, busy = self._turns(m, complete, token.planes)

        word = Signal(data.StructLayout({"enable": 1, "addr": config.addr_bits, "data": A_BITS,
                                         "group": self.write_group.shape()}))
        rest = Signal(3 * A_BITS)
        step, stride = Signal(config.addr_bits), Signal(config.addr_bits)
        m.d.sync += [step.eq(token.out_stride * config.columns_per_bank), word.enable.eq(busy & enabled)]
        with m.If(ready):
            m.d.sync += [word.addr.eq(addr), word.data.eq(result[:A_BITS]), word.group.eq(group),
                         rest.eq(result[A_BITS:]), stride.eq(step)]
        with m.Elif(busy):
            m.d.sync += [word.addr.eq(word.addr + stride), word.data.eq(rest[:A_BITS]), rest.eq(rest >> A_BITS)]
        for i in range(self.delay):
            later = Signal.like(word, name=f"word_{i + 1}")
            m.d.sync += later.eq(word)
            word = later
            was_busy = Signal(name=f"busy_{i + 1}")
            m.d.sync += was_busy.eq(busy)
            busy = was_busy
        m.d.comb += self.write_next.eq(busy)
        m.d.comb += [self.write_enable.eq(word.enable), self.write_addr.eq(word.addr),
                     self.write_data.eq(word.data), self.write_group.eq(word.group)]

    def _turns(self, m, complete, planes):
        """Whether, in the next cycle, the result that is ``complete`` in this one can go out, and whether it or another
        of its words (``planes``, less one) does: one every ``config.columns_per_bank`` cycles. Both are registers:
        the second goes far."""
        shared = self.config.columns_per_bank
        ready, busy, left = Signal(), Signal(), Signal(2)
        turn = Const(1)
        if shared > 1:
            wait = Signal(range(shared))
            m.d.sync += wait.eq(Mux(complete | (wait == 0), shared - 1, wait - 1))
            turn = wait == 0
        more = (left != 0) & turn
        m.d.sync += [ready.eq(complete), busy.eq(complete | more)]
        with m.If(complete):
            m.d.sync += left.eq(planes)
        with m.Elif(more):
            m.d.sync += left.eq(left - 1)
        return ready, busy
