"""The fetcher against cocotbext-axi's memory, in step with a naive model of it, cycle by cycle."""

import random
from collections import deque

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_support import CONFIG, begin, every_cycle, number, pause
from cocotbext.axi import AxiReadBus, AxiSlaveRead, MemoryRegion

from codesign.rtl.fetcher import Fetcher

BEAT_BYTES = CONFIG.bus_bits // 8
BURST_BYTES = BEAT_BYTES * CONFIG.burst_beats
DEPTH = CONFIG.burst_beats * CONFIG.fifo_bursts
PROGRAM, SIZE = 0x4000, 0x40000  # byte address in a memory of SIZE bytes


def bursts(address, beats):
    """(address, beats) of every burst of a run."""
    return [(address + start * BEAT_BYTES, min(CONFIG.burst_beats, beats - start))
            for start in range(0, beats, CONFIG.burst_beats)]


class Model:
    """Says before each clock edge what the fetcher's outputs must be."""

    def __init__(self, dut):
        self.dut, self.cycle = dut, 0
        self.todo, self.asked = deque(), None
        self.credits, self.fifo, self.last_pop = DEPTH, deque(), -1
        self.returned = deque([0] * (Fetcher.CREDIT_LATENCY - 2))  # credits on their way back
        self.idle = True
        self.dropping = self.error = False
        self.received, self.requests, self.pops = [], [], []
        self.started = self.next_run = None

    def check(self):
        dut, t = self.dut, self.cycle
        self.cycle += 1
        valid = bool(self.fifo) and t >= self.fifo[0][0] + Fetcher.BEAT_LATENCY and t > self.last_pop
        got = tuple(map(number, (dut.axi_arvalid, dut.o_valid, dut.idle, dut.error, dut.axi_rready)))
        want = (self.asked is not None, valid and not self.dropping,
                self.idle, self.error, 1)
        assert got == want, f"cycle {t}: (arvalid, o.valid, idle, error, rready) is {got}, must be {want}"
        if self.asked:
            got = number(dut.axi_araddr), number(dut.axi_arlen) + 1
            assert got == self.asked, f"cycle {t}: burst is {got}, must be {self.asked}"
            fixed = number(dut.axi_arsize), number(dut.axi_arburst)
            assert fixed == (BEAT_BYTES.bit_length() - 1, 1)
            assert got[0] // 4096 == (got[0] + got[1] * BEAT_BYTES - 1) // 4096, "burst crosses 4096 bytes"

        self.idle = not self.todo and self.credits == DEPTH and not number(dut.start)
        credits = self.credits
        self.credits += self.returned.popleft()
        self.returned.append(0)
        if self.asked is None or number(dut.axi_arready):  # ask for the next burst
            if self.asked:
                self.requests.append((t, self.asked))
            self.asked = None
            if self.todo and credits >= CONFIG.burst_beats:
                self.asked = self.todo.popleft()
                self.credits -= self.asked[1]
        if valid and (self.dropping or number(dut.o_ready)):
            _, beat = self.fifo.popleft()
            self.last_pop = t
            self.returned[-1] = 1
            if not self.dropping:
                assert number(dut.o_payload) == beat, f"cycle {t}: beat {len(self.received)}"
                self.received.append(beat)
                self.pops.append(t)
        if number(dut.axi_rvalid):
            self.fifo.append((t, number(dut.axi_rdata)))
            self.error |= number(dut.axi_rresp) != 0
            assert len(self.fifo) <= DEPTH
        assert number(dut.beat) == number(dut.axi_rvalid)
        if number(dut.stop):
            self.todo.clear()
            self.dropping = True
        if number(dut.start):
            self.todo.extend(bursts(*self.next_run))
            self.started, self.dropping, self.error = t, False, False
            self.received, self.requests, self.pops = [], [], []


class Memory(AxiSlaveRead):
    """A memory of SIZE random bytes; reading beyond it is a slave error."""

    def __init__(self, dut):
        region = MemoryRegion(SIZE)
        super().__init__(AxiReadBus.from_prefix(dut, "axi"), dut.clk, dut.rst, target=region)
        self.content = random.Random(0).randbytes(SIZE)
        region.mem[:] = self.content

    def beats(self, address, beats):
        return [int.from_bytes(self.content[at:at + BEAT_BYTES], "little")
                for at in range(address, address + beats * BEAT_BYTES, BEAT_BYTES)]


async def setup(dut):
    await begin(dut, start=0, stop=0, o_ready=0)
    model = Model(dut)
    every_cycle(dut, model.check)
    return model


async def pulse(dut, signal):
    signal.value = 1
    await RisingEdge(dut.clk)
    signal.value = 0


async def start(dut, model, beats, address=PROGRAM, low_bits=0):
    """A run; ``low_bits``, those of the address that do not count."""
    model.next_run = address, beats
    dut.address.value, dut.beats.value = address | low_bits, beats
    await pulse(dut, dut.start)
    await RisingEdge(dut.clk)


async def consume(dut, seed, probability):
    rng = random.Random(seed)
    while True:
        dut.o_ready.value = int(rng.random() >= probability)
        await RisingEdge(dut.clk)


async def finish(dut, limit=20_000):
    for _ in range(limit):
        await RisingEdge(dut.clk)
        if number(dut.idle):
            return
    raise AssertionError(f"not idle after {limit} cycles")


BEATS = CONFIG.burst_beats


