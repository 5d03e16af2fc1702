"""The data memory: the timing that the cost model counts with, to the cycle, and what is in it."""

import dataclasses
import random

import pytest

from codesign.accelerator import PRESETS, Memory
from codesign.rtl.axi import Resp
from codesign.rtl.system.config import SystemConfig
from codesign.rtl.system.memory import DataMemory
from tests.rtl.harness import simulate

BYTES = 4096


def config(bus_bits=64, bytes_per_cycle=8, memory_bytes=BYTES, fifo_bursts=4):
    accelerator = dataclasses.replace(PRESETS["tiny"], bus_bits=bus_bits, fifo_bursts=fifo_bursts, clock_hz=75_000_000,
                                      memory=Memory(bytes_per_cycle=bytes_per_cycle, latency_cycles=5))
    return SystemConfig(accelerator=accelerator, board="x", baud=3_000_000, memory_bytes=memory_bytes)


def leave(times, interval, busy_until):
    """When a channel's beats leave, as codesign.accelerator.Memory says."""
    for earliest in times:
        busy_until = max(busy_until + interval, earliest)
        yield busy_until


SYSTEMS = [config(), config(bus_bits=128), config(bus_bits=128, bytes_per_cycle=16), config(bytes_per_cycle=2),
           config(memory_bytes=5000 // 8 * 8)]


@pytest.mark.parametrize("system", SYSTEMS, ids=["64", "128-at-8", "128", "64-at-2", "odd-size"])
def test_reads_come_when_the_model_says(system):
    rng, beat = random.Random(0), system.accelerator.bus_bits // 8
    data = rng.randbytes(system.memory_bytes)
    depth = system.memory_bytes // beat
    asked, came = [], []

    async def bench(ctx):
        axi, left = dut.axi, 40
        for cycle in range(6000):
            ctx.set(axi.arvalid, 0)
            if left and rng.random() < (0.02 if left % 10 < 5 else 0.8):
                first, beats = rng.randrange(depth), rng.randrange(1, 17)
                if rng.random() < 0.1:
                    first += depth
                beats = min(beats, (4096 - first * beat % 4096) // beat)  # no burst crosses 4096 bytes
                ctx.set(axi.arvalid, 1)
                ctx.set(axi.araddr, first * beat)
                ctx.set(axi.arlen, beats - 1)
                if ctx.get(axi.arready):
                    asked.append((cycle, first, beats))
                    left -= 1
            if ctx.get(axi.rvalid):
                came.append((cycle, ctx.get(axi.rdata), ctx.get(axi.rlast), ctx.get(axi.rresp)))
            await ctx.tick()

    dut = DataMemory(system, data)
    simulate(dut, bench, cycles=6001)
    beats = [(cycle + 5, first + i, i == count - 1) for cycle, first, count in asked for i in range(count)]
    times = list(leave((earliest for earliest, _, _ in beats), system.beat_cycles, -100))
    assert len(asked) == 40 and [cycle for cycle, *_ in came] == times
    for (_, address, last), (_, value, was_last, response) in zip(beats, came, strict=True):
        assert was_last == last
        if address < depth:
            assert (value, response) == (int.from_bytes(data[beat * address:beat * (address + 1)], "little"), Resp.OKAY)
        else:
            assert response == Resp.DECERR


@pytest.mark.parametrize("system", SYSTEMS, ids=["64", "128-at-8", "128", "64-at-2", "odd-size"])
def test_writes_and_the_cores_words(system):
    """Both at once: the core waits for the master, never the other way round."""
    rng, beat = random.Random(1), system.accelerator.bus_bits // 8
    depth, half = system.memory_bytes // beat, system.memory_bytes // 2 // beat * beat
    wanted = bytearray(system.memory_bytes)
    written, answered, waits = [], [], []

    def put(at, value, strobes, size):
        for i in range(size):
            if strobes >> i & 1:
                wanted[at + i] = value >> 8 * i & 0xFF

    async def master(ctx):
        axi, left, busy = dut.axi, 60, False
        for cycle in range(1500):
            if not busy and left and rng.random() < 0.5:
                at = rng.randrange(half // beat) * beat if rng.random() < 0.9 else (depth + rng.randrange(9)) * beat
                value, strobes = rng.getrandbits(8 * beat), rng.getrandbits(beat)
                for name, word in (("awaddr", at), ("wdata", value), ("wstrb", strobes), ("awvalid", 1), ("wvalid", 1)):
                    ctx.set(getattr(axi, name), word)
                busy, left = True, left - 1
                asked = cycle
            taken = busy and ctx.get(axi.awready)
            assert ctx.get(axi.wready) == ctx.get(axi.awready)
            if ctx.get(axi.bvalid):
                answered.append((cycle, ctx.get(axi.bresp)))
            if taken:
                written.append((asked, cycle, Resp.OKAY if at < system.memory_bytes else Resp.DECERR))
                if at < system.memory_bytes:
                    put(at, value, strobes, beat)
            await ctx.tick()
            if taken:
                busy = False
                ctx.set(axi.awvalid, 0)
                ctx.set(axi.wvalid, 0)

    async def core(ctx):
        for _ in range(60):
            at, value, strobes = half + rng.randrange((system.memory_bytes - half) // 4) * 4, rng.getrandbits(32), \
                rng.choice([0, 0, 15, rng.getrandbits(4)])
            for name, word in (("address", at), ("value", value), ("strobes", strobes), ("request", 1)):
                ctx.set(getattr(dut, name), word)
            cycles = 0
            while not ctx.get(dut.done):
                await ctx.tick()
                cycles += 1
                assert cycles < 200
            if strobes:
                put(at, value, strobes, 4)
            else:
                assert ctx.get(dut.word) == int.from_bytes(wanted[at:at + 4], "little")
            waits.append(cycles)
            ctx.set(dut.request, 0)
            await ctx.tick()

    async def bench(ctx):
        await master(ctx)
        for address in range(0, system.memory_bytes, 4):  # all that is there now
            ctx.set(dut.address, address)
            ctx.set(dut.strobes, 0)
            ctx.set(dut.request, 1)
            while not ctx.get(dut.done):
                await ctx.tick()
            assert ctx.get(dut.word) == int.from_bytes(wanted[address:address + 4], "little")
            ctx.set(dut.request, 0)
            await ctx.tick()

    dut = DataMemory(system)
    simulate_both(dut, bench, core, cycles=1500 + 8 * system.memory_bytes // 4 + 10)
    assert len(waits) == 60 and min(waits) == 4
    times = list(leave((asked for asked, _, _ in written), system.beat_cycles, -100))
    assert [cycle for _, cycle, _ in written] == times
    assert answered == [(cycle + 5, response) for _, cycle, response in written]


def simulate_both(dut, bench, other, *, cycles):
    """As :func:`simulate`, with another testbench beside."""
    from amaranth.sim import Simulator

    simulator, ended = Simulator(dut), []

    async def to_its_end(ctx):
        await bench(ctx)
        ended.append(True)

    simulator.add_clock(1e-6)
    simulator.add_testbench(to_its_end)
    simulator.add_testbench(other, background=True)
    for _ in range(2 * cycles):
        simulator.advance()
        if ended:
            return
    raise AssertionError(f"not at its end after {cycles} cycles")


def test_a_reset_forgets_what_was_asked_for():
    seen = []

    async def bench(ctx):
        axi = dut.axi
        ctx.set(axi.arvalid, 1)
        ctx.set(axi.arlen, 15)
        for _ in range(3):
            await ctx.tick()
        ctx.set(axi.arvalid, 0)
        for _ in range(10):
            await ctx.tick()
        assert ctx.get(axi.rvalid)
        ctx.set(dut.reset, 1)
        await ctx.tick()
        await ctx.tick()
        ctx.set(dut.reset, 0)
        for _ in range(60):
            seen.append(ctx.get(axi.rvalid))
            await ctx.tick()
        ctx.set(axi.arvalid, 1)
        await ctx.tick()
        ctx.set(axi.arvalid, 0)
        for _ in range(4):
            assert not ctx.get(axi.rvalid)
            await ctx.tick()
        assert ctx.get(axi.rvalid)

    dut = DataMemory(config())
    simulate(dut, bench, cycles=100)
    assert not any(seen)
