# amaranth: UnusedElaboratable=no
"""Proofs, for every input and without a bound on time: the AXI channels keep their promises and no FIFO overflows.

Skipped without the extra ``formal``: ``pip install -e .[formal]``.
"""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Mux, Signal, Value

from codesign.accelerator import AcceleratorConfig
from codesign.rtl import writer
from codesign.rtl.control import Control
from codesign.rtl.fetcher import Fetcher
from codesign.rtl.memory_ports import MemoryPorts
from codesign.rtl.writer import Writer

from .prover import design, run_sby

CONFIG = AcceleratorConfig(name="formal", rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=64, burst_beats=2,
                           fifo_bursts=2)
BEAT_BYTES = CONFIG.bus_bits // 8


def keeps(m, valid, ready, *payload, unless=0):
    """Once `valid`, always so until `ready`, and what goes with it stays the same."""
    waiting, held = Signal(), Signal(len(Cat(payload)))
    m.d.sync += [waiting.eq(valid & ~ready & ~Value.cast(unless)), held.eq(Cat(payload))]
    with m.If(waiting):
        m.d.comb += [Assert(valid), Assert(Cat(payload) == held)]


def count(m, up, down, bits=6):
    """How much more has gone up than down so far."""
    level = Signal(bits)
    m.d.sync += level.eq(level + up - down)
    return level


def fetcher_proof(m, dut, parts):
    axi = dut.axi
    beats = axi.arlen + 1
    coming = count(m, Mux(axi.arvalid & axi.arready, beats, 0), axi.rvalid)
    m.d.comb += [
        Assume(~dut.start | dut.idle),
        Assume(~axi.rvalid | (coming != 0)),  # memory answers what was asked
        Assert(~axi.rvalid | (axi.rready & parts.fifo.w_rdy)),
        Assert(parts.fifo.level + coming + Mux(axi.arvalid, beats, 0) <= dut.depth),
        Assert(~axi.arvalid | (axi.araddr[:12] + beats * BEAT_BYTES <= 4096)),
        Assert(~dut.idle | (~axi.arvalid & (coming == 0) & (parts.fifo.level == 0) & ~dut.o.valid)),
    ]
    keeps(m, axi.arvalid, axi.arready, axi.araddr, axi.arlen)
    keeps(m, dut.o.valid, dut.o.ready, unless=dut.stop)


def window_proof(m, dut, parts, longer=0):
    """Reads stay within the program: from `address` on, `beats` beats, however the run is stalled or stopped.

    By induction, with what links the fetcher's counters, and what they say of the next burst, to the window. That
    ``idle`` excludes a request that waits is :func:`fetcher_proof`'s.
    """
    axi, burst_bytes = dut.axi, CONFIG.burst_beats * BEAT_BYTES
    first = dut.address & -burst_bytes & ((1 << len(dut.address)) - 1)
    base, beats = Signal(len(dut.address)), Signal(len(dut.beats))
    with m.If(dut.start):
        m.d.sync += [base.eq(first), beats.eq(dut.beats)]
    end, left = base + beats * BEAT_BYTES, Cat(dut._rest, dut._full)
    m.d.comb += [
        Assume(~dut.start | dut.idle & ~axi.arvalid),
        Assume(~dut.start | (first + dut.beats * BEAT_BYTES <= 1 << len(dut.address))),
        Assert((base & (burst_bytes - 1)) == 0),
        Assert(end <= 1 << len(dut.address)),
        Assert(~dut._more | (left != 0) & (left <= beats)),
        Assert(~dut._more | (dut._last == (left <= CONFIG.burst_beats))),
        Assert(~dut._more | (dut._length == Mux(dut._last, left, CONFIG.burst_beats) - 1)),
        Assert(~dut._more | (dut._burst * burst_bytes + left * BEAT_BYTES == end)),
        Assert(~axi.arvalid | (axi.araddr >= base)),
        Assert(~axi.arvalid | (axi.araddr + (axi.arlen + 1 + longer) * BEAT_BYTES <= end)),
    ]


