"""The writer against cocotbext-axi's memory, in step with a naive model of it, cycle by cycle."""
# amaranth: UnusedElaboratable=no

import os
import random
from collections import deque

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_support import CONFIG, begin, every_cycle, number, pause
from cocotbext.axi import AxiSlaveWrite, AxiWriteBus, MemoryRegion

from codesign.rtl.writer import Writer

BEAT_BYTES = CONFIG.bus_bits // 8
LANES = CONFIG.bus_bits // 32
BASE, SIZE = 0xFC0, 0x4000  # byte addresses: runs cross a 4096-byte boundary
DEPTH = Writer(CONFIG).depth
FIFO_BEATS = DEPTH // LANES
MOST_UNANSWERED = (1 << int(os.environ["CODESIGN_OUTSTANDING_BITS"])) - 2  # with one more in the cycle after


class Model:
    """Says before each clock edge what the writer's outputs must be."""

    def __init__(self, dut):
        self.dut, self.cycle = dut, 0
        self.held, self.fifo, self.last_issue = [], deque(), -1
        self.address, self.aw, self.w, self.unanswered = 0, None, None, 0
        self.many, self.left, self.error, self.overrun = False, 0, False, False
        self.transfers, self.beats, self.flushes = [], [], []  # cycles of transfers on i and W, and of flush

    def room(self):
        return (FIFO_BEATS - len(self.fifo)) * LANES - len(self.held)

    def check(self):
        dut, t = self.dut, self.cycle
        self.cycle += 1
        idle = not self.held and not self.fifo and self.unanswered == 0
        got = tuple(map(number, (dut.axi_awvalid, dut.axi_wvalid, dut.room, dut.i_ready, dut.idle, dut.error,
                                 dut.overrun)))
        want = (self.aw is not None, self.w is not None, self.room(), self.room() > 0, idle, self.error, self.overrun)
        assert got == want, f"cycle {t}: (awvalid, wvalid, room, i.ready, idle, error, overrun) is {got}, not {want}"
        if self.aw is not None:
            got = tuple(map(number, (dut.axi_awaddr, dut.axi_awlen, dut.axi_awsize, dut.axi_awburst)))
            assert got == (self.aw, 0, BEAT_BYTES.bit_length() - 1, 1), f"cycle {t}"
        if self.w is not None:
            strobes = (1 << 4 * len(self.w)) - 1
            mask = (1 << 32 * len(self.w)) - 1
            value = sum(v << 32 * k for k, v in enumerate(self.w))
            got = number(dut.axi_wstrb), number(dut.axi_wdata) & mask, number(dut.axi_wlast)
            assert got == (strobes, value, 1), f"cycle {t}"
        assert number(dut.axi_bready) == 1
        assert number(dut.beat) == (self.w is not None and number(dut.axi_wready))

        aw_free = self.aw is None or number(dut.axi_awready)
        w_free = self.w is None or number(dut.axi_wready)
        if self.w is not None and w_free:
            self.beats.append(t)
        self.aw, self.w = None if aw_free else self.aw, None if w_free else self.w
        waits, self.many = self.many, self.unanswered >= MOST_UNANSWERED
        self.unanswered -= number(dut.axi_bvalid)
        self.error |= number(dut.axi_bvalid) and number(dut.axi_bresp) != 0
        ready = self.fifo and t >= self.fifo[0][0] + Writer.LATENCY - 1 and t > self.last_issue
        if ready and self.left == 0:
            self.fifo.popleft()
            self.overrun, self.last_issue = True, t
        elif ready and aw_free and w_free and not waits:
            self.left -= 1
            self.w, self.aw = self.fifo.popleft()[1], self.address
            self.address += BEAT_BYTES
            self.unanswered += 1
            self.last_issue = t
        if number(dut.i_valid) and number(dut.i_ready):
            self.transfers.append(t)
            self.held.append(number(dut.i_payload))
        if number(dut.flush):
            self.flushes.append(t)
        if len(self.held) == LANES or (number(dut.flush) and self.held):
            self.fifo.append((t, self.held))
            self.held = []
        if number(dut.start):
            self.address, self.left = number(dut.base) // BEAT_BYTES * BEAT_BYTES, number(dut.beats)
            self.error = self.overrun = False