@cocotb.test()
@cocotb.parametrize(ar=[0, 0.7], r=[0, 0.5], o=[0, 0.6], beats=[1, 3 * DEPTH, 5 * BEATS - 1])
async def streams(dut, ar, r, o, beats):
    model, memory = await setup(dut), Memory(dut)
    pause(0, ar, memory.ar_channel)
    pause(1, r, memory.r_channel)
    cocotb.start_soon(consume(dut, 2, o))
    await start(dut, model, beats)
    await finish(dut)
    assert model.received == memory.beats(PROGRAM, beats)


@cocotb.test()
async def restarts(dut):
    """Runs of random lengths follow one another, some of them empty."""
    model, memory = await setup(dut), Memory(dut)
    rng = random.Random(3)
    pause(4, 0.3, memory.ar_channel, memory.r_channel)
    cocotb.start_soon(consume(dut, 5, 0.3))
    for _ in range(12):
        beats = rng.choice([0, 1, BEATS - 1, BEATS, BEATS + 1, rng.randrange(9 * BEATS)])
        address = rng.randrange(64) * BURST_BYTES
        await start(dut, model, beats, address)
        await finish(dut)
        assert model.received == memory.beats(address, beats), (address, beats)


@cocotb.test()
async def ignores_low_address_bits(dut):
    model, memory = await setup(dut), Memory(dut)
    cocotb.start_soon(consume(dut, 0, 0))
    await start(dut, model, BEATS + 2, low_bits=BURST_BYTES - 1)
    await finish(dut)
    assert model.received == memory.beats(PROGRAM, BEATS + 2)


@cocotb.test()
async def never_asks_for_more_than_fits(dut):
    """A consumer that never takes anything: the FIFO fills to the last place, and no further."""
    model, memory = await setup(dut), Memory(dut)
    await start(dut, model, 2 * DEPTH)
    await ClockCycles(dut.clk, 4 * DEPTH + 100)
    assert (model.credits, len(model.fifo)) == (0, DEPTH)
    cocotb.start_soon(consume(dut, 0, 0))
    await finish(dut)
    assert model.received == memory.beats(PROGRAM, 2 * DEPTH)


@cocotb.test()
async def reports_bus_errors(dut):
    """The error stays until the next run, which is clean."""
    model, memory = await setup(dut), Memory(dut)
    cocotb.start_soon(consume(dut, 0, 0))
    await start(dut, model, BEATS + 2, SIZE - BURST_BYTES)  # the second burst lies beyond the memory
    await finish(dut)
    await ClockCycles(dut.clk, 3)
    assert number(dut.error) == 1
    await start(dut, model, 9)
    await finish(dut)
    assert number(dut.error) == 0
    assert model.received == memory.beats(PROGRAM, 9)


@cocotb.test()
@cocotb.parametrize(after=[0, 1, 7, 40, 90])
async def stops(dut, after):
    """What was asked for arrives and is dropped; nothing else is asked for; the next run is whole."""
    model, memory = await setup(dut), Memory(dut)
    pause(6, 0.4, memory.ar_channel, memory.r_channel)
    await start(dut, model, 3 * DEPTH)
    await ClockCycles(dut.clk, after + 1)
    await pulse(dut, dut.stop)
    await finish(dut)
    assert model.received == []
    cocotb.start_soon(consume(dut, 7, 0.2))
    await start(dut, model, DEPTH + BEATS + 1)
    await finish(dut)
    assert model.received == memory.beats(PROGRAM, DEPTH + BEATS + 1)


@cocotb.test()
async def full_rate(dut):
    """A memory that delivers a beat a cycle after LATENCY cycles: exact cycles from start to the last beat."""
    latency, beats = min(20, DEPTH // 2), 5 * DEPTH  # a latency that the FIFO covers
    model = await setup(dut)
    dut.axi_arready.value, dut.o_ready.value, dut.axi_rvalid.value, dut.axi_rresp.value = 1, 1, 0, 0
    queue = deque()

    async def memory():
        cycle, free = 0, 0
        while True:
            await RisingEdge(dut.clk)  # values are those of the cycle that ends here
            if number(dut.axi_arvalid):
                for beat in range(number(dut.axi_arlen) + 1):
                    free = max(free, cycle + latency)
                    queue.append((free, number(dut.axi_araddr) + beat * BEAT_BYTES))
                    free += 1
            cycle += 1
            dut.axi_rvalid.value = int(bool(queue) and queue[0][0] == cycle)
            if queue and queue[0][0] == cycle:
                dut.axi_rdata.value = queue.popleft()[1]

    cocotb.start_soon(memory())
    await start(dut, model, beats, 0xFF_FFFF_0000)  # all bits of an address count
    await finish(dut)
    first_request = model.requests[0][0] - model.started
    assert first_request == Fetcher.START_LATENCY
    asked = [cycle - model.started - first_request for cycle, _ in model.requests]
    assert asked[:CONFIG.fifo_bursts] == list(range(CONFIG.fifo_bursts)), "a burst a cycle while there are credits"
    first_pop = Fetcher.START_LATENCY + latency + Fetcher.BEAT_LATENCY
    assert model.pops[0] - model.started == first_pop
    assert asked[CONFIG.fifo_bursts] == latency + Fetcher.BEAT_LATENCY + BEATS - 1 + Fetcher.CREDIT_LATENCY
    round_trip = latency + Fetcher.BEAT_LATENCY + BEATS - 1 + Fetcher.CREDIT_LATENCY
    if round_trip <= DEPTH:  # then the pipe never runs dry
        assert [t - model.started for t in model.pops] == list(range(first_pop, first_pop + beats))
