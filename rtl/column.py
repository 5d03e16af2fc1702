"""A column's end: accumulator, requantizer, pooling, and the way back to a bank."""

from amaranth import Array, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from codesign import timing
from codesign.accelerator import AcceleratorConfig
from codesign.integer import A_BITS
from codesign.isa import SCALE_BITS, Isa

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
    entry, load, load_set : column parameters for a swap to come, taken into one of two sets when ``load``
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
        token = column_token(config)
        super().__init__({
            "psum": In(signed(config.psum_bits)), "token": In(token), "token_next": Out(token),
            "entry": In(self.layout.width), "load": In(1), "load_set": In(1),
            "raw_valid": Out(1), "raw_data": Out(signed(RAW_BITS)),
            "write_next": Out(1),
            "write_enable": Out(1), "write_addr": Out(config.addr_bits), "write_data": Out(A_BITS),
            "write_group": Out(max(1, (config.bank_groups - 1).bit_length())),
        })

    def elaborate(self, platform):
        m, config = Module(), self.config
        stages = [self.token]  # stages[i] is the token i cycles on
        for i in range(1, 6):
            stages.append(Signal(self.token.shape(), name=f"token_{i}"))
            m.d.sync += stages[i].eq(stages[i - 1])
        m.d.comb += self.token_next.eq(stages[1])
        mul, add, places, enable = self._parameters(m, stages)

        # Accumulate. The memory's read port sees the write of the same cycle, so equal addresses may follow at once.
        m.submodules.accumulators = memory = Memory(shape=signed(config.acc_bits), depth=config.acc_depth, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=(write,))
        term, total = Signal(signed(config.acc_bits)), Signal(signed(config.acc_bits))
        m.d.sync += term.eq(Array(self.psum << (A_BITS * i) for i in range(MAX_SCALE + 1))[self.token.scale])
        m.d.comb += [
            read.addr.eq(self.token.acc_addr),
            write.addr.eq(stages[1].acc_addr),
            write.data.eq(term + Mux(stages[1].first, 0, read.data)),
            write.en.eq(stages[1].valid & ~stages[1].last),
        ]
        m.d.sync += total.eq(write.data)

        # Requantize.
        product, biased = Signal(signed(config.scaled_bits)), Signal(signed(config.scaled_bits))
        activation = Signal(2 * A_BITS)
        scaled = biased >> places
        top = Mux(stages[4].wide, 2 ** (2 * A_BITS) - 1, 2**A_BITS - 1)
        m.d.sync += [
            product.eq(total * mul),
            biased.eq(product + add),
            activation.eq(Mux(scaled < 0, 0, Mux(scaled > top, top, scaled))),
        ]
        m.d.comb += [
            self.raw_valid.eq(stages[4].valid & stages[4].last & stages[4].raw),
            self.raw_data.eq(biased),
        ]
        self._pool(m, stages[5], activation, enable)
        return m

    def _parameters(self, m, stages):
        """Requantization parameters in force at their own stages: each takes the shadow's as the swap passes."""
        shadows = [Signal(self.layout.width, name=f"shadow_{i}") for i in range(2)]
        for i, shadow in enumerate(shadows):
            with m.If(self.load & (self.load_set == i)):
                m.d.sync += shadow.eq(self.entry)
        used = []
        for name, stage in (("mul", 2), ("add", 3), ("shift", 4), ("enable", 5)):
            f = self.layout.fields[name]
            parameter = Signal(signed(f.width) if f.signed else f.width, name=name)
            with m.If(stages[stage].swap):
                shadow = Mux(stages[stage].set, shadows[1], shadows[0])
                m.d.sync += parameter.eq(shadow[f.offset:f.offset + f.width])
            used.append(parameter)
        return used

    def _pool(self, m, token, activation, enable):
        """Running maximum or sum over a window; its result goes out four bits at a turn, lowest first."""
        config = self.config
        result = Signal(4 * A_BITS)
        ready, enabled, addr, planes = Signal(), Signal(), Signal(config.addr_bits), Signal(2)
        group = Signal(self.write_group.shape())
        larger = Mux(activation > result, activation, result)
        with m.If(token.valid & token.last & ~token.raw):
            m.d.sync += result.eq(Mux(token.window_first, activation,
                                      Mux(token.total, result + activation, larger)))
        complete = token.valid & token.last & ~token.raw & token.window_last
        m.d.sync += ready.eq(complete)
        with m.If(complete):  # for all words of this result, whatever is swapped in behind it
            m.d.sync += enabled.eq(enable)
        offset = token.out_stride * self.position if self.position else 0
        m.d.sync += [addr.eq(token.out_addr + offset), planes.eq(token.planes)]
        if config.bank_groups > 1:
            m.d.sync += group.eq(token.group)

        word = Signal(data.StructLayout({"enable": 1, "addr": config.addr_bits, "data": A_BITS,
                                         "group": self.write_group.shape()}))
        left, rest = Signal(2), Signal(3 * A_BITS)
        step, stride, shared = Signal(config.addr_bits), Signal(config.addr_bits), config.columns_per_bank
        m.d.sync += step.eq(token.out_stride * shared)
        turn = Const(1)
        if shared > 1:
            wait = Signal(range(shared))
            m.d.sync += wait.eq(Mux(ready | (wait == 0), shared - 1, wait - 1))
            turn = wait == 0
        more = (left != 0) & turn
        busy = ready | more
        m.d.sync += word.enable.eq(busy & enabled)
        with m.If(ready):
            m.d.sync += [word.addr.eq(addr), word.data.eq(result[:A_BITS]), word.group.eq(group),
                         left.eq(planes), rest.eq(result[A_BITS:]), stride.eq(step)]
        with m.Elif(more):
            m.d.sync += [word.addr.eq(word.addr + stride), word.data.eq(rest[:A_BITS]), left.eq(left - 1),
                         rest.eq(rest >> A_BITS)]
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
