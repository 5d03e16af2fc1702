"""The whole accelerator between cocotbext-axi's AXI4-Lite master and AXI4 memory, with stalls on every channel."""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotb_support import CONFIG, begin, pause
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave, MemoryRegion

from codesign.registers import COUNTERS, Error, counter_offset, digest_words, register

JOB = json.loads(Path(os.environ["CODESIGN_JOB"]).read_text())
STREAM = bytes.fromhex(JOB["stream"])  # without an image
BEATS = JOB["registers"]["BEATS"]
PORTS = int(os.environ.get("CODESIGN_PORTS", "1"))  # to memory
PROGRAM, OUTPUT, SIZE = JOB["address"], JOB["output_address"], 0x40000
BEAT_BYTES = CONFIG.bus_bits // 8
BURST_BYTES = BEAT_BYTES * CONFIG.burst_beats


class FaultyMemory(MemoryRegion):
    """A memory with words that answer a bus with a slave error."""

    faults = frozenset()  # byte addresses of beats

    async def _read(self, address, length, **kwargs):
        if address in self.faults:
            raise OSError("faulty word")
        return await super()._read(address, length, **kwargs)

    async def _write(self, address, data, **kwargs):
        if address // BEAT_BYTES * BEAT_BYTES in self.faults:
            raise OSError("faulty word")
        await super()._write(address, data, **kwargs)


class Bench:
    def __init__(self, dut, seed):
        self.dut = dut
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.memory = FaultyMemory(SIZE)  # beyond it is a slave error
        names = ["m_axi"] if PORTS == 1 else [f"m_axi_{i}" for i in range(PORTS)]
        slaves = [AxiSlave(AxiBus.from_prefix(dut, name), dut.clk, dut.rst, target=self.memory) for name in names]
        self.slave = slaves[0]
        probability = 0.0 if seed is None else 0.4
        host_reads, host_writes = self.registers.read_if, self.registers.write_if
        pause(seed, probability, *(channel for slave in slaves for reads, writes in [(slave.read_if, slave.write_if)]
                                   for channel in (reads.ar_channel, reads.r_channel, writes.aw_channel,
                                                   writes.w_channel, writes.b_channel)),
              host_reads.ar_channel, host_reads.r_channel, host_writes.aw_channel, host_writes.w_channel,
              host_writes.b_channel)

    async def write(self, name, value):
        answer = await self.registers.write(register(name).offset, value.to_bytes(4, "little"))
        return answer.resp

    async def read(self, offset):
        answer = await self.registers.read(offset, 4)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    async def prepare(self, **changes):
        """Program, first image and registers, some of them other than they should be."""
        await self.memory.write(PROGRAM, STREAM)
        await self.place(0)
        for name, value in (JOB["registers"] | {"INTERRUPT": 1} | changes).items():
            assert await self.write(name, value) == AxiResp.OKAY

    async def place(self, index):
        """Image ``index`` into the stream; nobody's results where the results go."""
        for at, data in JOB["places"][index]:
            await self.memory.write(PROGRAM + at, bytes.fromhex(data))
        await self.memory.write(OUTPUT, b"\xee" * (JOB["output_bytes"] + 16))

    async def run(self):
        """Start, wait for the interrupt, return the error code."""
        assert await self.write("CONTROL", 1) == AxiResp.OKAY
        if not int(self.dut.irq.value):
            late = Timer(3, unit="ms")
            assert await First(RisingEdge(self.dut.irq), late) is not late, "no interrupt after 300,000 cycles"
        error = Error(await self.read(register("ERROR").offset))
        assert await self.write("INTERRUPT", 3) == AxiResp.OKAY
        return error

    async def logits(self):
        found = await self.memory.read(OUTPUT, JOB["output_bytes"] + 16)
        assert found[-16:] == b"\xee" * 16, "wrote past its results"
        return [int.from_bytes(found[4 * i:4 * i + 4], "little", signed=True) for i in JOB["positions"]]

    async def counter(self, name):
        at = counter_offset(name)
        return await self.read(at) | await self.read(at + 4) << 32


async def classify(dut, seed):
    bench = Bench(dut, seed)
    await begin(dut)
    low, high = digest_words(CONFIG)
    assert await bench.read(register("DIGEST_LO").offset) == low
    assert await bench.read(register("DIGEST_HI").offset) == high
    await bench.prepare()
    for index, logits in enumerate(JOB["logits"]):
        await bench.place(index)
        assert await bench.run() is Error.NONE
        assert await bench.logits() == logits
        # Time depends on the stalls; how much is done does not.
        counters = {name: await bench.counter(name) for name in COUNTERS}
        for name in ("active_cycles", "read_beats", "write_beats", "bank_reads", "bank_writes", "stream_words"):
            assert counters[name] == JOB["counters"][name], name
        spent = sum(counters[n] for n in COUNTERS if n.endswith("_cycles"))
        assert spent == counters["cycles"], "every cycle belongs to exactly one kind"


@cocotb.test()
async def at_full_rate(dut):
    await classify(dut, None)


@cocotb.test()
@cocotb.parametrize(seed=[0, 1, 2])
async def with_stalls(dut, seed):
    await classify(dut, seed)


@cocotb.test()
async def refuses_while_busy(dut):
    bench = Bench(dut, None)
    await begin(dut)
    await bench.prepare()
    assert await bench.write("CONTROL", 1) == AxiResp.OKAY
    assert await bench.write("PROGRAM_LO", 64) == AxiResp.SLVERR
    assert await bench.write("CONTROL", 1) == AxiResp.SLVERR
    await RisingEdge(dut.irq)
    assert await bench.logits() == JOB["logits"][0]