class Memory(AxiSlaveWrite):
    """A memory of SIZE bytes 0xee; writing beyond it is a slave error."""

    def __init__(self, dut):
        self.region = MemoryRegion(SIZE)
        self.region.mem[:] = b"\xee" * SIZE
        super().__init__(AxiWriteBus.from_prefix(dut, "axi"), dut.clk, dut.rst, target=self.region)


async def setup(dut):
    await begin(dut, start=0, flush=0, i_valid=0)
    model = Model(dut)
    every_cycle(dut, model.check)
    return model


async def start(dut, base, beats=1 << 20):
    dut.base.value, dut.beats.value, dut.start.value = base, beats, 1
    await RisingEdge(dut.clk)
    dut.start.value = 0


async def send(dut, values, seed=0, gap=0.0, flush_with_last=False):
    """Send ``values`` as upstream does: only when there is room. Then flush."""
    rng = random.Random(seed)
    for k, value in enumerate(values):
        while rng.random() < gap or number(dut.room) == 0 or (number(dut.i_valid) and number(dut.room) == 1):
            dut.i_valid.value = 0
            await RisingEdge(dut.clk)
        dut.i_valid.value, dut.i_payload.value = 1, value
        dut.flush.value = int(flush_with_last and k == len(values) - 1)
        await RisingEdge(dut.clk)
    dut.i_valid.value, dut.flush.value = 0, int(not flush_with_last)
    await RisingEdge(dut.clk)
    dut.flush.value = 0
    await RisingEdge(dut.clk)


async def finish(dut, limit=20_000):
    for _ in range(limit):
        await RisingEdge(dut.clk)
        if number(dut.idle):
            return
    raise AssertionError(f"not idle after {limit} cycles")


def expected(base, values):
    content = bytearray(b"\xee" * SIZE)
    data = b"".join(v.to_bytes(4, "little") for v in values)
    content[base:base + len(data)] = data
    return content


@cocotb.test()
@cocotb.parametrize(aw=[0, 0.7], w=[0, 0.7], b=[0, 0.6], gap=[0, 0.5])
async def writes_values(dut, aw, w, b, gap):
    """Runs of every length round a beat, one after another: the bytes are there, and no others."""
    model, memory = await setup(dut), Memory(dut)
    pause(0, aw, memory.aw_channel)
    pause(1, w, memory.w_channel)
    pause(2, b, memory.b_channel)
    rng = random.Random(3)
    for length in (1, LANES - 1, LANES, LANES + 1, DEPTH + LANES + 1):
        memory.region.mem[:] = b"\xee" * SIZE
        values = [rng.getrandbits(32) for _ in range(length)]
        await start(dut, BASE)
        await send(dut, values, seed=length, gap=gap, flush_with_last=bool(length & 1))
        await finish(dut)
        assert memory.region.mem[:] == bytes(expected(BASE, values))
    assert len(model.transfers) == 1 + 3 * LANES + DEPTH + LANES + 1


@cocotb.test()
async def flush_of_nothing_writes_nothing(dut):
    model, memory = await setup(dut), Memory(dut)
    await start(dut, BASE)
    await send(dut, [])
    await ClockCycles(dut.clk, 20)
    await send(dut, range(LANES))  # a whole beat leaves nothing for the flush
    await finish(dut)
    assert len(model.beats) == 1
    assert memory.region.mem[:] == bytes(expected(BASE, range(LANES)))


@cocotb.test()
async def fills_to_the_last_place(dut):
    """Nobody takes anything: `room` goes down to 0, every value is kept, and all come out in the end."""
    model = await setup(dut)
    dut.axi_awready.value = dut.axi_wready.value = dut.axi_bvalid.value = 0
    await start(dut, BASE)
    places = (FIFO_BEATS + 1) * LANES  # one beat waits on the bus
    values = list(range(1, places + 1))
    await send(dut, values)
    await ClockCycles(dut.clk, 10)
    assert number(dut.room) == 0
    seen = []

    async def sink():
        dut.axi_awready.value = dut.axi_wready.value = 1
        while True:
            await RisingEdge(dut.clk)
            taken = number(dut.axi_wvalid)
            if taken:
                seen.extend(number(dut.axi_wdata) >> 32 * k & 0xFFFFFFFF for k in range(LANES))
            dut.axi_bvalid.value, dut.axi_bresp.value = taken, 0

    cocotb.start_soon(sink())
    await finish(dut)
    assert seen == values
    assert len(model.beats) == FIFO_BEATS + 1


