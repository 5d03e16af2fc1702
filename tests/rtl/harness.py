"""Runs components in Amaranth's simulator, cycle by cycle and bounded in cycles."""

from amaranth import ClockDomain, Module
from amaranth.lib import data
from amaranth.lib.wiring import Out
from amaranth.sim import Simulator

__all__ = ["play", "plain", "simulate", "wrapped"]


def simulate(dut, bench, *, cycles):
    """Run the testbench ``bench(ctx)`` on ``dut`` to its end, at most ``cycles`` cycles.

    Members set in a cycle are seen by what is read later in it; ``await ctx.tick()`` goes to the next cycle.
    """
    ended = False

    async def to_its_end(ctx):
        nonlocal ended
        await bench(ctx)
        ended = True

    m = Module()
    m.domains.sync = ClockDomain()  # also for a component that happens to have no register
    m.submodules.dut = dut
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(to_its_end)
    for _ in range(2 * cycles + 2):  # clock edges
        simulator.advance()
        if ended:
            return
    raise AssertionError(f"not at its end after {cycles} cycles")


def play(dut, inputs):
    """What ``dut`` puts out in each cycle, a dict of all its outputs, for the dict of ``inputs`` of each cycle.

    An input keeps its value until it is given another.
    """
    outputs = [name for name, member in dut.signature.members.items() if member.flow is Out]
    seen = []

    async def bench(ctx):
        for cycle in inputs:
            for name, value in cycle.items():
                ctx.set(getattr(dut, name), value)
            seen.append({name: plain(ctx.get(getattr(dut, name))) for name in outputs})
            await ctx.tick()

    simulate(dut, bench, cycles=len(inputs) + 1)
    return seen


def plain(value):
    """An output's value as an integer, a dict or a list of them."""
    if isinstance(value, data.Const):
        layout = value.shape()
        if isinstance(layout, data.ArrayLayout):
            return [plain(value[i]) for i in range(layout.length)]
        return {name: plain(value[name]) for name in layout.members}
    return int(value)


def wrapped(value: int, bits: int) -> int:
    """``value`` as ``bits`` bits of two's complement keep it."""
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
