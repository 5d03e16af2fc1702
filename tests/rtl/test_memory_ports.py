# amaranth: UnusedElaboratable=no
import dataclasses
import random
from collections import deque

import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.errors import CodesignError
from codesign.rtl.axi import Resp
from codesign.rtl.memory_ports import MemoryPorts

from .harness import simulate

WIDE = AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=256, burst_beats=8)
CASES = {"4 of 64": (WIDE, 4, 64), "2 of 64": (WIDE, 2, 64), "2 of 128": (WIDE, 2, 128), "1 of 128": (WIDE, 1, 128),
         "1 of 32": (WIDE, 1, 32), "zcu102": (PRESETS["zcu102"], 4, 128)}
LATENCY = 20  # cycles of the memory below


class Memory:
    """All ports' memory: each answers its bursts in order, at most a beat a cycle, and each as late as it likes."""

    def __init__(self, content: bytes, bad=(), *, stall=0.0, rng=None):
        self.content, self.bad, self.stall, self.rng = bytearray(content), set(bad), stall, rng or random.Random(0)
        self.asked: list[tuple[int, int, int]] = []  # port, address, beats
        self.written: list[int] = []

    def moves(self):
        return self.rng.random() >= self.stall

    def serve(self, ctx, axi, port, queue, now):
        """One cycle of a port's read channels; ``queue``: beats on their way as (ready when, address, last)."""
        step = len(axi.rdata) // 8
        here = bool(queue) and queue[0][0] <= now and self.moves()
        ctx.set(axi.rvalid, here)
        if here:
            _, address, last = queue[0]
            ctx.set(axi.rdata, int.from_bytes(self.content[address:address + step], "little"))
            ctx.set(axi.rresp, Resp.SLVERR if address in self.bad else Resp.OKAY)
            ctx.set(axi.rlast, last)
            assert ctx.get(axi.rready)
            queue.popleft()
        ready = self.moves()
        ctx.set(axi.arready, ready)
        if ready and ctx.get(axi.arvalid):
            address, beats = ctx.get(axi.araddr), ctx.get(axi.arlen) + 1
            assert ctx.get(axi.arsize) == step.bit_length() - 1
            assert address // 4096 == (address + beats * step - 1) // 4096
            self.asked.append((port, address, beats))
            queue.extend((now + LATENCY, address + i * step, i == beats - 1) for i in range(beats))


def read(config, ports, port_bits, bursts, memory, *, stall=0.0, seed=0):
    """All beats of ``bursts`` (address, beats) as (cycle, value, response, last)."""
    rng, dut = random.Random(seed), MemoryPorts(config, ports=ports, port_bits=port_bits)
    seen, total = [], sum(beats for _, beats in bursts)

    async def bench(ctx):
        waiting, queues, now, valid = deque(bursts), [deque() for _ in dut.ports], 0, False
        busy_until = 0  # now and then nothing is taken until all that is on its way has come
        while len(seen) < total:
            valid = bool(waiting) and (valid or rng.random() >= stall)
            ctx.set(dut.s_axi.arvalid, valid)
            if valid:
                ctx.set(dut.s_axi.araddr, waiting[0][0])
                ctx.set(dut.s_axi.arlen, waiting[0][1] - 1)
            if now >= busy_until and rng.random() < stall / 20:
                busy_until = now + 4 * LATENCY
            ctx.set(dut.s_axi.rready, now >= busy_until and rng.random() >= stall)
            for i, axi in enumerate(dut.ports):
                memory.serve(ctx, axi, i, queues[i], now)
            if valid and ctx.get(dut.s_axi.arready):
                waiting.popleft()
                valid = False
            if ctx.get(dut.s_axi.rvalid) and ctx.get(dut.s_axi.rready):
                seen.append((now, ctx.get(dut.s_axi.rdata), ctx.get(dut.s_axi.rresp), ctx.get(dut.s_axi.rlast)))
            await ctx.tick()
            now += 1
        assert not waiting and not any(queues)

    simulate(dut, bench, cycles=2000 + 100 * total)
    return seen


@pytest.mark.parametrize("stall, depth", [(0, 32), (0.4, 32), (0.4, 2)], ids=["full_rate", "stalled", "full_fifos"])
@pytest.mark.parametrize("config, ports, port_bits", CASES.values(), ids=CASES)
def test_reads_come_in_order(config, ports, port_bits, stall, depth, monkeypatch):
    """The FIFOs hold ``depth`` beats, at least two stripes."""
    monkeypatch.setattr(MemoryPorts, "DEPTH", depth)
    rng, step = random.Random(1), config.bus_bits // 8
    size = config.burst_beats * step
    content = rng.randbytes(64 * size)
    bursts = [(size * rng.randrange(64), rng.randint(1, config.burst_beats)) for _ in range(30)]
    bad = {bursts[3][0], bursts[7][0] + step}
    memory = Memory(content, bad, stall=stall, rng=rng)
    seen = read(config, ports, port_bits, bursts, memory, stall=stall)
    expected = [(int.from_bytes(content[at:at + step], "little"),
                 Resp.SLVERR if bad & set(range(at, at + step)) else Resp.OKAY, i == beats - 1)
                for address, beats in bursts for i in range(beats) for at in [address + i * step]]
    assert [(value, resp, bool(last)) for _, value, resp, last in seen] == expected
    assert {port for port, _, _ in memory.asked} == set(range(ports))