async def works(bench):
    """The next run is as if nothing had been."""
    await bench.prepare()
    assert await bench.run() is Error.NONE
    assert await bench.logits() == JOB["logits"][0]


FIRST, LAST = JOB["places"][0][0][0] // BEAT_BYTES, JOB["places"][0][-1][0] // BEAT_BYTES  # beats of the image's words


@cocotb.test()
@cocotb.parametrize(beats=[0, 1, FIRST, FIRST + 1, (FIRST + LAST) // 2, LAST, LAST + 1, (LAST + BEATS) // 2, BEATS - 1])
async def a_stream_that_ends_too_early_is_reported(dut, beats):
    """In an instruction, a block or the image, at its beginning or amid its words."""
    bench = Bench(dut, 3)
    await begin(dut)
    await bench.prepare(BEATS=beats)
    assert await bench.run() is Error.STREAM_END
    await works(bench)


@cocotb.test()
@cocotb.parametrize(whole=[0, FIRST, BEATS // 2])
async def instructions_that_do_not_exist_are_reported(dut, whole):
    """Zeros, as in memory that was never written, after so many beats."""
    bench = Bench(dut, 3)
    await begin(dut)
    await bench.prepare()
    await bench.memory.write(PROGRAM + whole * BEAT_BYTES, bytes((BEATS - whole) * BEAT_BYTES))
    assert await bench.run() is Error.ILLEGAL_INSTRUCTION
    await works(bench)


@cocotb.test()
@cocotb.parametrize(whole=[1, 3])
async def read_errors_are_reported(dut, whole):
    """The program runs off the end of the memory after so many bursts."""
    bench = Bench(dut, None)
    await begin(dut)
    at = SIZE - whole * BURST_BYTES
    await bench.prepare(PROGRAM_LO=at)
    await bench.memory.write(at, STREAM[:whole * BURST_BYTES])
    assert await bench.run() is Error.READ_BUS
    await works(bench)


@cocotb.test()
async def write_errors_are_reported(dut):
    bench = Bench(dut, None)
    await begin(dut)
    await bench.prepare(OUTPUT_LO=SIZE)
    assert await bench.run() is Error.WRITE_BUS
    await works(bench)


@cocotb.test()
@cocotb.parametrize(seed=range(6), reset=[False, True])
async def errors_at_random_beats_are_reported(dut, seed, reset):
    """One beat of the program, or of the results, answered with an error amid stalls on every channel."""
    rng = random.Random(f"faults {seed}")
    bench = Bench(dut, seed)
    await begin(dut)
    await bench.prepare()
    beats = -(-JOB["output_bytes"] // BEAT_BYTES)
    reading = seed % 2 == 0
    fault = PROGRAM + rng.randrange(BEATS) * BEAT_BYTES if reading else OUTPUT + rng.randrange(beats) * BEAT_BYTES
    bench.memory.faults = {fault}
    assert await bench.run() is (Error.READ_BUS if reading else Error.WRITE_BUS)
    bench.memory.faults = frozenset()
    if reset:
        dut.rst.value = 1
        await ClockCycles(dut.clk, 4)
        dut.rst.value = 0
        await ClockCycles(dut.clk, 1)
    await works(bench)


@cocotb.test()
@cocotb.parametrize(missing=[1, 2])
async def results_beyond_their_window_are_not_written(dut, missing):
    """The window is so many beats too short: those are kept from memory, and the run says why it ended."""
    bench = Bench(dut, 3)
    await begin(dut)
    beats = JOB["output_bytes"] // BEAT_BYTES
    missing = min(missing, beats)
    await bench.prepare(OUTPUT_BEATS=beats - missing)
    assert await bench.run() is Error.WRITE_BOUNDS
    found = await bench.memory.read(OUTPUT, JOB["output_bytes"])
    assert found[-missing * BEAT_BYTES:] == b"\xee" * (missing * BEAT_BYTES)
    await works(bench)


@cocotb.test()
@cocotb.parametrize(channel=["r", "aw", "w", "b"], reset=[False, True])
async def a_memory_that_stops_answering_ends_the_run(dut, channel, reset):
    """The watchdog does. No run begins while answers are outstanding: until they come, or both sides are reset."""
    bench = Bench(dut, None)
    await begin(dut)
    await bench.prepare(WATCHDOG=700)
    silent = {"r": bench.slave.read_if.r_channel, "aw": bench.slave.write_if.aw_channel,
              "w": bench.slave.write_if.w_channel, "b": bench.slave.write_if.b_channel}[channel]
    silent.pause = True
    assert await bench.run() is Error.WATCHDOG
    status = register("STATUS").offset
    assert await bench.read(status) & 0b1001 == 0b1000
    assert await bench.write("CONTROL", 1) == AxiResp.SLVERR
    if reset:
        dut.rst.value = 1
        await ClockCycles(dut.clk, 4)
        silent.pause = False
        dut.rst.value = 0
        await ClockCycles(dut.clk, 1)
    else:
        silent.pause = False
        await ClockCycles(dut.clk, 1000)
    assert await bench.read(status) & 0b1001 == 0
    await works(bench)


@cocotb.test()
async def a_slow_memory_does_not_trip_the_watchdog(dut):
    """Of as many cycles as anything takes."""
    bench = Bench(dut, 5)
    await begin(dut)
    await bench.prepare(WATCHDOG=700)
    assert await bench.run() is Error.NONE
    assert await bench.logits() == JOB["logits"][0]
