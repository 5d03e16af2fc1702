"""The systolic array: skewed activations in, skewed sums out, tiles changing behind the wavefront."""

import random

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge
from cocotb_support import CONFIG, begin, number

from codesign.timing import ARRAY_LOAD

ROWS, COLS, PSUM_BITS = CONFIG.rows, CONFIG.cols, CONFIG.psum_bits
NARROW_ROWS = ROWS - CONFIG.wide_rows
PARTS, PART_ROWS = CONFIG.weight_rows, CONFIG.rows // CONFIG.weight_rows
SPAN = ROWS + COLS + 1  # cycles from a pixel to its last column's sum


class Plan:
    """Inputs by cycle, each row's at its own skew, and the sums that must come out of them."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.x, self.high, self.swap, self.load, self.sums = {}, {}, {}, {}, {}
        self.length = 0

    def tile(self, first, swap):
        """Weight words from cycle ``first`` on; row r swaps in cycle ``swap`` + r."""
        self.weight = [[self.rng.choice([-8, 7, self.rng.randrange(-8, 8)]) for _ in range(COLS)] for _ in range(ROWS)]
        for index in range(PART_ROWS):
            row = [w for part in range(PARTS) for w in self.weight[part * PART_ROWS + PART_ROWS - 1 - index]]
            self.load[first + index] = (index, sum((w & 15) << 4 * c for c, w in enumerate(row)))
        for r in range(ROWS):
            self.swap[swap + r] = self.swap.get(swap + r, 0) | 1 << r

    def pixel(self, cycle):
        values = [self.rng.choice([15, self.rng.randrange(16)]) for _ in range(ROWS)]
        highs = self.rng.choice([0, (1 << ROWS) - 1, self.rng.getrandbits(ROWS)])  # the narrow rows' do not count
        for r, value in enumerate(values):
            self.x[cycle + r] = self.x.get(cycle + r, 0) | value << 4 * r
            self.high[cycle + r] = self.high.get(cycle + r, 0) | highs & 1 << r
        counted = [v * 16 if r >= NARROW_ROWS and highs >> r & 1 else v for r, v in enumerate(values)]
        for c in range(COLS):
            self.sums[cycle + ROWS + c, c] = sum(v * w[c] for v, w in zip(counted, self.weight, strict=True))
        self.length = cycle + SPAN


async def check(dut, plan):
    await begin(dut, x=0, high=0, swap=0, load=0, index=0, word=0)
    await RisingEdge(dut.clk)
    assert plan.sums
    for cycle in range(plan.length):
        dut.x.value, dut.high.value, dut.swap.value = (of.get(cycle, 0) for of in (plan.x, plan.high, plan.swap))
        index, word = plan.load.get(cycle, (plan.rng.randrange(PART_ROWS), plan.rng.getrandbits(4 * COLS * PARTS)))
        dut.load.value, dut.index.value, dut.word.value = cycle in plan.load, index, word
        await FallingEdge(dut.clk)
        psum = number(dut.psum)
        for c in range(COLS):
            if (cycle, c) in plan.sums:
                found = (psum >> PSUM_BITS * c) % (1 << PSUM_BITS)
                assert found == plan.sums[cycle, c] % (1 << PSUM_BITS), f"cycle {cycle}, column {c}"
        await RisingEdge(dut.clk)


@cocotb.test()
async def one_tile(dut):
    """Used from the first cycle in which its last word has been shifted in."""
    plan = Plan(1)
    swap = PART_ROWS + ARRAY_LOAD
    plan.tile(0, swap)
    for t in range(60):
        plan.pixel(swap + 1 + t)
    await check(dut, plan)


@cocotb.test()
async def tiles_follow_right_behind_the_wavefront(dut):
    """Back to back: a tile's words start moving in the very cycle in which the one before is swapped in."""
    plan = Plan(2)
    swap = PART_ROWS + ARRAY_LOAD
    plan.tile(0, swap)
    for _ in range(40):
        first = swap - ARRAY_LOAD  # shifted in from cycle swap on
        following = first + PART_ROWS + ARRAY_LOAD
        for t in range(swap + 1, following + 1):
            plan.pixel(t)
        swap = following
        plan.tile(first, swap)
    await check(dut, plan)


@cocotb.test()
async def tiles_at_random_times(dut):
    """With pauses in words and pixels, and pixels of the tile before while the next one waits in the shadow."""
    plan = Plan(3)
    swap = PART_ROWS + ARRAY_LOAD
    plan.tile(0, swap)
    for _ in range(40):
        first = swap - ARRAY_LOAD + plan.rng.randrange(12)
        following = first + PART_ROWS + ARRAY_LOAD + plan.rng.randrange(12)
        for t in range(swap + 1, following + 1):
            if plan.rng.random() < 0.7:
                plan.pixel(t)
        swap = following
        plan.tile(first, swap)
    await check(dut, plan)
