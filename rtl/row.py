"""An array row's feed: its bank of activation memory and its own address generator."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from codesign import timing
from codesign.accelerator import INTERLEAVE_BITS, AcceleratorConfig
from codesign.integer import A_BITS
from codesign.isa import MAX_OFFSET, Isa

__all__ = ["Row", "row_token"]


def row_token(config: AcceleratorConfig) -> data.StructLayout:
    """What travels down the rows, one row a cycle.

    valid : a pixel; swap_weights, swap_row : from the next cycle on, use what was loaded
    addr : the pixel's offset within a channel; left, right, up, down : pixels to that edge of the map, at most 3
    """
    distance = range(MAX_OFFSET + 1)
    return data.StructLayout({"valid": 1, "swap_weights": 1, "swap_row": 1, "left": distance, "right": distance,
                              "up": distance, "down": distance, "addr": config.pixel_bits})


class Row(wiring.Component):
    """Reads one 4-bit activation a cycle at the pixel's offset plus the row's own, zero where a shift leaves the map.

    A pixel in ``token`` in cycle t gives its activation on ``x`` in cycle t + :attr:`LATENCY`, and ``swap`` keeps
    step with it; ``token_next`` passes the token on to the next row in cycle t + 1.

    Members
    -------
    token, token_next : :func:`row_token`
    entry, load : row descriptor for the next swap, taken when ``load``
    x, high, swap : to the array's row
    write_enable, write_addr, write_data : into the bank; readable by pixels whose token comes a cycle later
    """

    LATENCY = timing.ROW

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self.row_layout = Isa(config).row
        self._shadow = Signal(self.row_layout.width, name="shadow")
        self._active = Signal(self.row_layout.width, name="active")
        token = row_token(config)
        super().__init__({
            "token": In(token), "token_next": Out(token),
            "entry": In(self.row_layout.width), "load": In(1),
            "x": Out(A_BITS), "high": Out(1), "swap": Out(1),
            "write_enable": In(1), "write_addr": In(config.addr_bits), "write_data": In(A_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = Memory(shape=A_BITS, depth=self.config.bank_depth, init=[])
        write, read = bank.write_port(), bank.read_port(transparent_for=())
        shadow, active = self._shadow, self._active
        fields = self.row_layout.fields
        row = {name: active[f.offset:f.offset + f.width] for name, f in fields.items()}
        dx, dy = row["dx"].as_signed(), row["dy"].as_signed()
        token = self.token

        m.d.sync += self.token_next.eq(token)
        with m.If(self.load):
            m.d.sync += shadow.eq(self.entry)
        with m.If(token.swap_row):
            m.d.sync += active.eq(shadow)

        zero, swaps, highs = Signal(2), Signal(2), Signal(2)
        offset = Signal(self.config.pixel_bits)
        # The row's descriptor may be swapped as a pixel goes on to the next stage.
        interleave, phase = Signal.like(row["interleave"]), Signal.like(row["phase"])
        elsewhere = ((offset ^ phase) & ((1 << interleave) - 1))[:INTERLEAVE_BITS].any()
        outside = (dx > token.right) | (-dx > token.left) | (dy > token.down) | (-dy > token.up)
        m.d.sync += [
            offset.eq(token.addr + row["addr"]),
            interleave.eq(row["interleave"]), phase.eq(row["phase"]),
            zero[0].eq(~(token.valid & row["enable"]) | outside),
            zero[1].eq(zero[0] | elsewhere),
            highs.eq(highs << 1 | row["wide"]),
            self.high.eq(highs[1]),
            swaps.eq(swaps << 1 | token.swap_weights),
            self.swap.eq(swaps[1]),
            self.x.eq(Mux(zero[1], 0, read.data)),
        ]
        m.d.comb += [
            read.addr.eq(offset >> interleave),
            write.en.eq(self.write_enable), write.addr.eq(self.write_addr), write.data.eq(self.write_data),
        ]
        return m