@cocotb.test()
async def reports_bus_errors(dut):
    """The error stays until the next run, which is clean."""
    _, memory = await setup(dut), Memory(dut)
    await start(dut, SIZE - BEAT_BYTES)
    await send(dut, range(2 * LANES))  # the second beat lies beyond the memory
    await finish(dut)
    await ClockCycles(dut.clk, 3)
    assert number(dut.error) == 1
    memory.region.mem[:] = b"\xee" * SIZE
    await start(dut, BASE + BEAT_BYTES - 1)  # the low bits do not count
    await send(dut, range(3))
    await finish(dut)
    assert number(dut.error) == 0
    assert memory.region.mem[:] == bytes(expected(BASE, range(3)))


@cocotb.test()
@cocotb.parametrize(aw=[0, 0.7], beats=[0, 1, 2, 3])
async def drops_what_is_beyond(dut, aw, beats):
    """So many beats are written, and no more; that there were more stays known until the next run."""
    model, memory = await setup(dut), Memory(dut)
    pause(0, aw, memory.aw_channel)
    values = [1000 + k for k in range(5 * LANES + 1)]
    await start(dut, BASE, beats)
    await send(dut, values)
    await finish(dut)
    assert number(dut.overrun) == 1 and len(model.beats) == beats
    assert memory.region.mem[:] == bytes(expected(BASE, values[:beats * LANES]))
    await start(dut, BASE, 6)
    await send(dut, values)
    await finish(dut)
    assert number(dut.overrun) == 0 and memory.region.mem[:] == bytes(expected(BASE, values))


@cocotb.test(skip=MOST_UNANSWERED > 100)
async def waits_for_answers(dut):
    """As many writes as can be counted are unanswered: the next waits for an answer, and none is lost."""
    model = await setup(dut)
    dut.axi_awready.value = dut.axi_wready.value = 1
    dut.axi_bvalid.value = dut.axi_bresp.value = 0
    await start(dut, BASE)
    cocotb.start_soon(send(dut, range((MOST_UNANSWERED + 3) * LANES)))
    await ClockCycles(dut.clk, (MOST_UNANSWERED + 10) * LANES)
    assert len(model.beats) == model.unanswered == MOST_UNANSWERED and not number(dut.idle)
    beats = MOST_UNANSWERED + 3
    for _ in range(beats):
        dut.axi_bvalid.value = 1
        await RisingEdge(dut.clk)
        dut.axi_bvalid.value = 0
        await ClockCycles(dut.clk, 5 * LANES)
        assert model.unanswered in (MOST_UNANSWERED, MOST_UNANSWERED + 1) or len(model.beats) == beats
    await finish(dut)


@cocotb.test()
async def full_rate(dut):
    """Nothing stalls: a value enters every cycle, and beats leave LATENCY cycles after their last values."""
    model = await setup(dut)
    dut.axi_awready.value = dut.axi_wready.value = 1
    dut.axi_bvalid.value = dut.axi_bresp.value = 0

    async def answer():
        while True:
            await RisingEdge(dut.clk)
            dut.axi_bvalid.value = number(dut.axi_wvalid)

    cocotb.start_soon(answer())
    await start(dut, BASE)
    beats = 4 * FIFO_BEATS
    await send(dut, range(beats * LANES + 1))
    await finish(dut)
    first = model.transfers[0]
    assert model.transfers == list(range(first, first + beats * LANES + 1))
    assert model.beats[:-1] == [first + LANES * (k + 1) - 1 + Writer.LATENCY for k in range(beats)]
    assert model.flushes == [model.transfers[-1] + 1]
    assert model.beats[-1] == model.flushes[0] + Writer.LATENCY