@pytest.mark.parametrize("config, ports, port_bits", CASES.values(), ids=CASES)
def test_as_fast_as_all_ports(config, ports, port_bits):
    """Full bursts, without a pause: the first beat after known latencies, then what the ports can bring."""
    step, count = config.bus_bits // 8, 40
    size, ratio = config.burst_beats * step, config.bus_bits // port_bits
    memory = Memory(bytes(count * size))
    cycles = [now for now, *_ in read(config, ports, port_bits, [(i * size, config.burst_beats) for i in range(count)],
                                      memory)]
    assert cycles[0] == MemoryPorts.AR_LATENCY + LATENCY + (ratio - 1) + MemoryPorts.R_LATENCY
    beats = count * config.burst_beats
    assert beats * ratio // ports <= cycles[-1] - cycles[0] + ratio <= beats * ratio // ports + 2 * ratio + ports
    assert memory.asked[:ports] == [(i, i * size // ports, config.burst_beats * ratio // ports) for i in range(ports)]


@pytest.mark.parametrize("stall", [0, 0.4], ids=["full_rate", "stalled"])
def test_writes_leave_in_parts_by_the_first_port(stall):
    rng, dut = random.Random(2), MemoryPorts(WIDE, ports=4, port_bits=64)
    writes = [(32 * rng.randrange(100), rng.getrandbits(256), rng.getrandbits(32)) for _ in range(20)]
    addresses, parts, answered = [], [], 0

    async def bench(ctx):
        nonlocal answered
        wide, port = dut.s_axi, dut.ports[0]
        todo, sent, pending = deque(writes), 0, 0
        aw = w = False
        while answered < len(writes):
            if todo and not (aw or w) and rng.random() >= stall:
                aw = w = True
            ctx.set(wide.awvalid, aw)
            ctx.set(wide.wvalid, w)
            ctx.set(wide.wlast, 1)
            if todo:
                for signal, value in zip((wide.awaddr, wide.wdata, wide.wstrb), todo[0], strict=True):
                    ctx.set(signal, value)
            ctx.set(port.awready, rng.random() >= stall)
            ctx.set(port.wready, rng.random() >= stall)
            ctx.set(wide.bready, 1)
            ctx.set(port.bvalid, pending > 0)
            ctx.set(port.bresp, Resp.DECERR if answered == 3 else Resp.OKAY)
            if ctx.get(port.awvalid) and ctx.get(port.awready):
                addresses.append((ctx.get(port.awaddr), ctx.get(port.awlen)))
            if ctx.get(port.wvalid) and ctx.get(port.wready):
                parts.append((ctx.get(port.wdata), ctx.get(port.wstrb)))
                sent += 1
                assert ctx.get(port.wlast) == (sent % 4 == 0)
            if ctx.get(wide.bvalid):
                assert ctx.get(wide.bresp) == (Resp.DECERR if answered == 3 else Resp.OKAY)
                answered, pending = answered + 1, pending - 1
            if aw and ctx.get(wide.awready):
                aw = False
            if w and ctx.get(wide.wready):
                w, pending = False, pending + 1
            if todo and not (aw or w) and len(addresses) == len(writes) - len(todo) + 1:
                todo.popleft()
            await ctx.tick()

    simulate(dut, bench, cycles=2000)
    assert addresses == [(address, 3) for address, _, _ in writes]
    assert parts == [(data >> 64 * i & (1 << 64) - 1, strobes >> 8 * i & 0xFF)
                     for _, data, strobes in writes for i in range(4)]


@pytest.mark.parametrize("changes, ports, port_bits, message", [
    ({}, 3, 64, "^Memory ports must be a power of two, not 3$"),
    ({}, 4, 256, r"^Memory port_bits must be at most half of bus_bits \(256\), not 256$"),
    ({}, 4, 128, "^Memory ports must be at most 2, not 4$"),
    ({"burst_beats": 2}, 4, 64, "^Memory ports must be at most 2, not 4$"),
])
def test_what_cannot_be_shared_out(changes, ports, port_bits, message):
    with pytest.raises(CodesignError, match=message):
        MemoryPorts(dataclasses.replace(WIDE, **changes), ports=ports, port_bits=port_bits)
