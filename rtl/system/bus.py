"""Where the soft core's accesses go."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..axi import SlaveSignature
from ..control import BUS_ADDR_BITS
from .config import SystemConfig
from .memory import words_of
from .memory_map import ACCELERATOR_BYTES, Region

__all__ = ["Bus", "RegisterAccess"]

REGION_AT = 28  # the lowest of the bits that say the region


class RegisterAccess(wiring.Component):
    """The soft core's accesses as an AXI4-Lite master's.

    Members
    -------
    axi : Out(AXI4-Lite)
    request, address, value, strobes : In
        Stay as they are until ``done``.
    done, word, refused : Out(1), Out(32), Out(1)
        ``done`` is high for one cycle, ``word`` and ``refused`` from then on: what was read, and whether the answer was
        an error.
    """

    def __init__(self):
        super().__init__({
            "axi": Out(SlaveSignature(addr_bits=BUS_ADDR_BITS)),
            "request": In(1), "address": In(BUS_ADDR_BITS), "value": In(32), "strobes": In(4),
            "done": Out(1), "word": Out(32), "refused": Out(1)})

    def elaborate(self, platform):
        m, axi = Module(), self.axi
        m.d.comb += [axi.awaddr.eq(self.address), axi.araddr.eq(self.address), axi.wdata.eq(self.value),
                     axi.wstrb.eq(self.strobes), axi.rready.eq(1), axi.bready.eq(1)]
        m.d.sync += self.done.eq(axi.rvalid | axi.bvalid)
        for valid, ready in ((axi.awvalid, axi.awready), (axi.wvalid, axi.wready), (axi.arvalid, axi.arready)):
            with m.If(ready):
                m.d.sync += valid.eq(0)
        waiting = Signal()
        with m.If(self.request & ~waiting & ~self.done):
            writes = self.strobes.any()
            m.d.sync += [waiting.eq(1), axi.awvalid.eq(writes), axi.wvalid.eq(writes), axi.arvalid.eq(~writes)]
        with m.If(axi.rvalid | axi.bvalid):
            m.d.sync += [waiting.eq(0), self.word.eq(axi.rdata),
                         self.refused.eq(Mux(axi.rvalid, axi.rresp, axi.bresp) != 0)]
        return m


class Bus(wiring.Component):
    """Read-only memory, variables, and ways to the three other regions. An access takes 4 cycles at least: choose, read
    the block RAM, a register beside it, and one before the core.

    Parameters
    ----------
    config : SystemConfig
    rom : bytes
        The firmware.

    Members
    -------
    request, address, value, strobes, instruction, done, word : as :class:`~codesign.rtl.system.core.Core` has them
    unmapped : Out(1)
        High for one cycle: an access that nothing answers, to no region, a write to the ROM, an instruction from
        elsewhere. It is answered with 0.
    to_memory, to_accelerator, to_system : Out(1)
        The access is for there; high until the next signal answers.
    from_memory, from_accelerator, from_system : In(1)
    memory_word, accelerator_word, system_word : In(32)
    """

    WAYS = {Region.MEMORY: "memory", Region.ACCELERATOR: "accelerator", Region.SYSTEM: "system"}

    def __init__(self, config: SystemConfig, rom: bytes):
        self.config, self.rom = config, rom
        self._sizes = {Region.ROM: config.rom_bytes, Region.RAM: config.ram_bytes, Region.MEMORY: config.memory_bytes,
                       Region.ACCELERATOR: ACCELERATOR_BYTES, Region.SYSTEM: 1 << 8}
        super().__init__({
            "request": In(1), "address": In(32), "value": In(32), "strobes": In(4),
            "instruction": In(1), "done": Out(1), "word": Out(32), "unmapped": Out(1),
            **{f"to_{name}": Out(1) for name in self.WAYS.values()},
            **{f"from_{name}": In(1) for name in self.WAYS.values()},
            **{f"{name}_word": In(32) for name in self.WAYS.values()}})

    def elaborate(self, platform):
        m = Module()
        m.submodules.rom = rom = Memory(shape=32, depth=self.config.rom_bytes // 4, init=words_of(self.rom, 4))
        m.submodules.ram = ram = Memory(shape=32, depth=self.config.ram_bytes // 4, init=[],
                                        attrs={"no_rw_check": 1})
        fetch, load, store = rom.read_port(), ram.read_port(), ram.write_port(granularity=8)
        m.d.comb += [port.addr.eq(self.address[2:]) for port in (fetch, load, store)]
        m.d.comb += [store.data.eq(self.value), load.en.eq(~store.en.any())]

        chosen = {region: Signal(name=f"is_{region.name.lower()}") for region in Region}
        for region, size in self._sizes.items():
            offset = self.address[:REGION_AT]
            wrong = self.strobes.any() if region is Region.ROM else self.instruction
            beyond = offset[size.bit_length() - 1:].any() if size & size - 1 == 0 else offset >= size
            m.d.comb += chosen[region].eq((self.address[REGION_AT:] == region) & ~beyond & ~wrong)
        begun, here = Signal(), Signal()  # an access is under way; its answer is in one of the registers below
        which = Signal(len(Region))
        with m.If(self.request & ~begun & ~here & ~self.done):
            m.d.sync += [begun.eq(1), which.eq(sum((chosen[r] << i for i, r in enumerate(Region)), start=0))]
        at = {region: which[i] for i, region in enumerate(Region)}
        m.d.comb += store.en.eq(Mux(begun & at[Region.RAM], self.strobes, 0))  # a cycle later: it is far
        # A register for each, so that it can be the block RAM's own: from there it is far to the others.
        fetched, loaded = Signal(32, reset_less=True), Signal(32, reset_less=True)
        answered = Signal(32)
        answer = 0
        ended = (which == 0) | at[Region.ROM] | at[Region.RAM]
        for region, name in self.WAYS.items():
            m.d.comb += getattr(self, f"to_{name}").eq(begun & at[region])
            ready = at[region] & getattr(self, f"from_{name}")
            ended |= ready
            answer |= Mux(ready, getattr(self, f"{name}_word"), 0)
        m.d.sync += [fetched.eq(fetch.data), loaded.eq(load.data), answered.eq(answer)]
        m.d.comb += self.unmapped.eq(begun & (which == 0))
        m.d.sync += [here.eq(begun & ended), self.done.eq(here), self.word.eq(
            Mux(at[Region.ROM], fetched, 0) | Mux(at[Region.RAM], loaded, 0) | answered)]
        with m.If(begun & ended):
            m.d.sync += begun.eq(0)
        return m
