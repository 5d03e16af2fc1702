"""The checksum unit against zlib's."""

import random
import zlib

import pytest

from codesign.rtl.system.crc import Crc32
from tests.rtl.harness import simulate


@pytest.mark.parametrize("seed", range(3))
def test_equals_zlibs(seed):
    rng = random.Random(seed)
    data = rng.randbytes(200)

    async def bench(ctx):
        async def settled():
            while ctx.get(dut.busy):
                await ctx.tick()

        ctx.set(dut.value, 0xFFFF_FFFF)
        ctx.set(dut.load, 1)
        await ctx.tick()
        ctx.set(dut.load, 0)
        at = 0
        while at < len(data):
            count = min(rng.choice([1, 2, 4]), len(data) - at)
            lane = rng.randrange(5 - count)
            ctx.set(dut.data, rng.getrandbits(32) & ~((1 << 8 * count) - 1 << 8 * lane)
                    | int.from_bytes(data[at:at + count], "little") << 8 * lane)
            ctx.set(dut.strobes, (1 << count) - 1 << lane)
            await ctx.tick()
            ctx.set(dut.strobes, 0)
            await settled()
            at += count
        assert ctx.get(dut.remainder) ^ 0xFFFF_FFFF == zlib.crc32(data)

    dut = Crc32()
    simulate(dut, bench, cycles=2000)


def test_a_word_takes_five_cycles():
    async def bench(ctx):
        ctx.set(dut.strobes, 0b1111)
        await ctx.tick()
        ctx.set(dut.strobes, 0)
        for _ in range(4):
            assert ctx.get(dut.busy)
            await ctx.tick()
        assert not ctx.get(dut.busy)

    dut = Crc32()
    simulate(dut, bench, cycles=10)
