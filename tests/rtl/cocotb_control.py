"""The register file against cocotbext-axi's AXI4-Lite master, compared with a plain dictionary of registers."""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_support import CONFIG, begin, every_cycle, number, pause
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from codesign.registers import (
    COUNTERS,
    ID,
    REGISTERS,
    TRACE_ENTRIES,
    TRACE_OFFSET,
    TRACE_WORDS,
    VERSION,
    Access,
    Error,
    bus_word,
    counter_offset,
    digest_words,
    register,
)
from codesign.rtl.control import COUNTER_LAYOUT, JOB_LAYOUT, Control

READABLE = {r.name: r for r in REGISTERS if r.access is not Access.WRITE_ONLY}
CONFIGURATION = [r for r in REGISTERS if r.config]
UNMAPPED = [*sorted(set(range(0, 0x180, 4)) - {r.offset for r in REGISTERS}), 0x3FC, TRACE_OFFSET - 4,
            TRACE_OFFSET + 4 * TRACE_WORDS, 0xFFFC,
            1 << 13, 1 << 15, TRACE_OFFSET | 1 << 15]


class Handshakes:
    """On the slave's channels, `valid` stays until `ready` and what goes with it does not change."""

    def __init__(self, dut):
        self.channels = [(dut.axi_bvalid, dut.axi_bready, (dut.axi_bresp,)),
                         (dut.axi_rvalid, dut.axi_rready, (dut.axi_rdata, dut.axi_rresp))]
        self.waiting = [None] * len(self.channels)

    def check(self):
        for index, (valid, ready, payload) in enumerate(self.channels):
            now = tuple(map(number, payload)) if number(valid) else None
            if self.waiting[index] is not None:
                assert now == self.waiting[index], f"{valid._name}: {self.waiting[index]} became {now}"
            self.waiting[index] = now if now and not number(ready) else None


async def setup(dut, stall=0.0, seed=0):
    await begin(dut, done=0, error=0, outstanding=0, counters=0, trace_count=0, trace_data=0)
    every_cycle(dut, Handshakes(dut).check)
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "axi"), dut.clk, dut.rst)
    write, read = master.write_if, master.read_if
    pause(seed, stall, write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)
    return master


async def read(master, address):
    """(value, response) of a word."""
    answer = await master.read(address, 4)
    return int.from_bytes(answer.data, "little"), answer.resp


async def read_okay(master, name):
    value, resp = await read(master, register(name).offset)
    assert resp == AxiResp.OKAY, name
    return value


async def write(master, address, value, size=4):
    """Response to writing the low ``size`` bytes of ``value`` at byte ``address``."""
    return (await master.write(address, value.to_bytes(size, "little"))).resp


async def write_okay(master, name, value):
    assert await write(master, register(name).offset, value) == AxiResp.OKAY, name


async def start_run(dut, master):
    await write_okay(master, "CONTROL", 1)
    assert number(dut.busy)


async def end_run(dut, code=Error.NONE):
    dut.done.value, dut.error.value = 1, int(code)
    await RisingEdge(dut.clk)
    dut.done.value, dut.error.value = 0, 0
    await RisingEdge(dut.clk)


def job(dut):
    """The job's values by name."""
    bits, values = number(dut.job), {}
    for name, field in JOB_LAYOUT:
        values[name] = bits >> field.offset & (1 << field.width) - 1
    return values


@cocotb.test()
@cocotb.parametrize(stall=[0, 0.6])
async def identifies_itself(dut, stall):
    master = await setup(dut, stall)
    low, high = digest_words(CONFIG)
    values = {"ID": ID, "VERSION": VERSION, "DIGEST_LO": low, "DIGEST_HI": high, "STATUS": 0, "ERROR": 0,
              "BUS": bus_word(CONFIG)}
    for name, value in values.items():
        assert await read_okay(master, name) == value, name


@cocotb.test()
@cocotb.parametrize(stall=[0, 0.6])
async def keeps_what_is_written(dut, stall):
    """Random partial writes and reads, many in flight at once."""
    master = await setup(dut, stall, seed=1)
    rng = random.Random(2)
    mirror = {r.name: 0 for r in CONFIGURATION}
    for _ in range(40):
        events = []
        for r in rng.sample(CONFIGURATION, 4):  # different registers: reads and writes overtake each other
            size = rng.choice([1, 2, 4])
            at = rng.randrange(0, 5 - size)
            data = rng.randbytes(size)
            events.append(master.init_write(r.offset + at, data))
            old = mirror[r.name].to_bytes(4, "little")
            mirror[r.name] = int.from_bytes(old[:at] + data + old[at + size:], "little") & r.fields[0].mask
        for event in events:
            await event.wait()
            assert event.data.resp == AxiResp.OKAY
        names = rng.sample(sorted(mirror), 4)
        reads = [master.init_read(register(name).offset, 4) for name in names]
        for name, event in zip(names, reads, strict=True):
            await event.wait()
            assert event.data.resp == AxiResp.OKAY
            assert int.from_bytes(event.data.data, "little") == mirror[name], name
        for name, value in job(dut).items():
            name = name.upper()
            assert value == (mirror[name] if name in mirror else mirror[f"{name}_LO"] | mirror[f"{name}_HI"] << 32)


