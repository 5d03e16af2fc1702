"""What the cocotb modules share: clock, reset, seeded stalls, the configuration, a per-cycle checker."""

import json
import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

from codesign.accelerator import AcceleratorConfig

MAX_CYCLES = 50_000  # of any one test

CONFIG = AcceleratorConfig.from_dict(json.loads(os.environ["CODESIGN_CONFIG"]))


async def begin(dut, **inputs):
    """Start the clock, set ``inputs`` and reset."""
    for name, value in inputs.items():
        getattr(dut, name).value = value
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 1)
    cocotb.start_soon(watch(dut))


async def watch(dut):
    """A hang fails the test instead of going on for ever."""
    await ClockCycles(dut.clk, MAX_CYCLES)
    raise AssertionError(f"not at its end after {MAX_CYCLES} cycles")


def stalls(seed, probability):
    """For a channel's pause generator: stop with ``probability`` each cycle."""
    rng = random.Random(seed)
    while True:
        yield rng.random() < probability


def pause(seed, probability, *channels):
    """Stall each of cocotbext-axi's ``channels`` independently; probability 0 stalls none."""
    for index, channel in enumerate(channels):
        if probability:
            channel.set_pause_generator(stalls(f"{seed}.{index}", probability))


def every_cycle(dut, check):
    """Call ``check()`` once a cycle from now on, when all signals have settled.

    A failure in it fails the test.
    """
    async def loop():
        while True:
            await FallingEdge(dut.clk)
            check()
    return cocotb.start_soon(loop())


def number(handle) -> int:
    return int(handle.value)
