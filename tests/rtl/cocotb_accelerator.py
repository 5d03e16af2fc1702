"""The whole accelerator between cocotbext-axi's AXI4-Lite master and AXI4 memory, with stalls on every channel."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.triggers import First, RisingEdge, Timer
from cocotb_support import CONFIG, begin, pause
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave, MemoryRegion

from codesign.registers import COUNTERS, Error, counter_offset, digest_words, register

JOB = json.loads(Path(os.environ["CODESIGN_JOB"]).read_text())
PROGRAM, INPUT, OUTPUT, SIZE = 0x0, 0x20000, 0x30000, 0x40000


class Bench:
    def __init__(self, dut, seed):
        self.dut = dut
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.memory = MemoryRegion(SIZE)  # beyond it is a slave error
        slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, target=self.memory)
        probability = 0.0 if seed is None else 0.4
        reads, writes = slave.read_if, slave.write_if
        host_reads, host_writes = self.registers.read_if, self.registers.write_if
        pause(seed, probability, reads.ar_channel, reads.r_channel, writes.aw_channel, writes.w_channel,
              writes.b_channel, host_reads.ar_channel, host_reads.r_channel, host_writes.aw_channel,
              host_writes.w_channel, host_writes.b_channel)

    async def write(self, name, value):
        answer = await self.registers.write(register(name).offset, value.to_bytes(4, "little"))
        return answer.resp

    async def read(self, offset):
        answer = await self.registers.read(offset, 4)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    async def prepare(self, program=None):
        program = bytes.fromhex(JOB["program"]) if program is None else program
        await self.memory.write(PROGRAM, program)
        for name, value in (("PROGRAM_LO", PROGRAM), ("INPUT_LO", INPUT), ("OUTPUT_LO", OUTPUT),
                            *((name, JOB[name]) for name in ("LEAD_BEATS", "INPUT_BEATS", "BODY_BEATS")),
                            ("INTERRUPT", 1)):
            assert await self.write(name, value) == AxiResp.OKAY

    async def run(self):
        """Start, wait for the interrupt, return the error code."""
        assert await self.write("CONTROL", 1) == AxiResp.OKAY
        if not int(self.dut.irq.value):
            late = Timer(3, unit="ms")
            assert await First(RisingEdge(self.dut.irq), late) is not late, "no interrupt after 300,000 cycles"
        error = Error(await self.read(register("ERROR").offset))
        assert await self.write("INTERRUPT", 3) == AxiResp.OKAY
        return error

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
    for image, results in zip(JOB["images"], JOB["results"], strict=True):
        await bench.memory.write(INPUT, bytes.fromhex(image))
        await bench.memory.write(OUTPUT, b"\xee" * 4 * (len(results) + 8))
        assert await bench.run() is Error.NONE
        found = await bench.memory.read(OUTPUT, 4 * len(results))
        positions = JOB["positions"]
        logits = [int.from_bytes(found[4 * i:4 * i + 4], "little", signed=True) for i in positions]
        assert logits == [results[i] for i in positions]
        assert await bench.memory.read(OUTPUT + JOB["output_bytes"], 16) == b"\xee" * 16, "wrote past its results"
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
    await bench.memory.write(INPUT, bytes.fromhex(JOB["images"][0]))
    assert await bench.write("CONTROL", 1) == AxiResp.OKAY
    assert await bench.write("PROGRAM_LO", 64) == AxiResp.SLVERR
    assert await bench.write("CONTROL", 1) == AxiResp.SLVERR
    await RisingEdge(dut.irq)


@cocotb.test()
async def errors_end_a_run_and_the_next_one_works(dut):
    bench = Bench(dut, 3)
    await begin(dut)
    program = bytes.fromhex(JOB["program"])
    lead = JOB["LEAD_BEATS"] * CONFIG.bus_bits // 8
    for spoiled, expected in (
            (bytes(len(program)), Error.ILLEGAL_INSTRUCTION),  # memory that was never written
            (program[:lead] + bytes(len(program) - lead), Error.ILLEGAL_INSTRUCTION)):
        await bench.prepare(spoiled)
        await bench.memory.write(INPUT, bytes.fromhex(JOB["images"][0]))
        assert await bench.run() is expected
    await bench.prepare(program)
    assert await bench.write("BODY_BEATS", JOB["BODY_BEATS"] - 3) == AxiResp.OKAY  # the end is missing
    assert await bench.run() is Error.STREAM_END
    await bench.prepare(program)
    assert await bench.write("BODY_BEATS", 0) == AxiResp.OKAY
    assert await bench.write("INPUT_BEATS", 0) == AxiResp.OKAY  # the image is missing
    assert await bench.run() is Error.STREAM_END
    await bench.prepare(program)
    assert await bench.run() is Error.NONE
    found = await bench.memory.read(OUTPUT, 4 * len(JOB["results"][0]))
    for i in JOB["positions"]:
        assert int.from_bytes(found[4 * i:4 * i + 4], "little", signed=True) == JOB["results"][0][i]


@cocotb.test()
async def bus_errors_are_reported(dut):
    bench = Bench(dut, None)
    await begin(dut)
    await bench.prepare()
    assert await bench.write("INPUT_LO", SIZE) == AxiResp.OKAY  # nobody answers there
    assert await bench.run() is Error.READ_BUS
    await bench.prepare()
    assert await bench.write("OUTPUT_LO", SIZE) == AxiResp.OKAY
    await bench.memory.write(INPUT, bytes.fromhex(JOB["images"][0]))
    assert await bench.run() is Error.WRITE_BUS
    assert await bench.write("OUTPUT_LO", OUTPUT) == AxiResp.OKAY
    assert await bench.run() is Error.NONE