def results_window_proof(m, dut, parts, shorter=0):
    """Writes stay within the window of the results, in the same way. That ``idle`` excludes a write that waits, on the
    bus or in the FIFO, is :func:`writer_proof`'s."""
    axi = dut.axi
    first = dut.base & -BEAT_BYTES & ((1 << len(dut.base)) - 1)
    base, beats = Signal(len(dut.base)), Signal(len(dut.beats))
    with m.If(dut.start):
        m.d.sync += [base.eq(first), beats.eq(dut.beats)]
    end = base + beats * BEAT_BYTES
    m.d.comb += [
        Assume(~dut.start | dut.idle & ~axi.awvalid & ~parts.fifo.r_rdy),
        Assume(~dut.start | (first + dut.beats * BEAT_BYTES <= 1 << len(dut.base))),
        Assert((base & (BEAT_BYTES - 1)) == 0),
        Assert(end <= 1 << len(dut.base)),
        Assert(dut._left <= beats), Assert(dut._within == (dut._left != 0)),
        Assert((dut._left == 0) | (dut._address * BEAT_BYTES + dut._left * BEAT_BYTES == end)),
        Assert(~axi.awvalid | (axi.awaddr >= base)),
        Assert(~axi.awvalid | (axi.awaddr + (1 + shorter) * BEAT_BYTES <= end)),
    ]


def writer_proof(m, dut, parts):
    axi = dut.axi
    addresses = count(m, axi.awvalid & axi.awready, axi.bvalid)
    beats = count(m, axi.wvalid & axi.wready, axi.bvalid)
    m.d.comb += [
        Assume(~dut.start | dut.idle),
        Assume(~dut.i.valid | (dut.room != 0)),
        Assume(~axi.bvalid | ((addresses != 0) & (beats != 0))),  # memory answers what was written
        Assert(~dut.i.valid | dut.i.ready),
        Assert(~parts.fifo.w_en | parts.fifo.w_rdy),
        Assert(~axi.wvalid | (axi.wstrb != 0)),
        Assert(~dut.idle | (~axi.awvalid & ~axi.wvalid & (addresses == 0) & (beats == 0) & (parts.fifo.level == 0))),
        # What the writer knows of its unanswered writes, so that the proof is quick.
        Assert(dut._unanswered == addresses + axi.awvalid), Assert(dut._unanswered == beats + axi.wvalid),
        Assert(dut._answered == (dut._unanswered == 0)), Assert(dut._many | ~dut._unanswered.all()),
    ]
    keeps(m, axi.awvalid, axi.awready, axi.awaddr)
    keeps(m, axi.wvalid, axi.wready, axi.wdata, axi.wstrb)


def control_proof(m, dut, parts):
    axi = dut.axi
    addresses = count(m, axi.awvalid & axi.awready, axi.bvalid & axi.bready)
    beats = count(m, axi.wvalid & axi.wready, axi.bvalid & axi.bready)
    reads = count(m, axi.arvalid & axi.arready, axi.rvalid & axi.rready)
    started = Signal()
    m.d.sync += started.eq(dut.start)
    m.d.comb += [
        Assert(~axi.bvalid | ((addresses != 0) & (beats != 0))),  # answers only what was asked
        Assert(~axi.rvalid | (reads != 0)),
        Assert(~dut.start | (dut.busy & ~started)),
    ]
    keeps(m, axi.bvalid, axi.bready, axi.bresp)
    keeps(m, axi.rvalid, axi.rready, axi.rresp, axi.rdata)
    keeps(m, dut.busy, dut.done, dut.job)


