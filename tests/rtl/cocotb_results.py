"""The accelerator with a memory that takes no results for a while: more of them than the writer holds must wait."""

import json
import os
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotb_support import begin
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave, MemoryRegion

from codesign.registers import Error, counter_offset, register

JOB = json.loads(Path(os.environ["CODESIGN_JOB"]).read_text())


def takes_none_until(free):
    while not free:
        yield True
    while True:
        yield False


@cocotb.test()
@cocotb.parametrize(cycles=[0, 3000])
async def wait_for_memory(dut, cycles):
    host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    memory, free = MemoryRegion(JOB["size"]), []
    slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, target=memory)
    slave.write_if.aw_channel.set_pause_generator(takes_none_until(free))
    await begin(dut)
    await memory.write(0, bytes.fromhex(JOB["stream"]))
    for name, value in (JOB["registers"] | {"INTERRUPT": 1, "CONTROL": 1}).items():
        assert (await host.write(register(name).offset, value.to_bytes(4, "little"))).resp == AxiResp.OKAY
    await ClockCycles(dut.clk, cycles)
    assert not cycles or not int(dut.irq.value), "done before a result was taken"
    free.append(True)
    late = Timer(1, unit="ms")
    assert await First(RisingEdge(dut.irq), late) is not late, "no interrupt after 100,000 cycles"

    async def read(offset):
        return int.from_bytes((await host.read(offset, 4)).data, "little")

    assert await read(register("ERROR").offset) == Error.NONE
    found = await memory.read(JOB["output_address"], 4 * (max(JOB["positions"]) + 1))
    assert [int.from_bytes(found[4 * i:4 * i + 4], "little", signed=True) for i in JOB["positions"]] == JOB["logits"]
    assert (await read(counter_offset("stall_output_cycles")) > 1000) == (cycles > 0)