@cocotb.test()
@cocotb.parametrize(stall=[0, 0.5])
async def refuses_what_is_not_there(dut, stall):
    master = await setup(dut, stall, seed=3)
    for address in UNMAPPED:
        assert await read_okay(master, "ID") == ID  # must not be what the next read gives
        assert await read(master, address) == (0, AxiResp.SLVERR), hex(address)
        assert await write(master, address, 0xFFFFFFFF) == AxiResp.SLVERR, hex(address)
    for r in REGISTERS:
        if r.access is Access.READ_ONLY:
            before = await read_okay(master, r.name)
            assert await write(master, r.offset, 0xFFFFFFFF) == AxiResp.SLVERR, r.name
            assert await read_okay(master, r.name) == before
    assert await write(master, TRACE_OFFSET, 1) == AxiResp.SLVERR
    assert await read(master, register("CONTROL").offset) == (0, AxiResp.SLVERR)
    assert not number(dut.busy)


@cocotb.test()
@cocotb.parametrize(code=list(Error))
async def runs(dut, code):
    """Start, busy, done, error, interrupt; nothing about the job changes meanwhile."""
    master = await setup(dut, 0.3, seed=4)
    starts = []
    every_cycle(dut, lambda: starts.append(number(dut.start)))
    for r in CONFIGURATION:
        await write_okay(master, r.name, 0x5A5A5A5A)
    before = job(dut)
    await write_okay(master, "CONTROL", 0)
    assert await write(master, register("CONTROL").offset + 1, 1, size=1) == AxiResp.OKAY  # not the byte of `start`
    assert sum(starts) == 0

    for enabled in (0, 1):
        starts.clear()
        await write_okay(master, "INTERRUPT", enabled)
        await start_run(dut, master)
        await ClockCycles(dut.clk, 5)
        assert sum(starts) == 1
        assert await read_okay(master, "STATUS") == 0b001
        for r in CONFIGURATION:
            assert await write(master, r.offset, 0) == AxiResp.SLVERR
        assert await write(master, register("CONTROL").offset, 1) == AxiResp.SLVERR
        assert await read_okay(master, "INTERRUPT") == enabled
        assert job(dut) == before and sum(starts) == 1 and not number(dut.irq)
        await end_run(dut, code)
        assert number(dut.irq) == enabled
        assert await read_okay(master, "STATUS") == (0b010 if code is Error.NONE else 0b110)
        assert await read_okay(master, "ERROR") == code
        assert await read_okay(master, "INTERRUPT") == 0b10 | enabled

    starts.clear()
    dut.outstanding.value = 1  # of a run that could not wait for its memory
    assert await read_okay(master, "STATUS") & 0b1001 == 0b1000
    assert await write(master, register("CONTROL").offset, 1) == AxiResp.SLVERR
    assert sum(starts) == 0
    dut.outstanding.value = 0
    assert await read_okay(master, "STATUS") & 0b1001 == 0
    await write_okay(master, "INTERRUPT", 0b11)
    assert (number(dut.irq), await read_okay(master, "INTERRUPT")) == (0, 0b01)
    assert await read_okay(master, "ERROR") == code  # until the next run
    await end_run(dut, Error.READ_BUS)  # not busy: nobody is listening
    assert (await read_okay(master, "STATUS"), await read_okay(master, "ERROR")) == (4 * (code != 0), code)
    await start_run(dut, master)
    assert (await read_okay(master, "STATUS"), await read_okay(master, "ERROR")) == (0b001, 0)


@cocotb.test()
async def interrupts_survive_their_clearing(dut):
    """A run that ends in the very cycle in which the last one's end is cleared is not lost."""
    master = await setup(dut)
    await write_okay(master, "INTERRUPT", 1)
    history = []  # (bvalid, done) of every cycle
    every_cycle(dut, lambda: history.append((number(dut.axi_bvalid), number(dut.done))))
    distances = set()
    for delay in range(12):
        await start_run(dut, master)
        history.clear()
        event = master.init_write(register("INTERRUPT").offset, b"\x03\0\0\0")
        await ClockCycles(dut.clk, delay)
        await end_run(dut)
        await event.wait()
        await ClockCycles(dut.clk, 2)
        written = history.index((1, 0)) - 1 if (1, 0) in history else history.index((1, 1)) - 1
        distance = history.index(next(h for h in history if h[1])) - written
        assert number(dut.irq) == (distance >= 0), f"end {distance} cycles after clearing"
        distances.add(distance)
        await write_okay(master, "INTERRUPT", 0b11)
        assert number(dut.irq) == 0
    assert {-1, 0, 1} <= distances