def memory_ports_proof(m, dut, parts):
    """A wide burst's stripes stay within its 4096 bytes, and what a port brings always has a place."""
    wide = dut.s_axi
    beats = wide.arlen + 1
    m.d.comb += [
        Assume(beats <= CONFIG.burst_beats),
        Assume(wide.araddr[:12] + beats * BEAT_BYTES <= 4096),
        Assert(~parts.ends.w_en | parts.ends.w_rdy),
    ]
    for i, axi in enumerate(dut.ports):
        fifo = getattr(parts, f"fifo_{i}")
        parts_asked = axi.arlen + 1
        coming = count(m, Mux(axi.arvalid & axi.arready, parts_asked, 0), axi.rvalid)
        m.d.comb += [
            Assume(~axi.rvalid | (coming != 0)),  # memory answers what was asked
            Assert(axi.rready & (~fifo.w_en | fifo.w_rdy)),
            Assert(fifo.level * dut.ratio + coming <= dut.depth * dut.ratio),
            Assert(~axi.arvalid | (axi.araddr[:12] + parts_asked * BEAT_BYTES // dut.ratio <= 4096)),
        ]
        keeps(m, axi.arvalid, axi.arready, axi.araddr, axi.arlen)


PROOFS = {Fetcher: fetcher_proof, Writer: writer_proof, Control: control_proof}


def fills(m, dut, parts):
    fetcher_proof(m, dut, parts)
    m.d.comb += Assert(parts.fifo.level + 2 < dut.depth)  # two more beats wait behind it


def writes(m, dut, parts):
    writer_proof(m, dut, parts)
    m.d.comb += Assert(~(dut.axi.awvalid & (dut.axi.awaddr != 0) & dut.axi.wstrb.all()))


def ends(m, dut, parts):
    control_proof(m, dut, parts)
    m.d.comb += Assert(~dut.irq)


@pytest.fixture(autouse=True)
def few_outstanding(monkeypatch):
    """The limit on unanswered writes is part of the proof, so bring it within reach."""
    monkeypatch.setattr(writer, "OUTSTANDING_BITS", 2)


@pytest.mark.parametrize("component", PROOFS, ids=lambda c: c.__name__)
def test_proof(component, tmp_path):
    proven, output = run_sby(design(component(CONFIG), PROOFS[component]), tmp_path)
    assert proven, output


@pytest.mark.parametrize("component, wrong", [(Fetcher, fills), (Writer, writes), (Control, ends)],
                         ids=lambda x: x.__name__)
def test_assumptions_leave_room(component, wrong, tmp_path):
    """With one untrue claim added, there is a counterexample: the proofs are not empty."""
    proven, output = run_sby(design(component(CONFIG), wrong), tmp_path)
    assert not proven and "FAIL" in output, output


def two_ports(monkeypatch):
    monkeypatch.setattr(MemoryPorts, "DEPTH", 2)  # the smallest that there is; the proof is of any
    return MemoryPorts(CONFIG, ports=2, port_bits=CONFIG.bus_bits // 2)


def test_memory_ports(monkeypatch, tmp_path):
    proven, output = run_sby(design(two_ports(monkeypatch), memory_ports_proof), tmp_path)
    assert proven, output


def test_memory_ports_proof_leaves_room(monkeypatch, tmp_path):
    def never_fills(m, dut, parts):
        memory_ports_proof(m, dut, parts)
        m.d.comb += Assert(parts.fifo_1.level < dut.depth)

    proven, output = run_sby(design(two_ports(monkeypatch), never_fills), tmp_path)
    assert not proven and "FAIL" in output, output


@pytest.mark.parametrize("longer", [0, 1])
def test_reads_stay_within_the_program(longer, tmp_path):
    """Unbounded, by induction; a window that is a beat too short is refuted."""
    pytest.importorskip("z3")
    text = design(Fetcher(CONFIG), lambda m, dut, parts: window_proof(m, dut, parts, longer))
    proven, output = run_sby(text, tmp_path, "smtbmc z3")
    assert ("DONE (FAIL" in output if longer else proven), output


@pytest.mark.parametrize("shorter", [0, 1])
def test_writes_stay_within_the_window_of_the_results(shorter, tmp_path):
    """Unbounded, by induction; a window that is a beat too short is refuted."""
    pytest.importorskip("z3")
    text = design(Writer(CONFIG), lambda m, dut, parts: results_window_proof(m, dut, parts, shorter))
    proven, output = run_sby(text, tmp_path, "smtbmc z3")
    assert ("DONE (FAIL" in output if shorter else proven), output
