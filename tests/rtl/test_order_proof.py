# amaranth: UnusedElaboratable=no
"""Proofs, without a bound on time, that the fetcher and the FIFOs lose, invent and reorder nothing.

Any one item is followed on its way: how many are ahead of it is counted when it comes, each that leaves is one fewer,
and when none is ahead, what leaves is it. Data pass unchanged in one bit as in another, so one bit is followed.
"""

import pytest
from amaranth.hdl import Assert, Assume, Mux, Signal
from amaranth.lib.fifo import SyncFIFOBuffered

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.fetcher import Fetcher

from .prover import design, run_sby

CONFIG = AcceleratorConfig(name="formal", rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=64, burst_beats=2,
                           fifo_bursts=2)


def fetcher_proof(m, dut, parts, bit=0, other=0):
    """With ``other`` bit, a false claim."""
    axi = dut.axi
    coming, there, stopped = Signal(6), Signal(4), Signal()
    arrives, leaves = axi.rvalid & ~stopped, dut.o.valid & dut.o.ready
    m.d.sync += [coming.eq(coming + Mux(axi.arvalid & axi.arready, axi.arlen + 1, 0) - axi.rvalid),
                 there.eq(there + arrives - leaves)]
    followed, ahead, value, begin = Signal(), Signal(4), Signal(), Signal()
    with m.If(followed & leaves):
        m.d.sync += [ahead.eq(ahead - 1), followed.eq(ahead != 0)]
    with m.Elif(~followed & arrives & begin):
        m.d.sync += [followed.eq(1), ahead.eq(there - leaves), value.eq(axi.rdata[bit])]
    with m.If(dut.stop):
        m.d.sync += stopped.eq(1)
    with m.If(dut.start):
        m.d.sync += stopped.eq(0)
    with m.If(dut.stop | dut.start):
        m.d.sync += [followed.eq(0), there.eq(0)]
    waited = Signal(range(dut.BEAT_LATENCY))  # cycles up to this one in which a beat was there, but not yet offered
    waits = (there != 0) & ~dut.o.valid
    m.d.sync += waited.eq(Mux(waits & ~dut.stop & ~dut.start, waited + 1, 0))
    m.d.comb += [
        Assume(~dut.start | dut.idle),
        Assume(~axi.rvalid | (coming != 0)),  # memory answers what was asked
        Assert(~leaves | (there != 0)),
        Assert(~(followed & leaves & (ahead == 0)) | (dut.o.payload[bit ^ other] == value)),
        Assert(~dut.idle | (there == 0)),
        Assert(~waits | (waited < dut.BEAT_LATENCY - 1)),  # a beat is there from the cycle after it arrives
    ]
    return [begin]


def fifo_proof(m, dut, parts, other=0):
    """What comes out is what went in, in that order, whatever the writer's buffer is asked to do."""
    level, ahead = Signal(range(dut.depth + 1)), Signal(range(dut.depth + 1))
    followed, value, begin = Signal(), Signal(), Signal()
    arrives, leaves = dut.w_en & dut.w_rdy, dut.r_en & dut.r_rdy
    m.d.sync += level.eq(level + arrives - leaves)
    with m.If(followed & leaves):
        m.d.sync += [ahead.eq(ahead - 1), followed.eq(ahead != 0)]
    with m.Elif(~followed & arrives & begin):
        m.d.sync += [followed.eq(1), ahead.eq(level - leaves), value.eq(dut.w_data)]
    m.d.comb += [
        Assert(dut.level == level),
        Assert(dut.w_rdy | (level >= dut.depth - 1)),  # its last place is the output's register
        Assert(~(followed & leaves & (ahead == 0)) | (dut.r_data ^ other == value)),
    ]
    return [begin, dut.w_en, dut.w_data, dut.r_en]


@pytest.mark.parametrize("bit", [0, CONFIG.bus_bits - 1])
def test_fetcher(bit, tmp_path):
    proven, output = run_sby(design(Fetcher(CONFIG), lambda *on: fetcher_proof(*on, bit)), tmp_path)
    assert proven, output


def test_fetcher_with_a_false_claim(tmp_path):
    proven, output = run_sby(design(Fetcher(CONFIG), lambda *on: fetcher_proof(*on, other=1)), tmp_path)
    assert not proven and "DONE (FAIL" in output, output


@pytest.mark.parametrize("depth", [5, 9])
def test_fifo(depth, tmp_path):
    proven, output = run_sby(design(SyncFIFOBuffered(width=1, depth=depth), fifo_proof), tmp_path)
    assert proven, output


def test_fifo_with_a_false_claim(tmp_path):
    text = design(SyncFIFOBuffered(width=1, depth=5), lambda *on: fifo_proof(*on, other=1))
    proven, output = run_sby(text, tmp_path)
    assert not proven and "DONE (FAIL" in output, output
