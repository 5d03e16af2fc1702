"""The serial line's two ends: against bits made and read here, at rates that are a little off, and with noise."""

import random

import pytest

from codesign.rtl.system.config import BAUD_ERROR
from codesign.rtl.system.uart import Receiver, Sender
from tests.rtl.harness import simulate


def levels(data, bit_cycles, idle=lambda: 0):
    """The line's level in each cycle; ``bit_cycles`` need not be whole."""
    made, end = [], 0.0
    for byte in data:
        for bit in (0, *(byte >> i & 1 for i in range(8)), 1):
            end += bit_cycles
            made += [bit] * (round(end) - len(made))
        pause = idle()
        made += [1] * pause
        end += pause
    return made


def received(line, bit_cycles):
    """The bytes that a receiver makes of the line's levels."""
    found, dut = [], Receiver(bit_cycles)

    async def bench(ctx):
        for level in [*line, *[1] * 4 * bit_cycles]:
            ctx.set(dut.line, level)
            if ctx.get(dut.strobe):
                found.append(ctx.get(dut.byte))
            await ctx.tick()

    simulate(dut, bench, cycles=len(line) + 4 * bit_cycles + 1)
    return bytes(found)


@pytest.mark.parametrize("error", [0, BAUD_ERROR, -BAUD_ERROR])
@pytest.mark.parametrize("bit_cycles", [6, 7, 25, 75])
def test_receives_bytes_back_to_back_and_apart(bit_cycles, error):
    rng = random.Random(bit_cycles)
    data = rng.randbytes(30)

    def idle():
        return rng.choice([0, 0, 1, 3, 40])

    assert received([1] * 5 + levels(data, bit_cycles * (1 + error), idle), bit_cycles) == data


def test_what_is_no_byte_is_dropped():
    good = levels(b"\x5a", 8)
    glitch = [0] * 3 + [1] * 90
    broken = [0] * 8 * 10 + [1] * 90  # a break: no stop bit
    assert received(glitch + good + [1] * 20 + broken + good, 8) == b"\x5a\x5a"


@pytest.mark.parametrize("bit_cycles", [6, 25])
def test_sends_what_it_is_given_without_a_pause(bit_cycles):
    data, dut, seen = random.Random(1).randbytes(20), Sender(bit_cycles), []

    async def bench(ctx):
        left = list(data)
        for _ in range((len(data) * 10 + 2) * bit_cycles):
            ctx.set(dut.i.valid, bool(left))
            ctx.set(dut.i.payload, left[0] if left else 0)
            taken = left and ctx.get(dut.i.ready)
            seen.append(ctx.get(dut.line))
            await ctx.tick()
            if taken:
                left.pop(0)

    simulate(dut, bench, cycles=(len(data) * 10 + 3) * bit_cycles)
    begin = seen.index(0)
    wanted = levels(data, bit_cycles)
    assert seen[begin:begin + len(wanted)] == wanted and set(seen[begin + len(wanted):]) == {1}