@cocotb.test()
@cocotb.parametrize(stall=[0, 0.5])
async def shows_counters(dut, stall):
    master = await setup(dut, stall, seed=5)
    rng = random.Random(6)
    values = {name: rng.getrandbits(64) for name in COUNTERS}
    dut.counters.value = sum(value << COUNTER_LAYOUT[name].offset for name, value in values.items())
    dut.trace_count.value = TRACE_ENTRIES
    for name, value in values.items():
        offset = counter_offset(name)
        low, high = await read(master, offset), await read(master, offset + 4)
        assert (low[0] | high[0] << 32, low[1], high[1]) == (value, AxiResp.OKAY, AxiResp.OKAY), name
    assert await read_okay(master, "TRACE_COUNT") == TRACE_ENTRIES


@cocotb.test()
@cocotb.parametrize(stall=[0, 0.5])
async def shows_trace(dut, stall):
    """The trace memory answers three cycles later, and only then."""
    master = await setup(dut, stall, seed=7)
    rng = random.Random(8)
    words = [rng.getrandbits(32) for _ in range(TRACE_WORDS)]

    async def memory():
        later = [0, 0]
        while True:
            await RisingEdge(dut.clk)
            later.append(words[number(dut.trace_address)])
            dut.trace_data.value = later.pop(0)

    cocotb.start_soon(memory())
    for index in (0, 1, TRACE_WORDS - 1, *rng.sample(range(TRACE_WORDS), 20)):
        assert await read(master, TRACE_OFFSET + 4 * index) == (words[index], AxiResp.OKAY), index


@cocotb.test()
@cocotb.parametrize(first=["aw", "w", "both"])
async def takes_address_and_data_in_any_order(dut, first):
    """Driven by hand, as a master may that waits for one channel before it starts the other."""
    await begin(dut, done=0, error=0, outstanding=0, counters=0, trace_count=0, trace_data=0,
                axi_awvalid=0, axi_wvalid=0, axi_bready=1, axi_arvalid=0, axi_rready=0)

    async def address():
        dut.axi_awaddr.value, dut.axi_awvalid.value = register("BEATS").offset, 1
        await accepted(dut.axi_awready)
        dut.axi_awvalid.value = 0

    async def data():
        dut.axi_wdata.value, dut.axi_wstrb.value, dut.axi_wvalid.value = 0x12345678, 15, 1
        await accepted(dut.axi_wready)
        dut.axi_wvalid.value = 0

    async def accepted(ready):
        for _ in range(10):
            await RisingEdge(dut.clk)
            if number(ready):
                return
        raise AssertionError("no ready in 10 cycles")

    if first == "both":
        tasks = [cocotb.start_soon(address()), cocotb.start_soon(data())]
        for task in tasks:
            await task
    else:
        await (address() if first == "aw" else data())
        await ClockCycles(dut.clk, 5)
        assert number(dut.axi_bvalid) == 0 and job(dut)["beats"] == 0
        await (data() if first == "aw" else address())
    await ClockCycles(dut.clk, 3)
    assert job(dut)["beats"] == 0x12345678


@cocotb.test()
async def unstrobed_bytes_do_nothing(dut):
    """Ones in bytes whose strobe is low, by hand: a cocotbext-axi master would send zeros there."""
    await begin(dut, done=0, error=0, outstanding=0, counters=0, trace_count=0, trace_data=0,
                axi_awvalid=0, axi_wvalid=0, axi_bready=1, axi_arvalid=0, axi_rready=0)

    async def write_ones(name, strobes):
        dut.axi_awaddr.value, dut.axi_wdata.value, dut.axi_wstrb.value = register(name).offset, 0xFFFFFFFF, strobes
        dut.axi_awvalid.value = dut.axi_wvalid.value = 1
        await RisingEdge(dut.clk)
        assert number(dut.axi_awready) and number(dut.axi_wready)
        dut.axi_awvalid.value = dut.axi_wvalid.value = 0
        await ClockCycles(dut.clk, 4)

    await write_ones("INTERRUPT", 0b1110)  # does not enable
    await write_ones("CONTROL", 0b1110)
    assert not number(dut.busy)
    await write_ones("CONTROL", 0b0001)
    assert number(dut.busy)
    await end_run(dut)
    assert not number(dut.busy) and not number(dut.irq)
    await write_ones("INTERRUPT", 0b0001)  # enables and clears
    await write_ones("CONTROL", 0b0001)
    await end_run(dut)
    assert number(dut.irq)
    await write_ones("INTERRUPT", 0b1110)  # does not clear
    assert number(dut.irq)


@cocotb.test()
async def read_latency(dut):
    """So many cycles from the AR transfer to `rvalid`."""
    await begin(dut, done=0, error=0, outstanding=0, counters=0, trace_count=0, trace_data=0,
                axi_awvalid=0, axi_wvalid=0, axi_bready=1, axi_arvalid=0, axi_araddr=0, axi_rready=1)
    asked, answered = [], []

    def check():
        asked.append(number(dut.axi_arvalid) and number(dut.axi_arready))
        answered.append(number(dut.axi_rvalid))

    every_cycle(dut, check)
    dut.axi_arvalid.value = 1
    await ClockCycles(dut.clk, 30)
    assert sum(asked) >= 5
    assert answered[Control.READ_LATENCY:] == asked[:-Control.READ_LATENCY]
