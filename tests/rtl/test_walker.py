# amaranth: UnusedElaboratable=no

import random

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.isa import Isa, Opcode
from codesign.rtl.walker import Walker

from .harness import plain, simulate

SQUARE = AcceleratorConfig(rows=4, cols=4, bank_depth=256, acc_depth=16, bus_bits=64)
GROUPS = AcceleratorConfig(rows=9, cols=4, bank_depth=256, acc_depth=16, bus_bits=64)
SHARED = AcceleratorConfig(rows=4, cols=11, bank_depth=256, acc_depth=16, bus_bits=64)
CONFIGS = {"4x4": SQUARE, "9x4": GROUPS, "4x11": SHARED}


def windows(height, width, padding):
    """Lists of the pixels (x, y) of each window, by brute force; padding None: one window a pixel."""
    if padding is None:
        return [[(x, y)] for y in range(height) for x in range(width)]
    ys, xs = (range(-padding, size + padding - 1, 2) for size in (height, width))
    corners = [(x, y) for y in ys for x in xs]
    return [[(x + i, y + j) for j in (0, 1) for i in (0, 1) if 0 <= x + i < width and 0 <= y + j < height]
            for x, y in corners]


def make_pass(config, height, width, padding, start, stop, **more):
    """Fields of PASS for windows start..stop-1 and the tokens of its beats, made from the list of windows."""
    every = windows(height, width, padding)
    first, step = -(padding or 0), 1 if padding is None else 2
    columns = len(range(first, width + (padding or 0) - (step - 1), step))
    x, y = first + step * (start % columns), first + step * (start // columns)
    base, mask, offsets = more.pop("base", 0), config.bank_depth - 1, (1 << config.pixel_bits) - 1
    f = {name: 0 for name in Isa(config).instructions[Opcode.PASS].fields if name != "op"} | dict(
        pool=padding is not None, x_first=x, y_first=y, x_left=first, x_last=first + step * (columns - 1), width=width,
        height=height, row_addr=base + y * width + first & offsets,
        window_addr=base + y * width + x & offsets, windows=stop - start) | more
    beats, pixels = [], [pixel for window in every[start:stop] for pixel in window]
    for number, window in enumerate(every[start:stop]):
        for x, y in window:
            for plane in range(f["planes"] + 1):
                complete = plane == f["planes"]
                opens, closes = (x, y) == window[0], (x, y) == window[-1]
                pixel = len(beats) // (f["planes"] + 1)
                row = dict(valid=1, left=min(3, x), right=min(3, width - 1 - x),
                           up=min(3, y), down=min(3, height - 1 - y),
                           addr=base + y * width + x + plane * f["plane_stride"] & offsets)
                column = dict(valid=1, first=f["first"] and plane == 0, last=f["last"] and complete, raw=f["raw"],
                              total=f["sum"], scale=f["scale"] + plane & 7, planes=f["out_planes"], wide=f["out_wide"],
                              window_first=opens, window_last=closes,
                              acc_addr=(f["acc_addr"] + pixel) % config.acc_depth,
                              out_addr=f["out_addr"] + (0 if f["sum"] else number) & mask)
                if f["sum"]:
                    final = len(beats) == len(pixels) * (f["planes"] + 1) - 1
                    column |= dict(window_first=f["sum_first"] and pixel == 0, window_last=f["sum_last"] and final)
                    result = f["last"] and not f["raw"] and f["sum_last"] and final
                else:
                    result = f["last"] and not f["raw"] and closes and complete
                column["out_stride"] = f["out_stride"]
                if config.bank_groups > 1:
                    column["group"] = f["out_group"]
                beats.append((row, column, bool(result)))
    return f, beats


def going_on(rng, config, before):
    """The same pass as ``before`` again, accumulators and results going on; its own addresses are not looked at."""
    f, beats = before
    planes, pixels = f["planes"] + 1, len(beats) // (f["planes"] + 1)
    results = 0 if f["sum"] else f["windows"]
    moved = [(row, column | dict(acc_addr=(column["acc_addr"] + pixels) % config.acc_depth,
                                 out_addr=(column["out_addr"] + results) % config.bank_depth), result)
             for row, column, result in beats]
    assert planes * pixels == len(beats)
    return f | dict(acc_addr=rng.randrange(16), out_addr=rng.randrange(256), again=1), moved


def random_pass(rng, config):
    padding = rng.choice([None, None, 0, 1])
    low = {None: 1, 0: 2, 1: 1}[padding]
    height, width = rng.randrange(low, 8), rng.randrange(low, 8)
    count = len(windows(height, width, padding))
    start = rng.randrange(count)
    bits = {name: rng.random() < 0.5 for name in ("load_weights", "load_rows", "load_columns", "first", "last", "raw",
                                                  "sum", "sum_first", "sum_last", "out_wide")}
    bits["raw"] &= rng.random() < 0.3
    bits["sum"] &= padding is None
    wide = {"out_stride": rng.randrange(256)}
    wide |= {"out_group": rng.randrange(config.bank_groups)} if config.bank_groups > 1 else {}
    return make_pass(config, height, width, padding, start, rng.randrange(start, count) + 1,
                     base=rng.randrange(1 << config.pixel_bits), planes=rng.choice([0, 0, 1, 3]),
                     out_planes=rng.randrange(4), scale=rng.randrange(5), plane_stride=rng.randrange(256),
                     acc_addr=rng.randrange(16), out_addr=rng.randrange(256), **bits, **wide)


def walk(config, passes, *, pause=0.0, crowded=0.0, seed=0):
    """Hand ``passes`` over, each when ``available`` (after random pauses), and note every cycle until all is done."""
    rng, layout = random.Random(seed), Isa(config).instructions[Opcode.PASS]
    dut, log = Walker(config), []

    async def bench(ctx):
        todo, running = [f for f, _ in passes], False
        ctx.set(dut.start, 1)
        while todo or running or len(log) < 3:
            room = rng.random() >= crowded
            ctx.set(dut.room, room)
            available = ctx.get(dut.available)
            go = bool(todo and available and rng.random() >= pause and log)
            ctx.set(dut.go, go)
            handed = todo.pop(0) if go else None
            if go:
                ctx.set(dut.again, handed.get("again", 0))
                ctx.set(dut.column_set, handed.get("column_set", 0))
                ctx.set(dut.fields, layout.encode(op=Opcode.PASS, **{
                    name: value for name, value in handed.items() if name not in ("again", "column_set")}))
            log.append({"go": handed, "room": room} | {name: plain(ctx.get(getattr(dut, name))) for name in (
                "available", "beat", "raw_beat", "result", "running", "row", "column")})
            running = go or not available
            await ctx.tick()
            ctx.set(dut.start, 0)
        log.append({name: plain(ctx.get(getattr(dut, name))) for name in ("row", "column")})

    simulate(dut, bench, cycles=40 * sum(len(beats) for _, beats in passes) + 1000)
    return log


def check(config, passes, log):
    """Every cycle against the model: a beat comes unless the way out is taken, its tokens a cycle later."""
    beats, raw_free, phase = [], 0, None
    for now, (cycle, later) in enumerate(zip(log, log[1:], strict=False)):
        assert cycle["available"] == (not beats or len(beats) == 1 and cycle["beat"])
        for name in ("row", "column"):
            assert later[name]["valid"] == cycle["beat"]
        if beats:
            row, column, result = beats[0]
            raw, closing = column["last"] and column["raw"], column["into_banks"]
            interval = config.columns_per_bank * (2 if column["wide"] and not column["total"] else 1)
            phase = (now - 1) % interval  # log begins with the cycle of start
            blocked = raw and (now < raw_free or not cycle["room"]) or closing and phase != 0
            assert (cycle["running"], cycle["beat"]) == (1, not blocked)
            assert (cycle["raw_beat"], cycle["result"]) == (raw and not blocked, result and not blocked)
        else:
            assert (cycle["running"], cycle["beat"], cycle["raw_beat"], cycle["result"]) == (0, 0, 0, 0)
        if cycle["beat"]:
            for name, expected in (("row", row), ("column", column)):
                assert {key: later[name][key] for key in expected if key != "into_banks"} == {
                    key: int(value) for key, value in expected.items() if key != "into_banks"}
            if raw:
                raw_free = now + config.cols
            beats.pop(0)
        f = cycle["go"]
        for name, swap, flag in (("row", "swap_weights", "load_weights"), ("row", "swap_row", "load_rows"),
                                 ("column", "swap", "load_columns")):
            assert later[name][swap] == bool(f and f[flag])
        assert not f or later["column"]["set"] == f.get("column_set", 0)
        if f:
            beats = [(row, column | {"into_banks": f["last"] and not f["raw"]}, result)
                     for row, column, result in next(b for g, b in passes if g is f)]
    assert not beats


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("pause, crowded", [(0, 0), (0.4, 0.5)], ids=["full_rate", "stalled"])
def test_random_passes(config, pause, crowded):
    rng = random.Random(config.cols)
    passes = []
    for _ in range(120):
        again = passes and rng.random() < 0.2
        passes.append(going_on(rng, config, passes[-1]) if again else random_pass(rng, config))
    passes = [(f | {"column_set": rng.randrange(2)}, beats) for f, beats in passes]
    check(config, passes, walk(config, passes, pause=pause, crowded=crowded))


@pytest.mark.parametrize("padding", [None, 0, 1])
def test_every_small_map_and_every_start(padding):
    passes = [make_pass(SQUARE, height, width, padding, start, count, last=1)
              for height in range(1, 5) for width in range(1, 5)
              for count in [len(windows(height, width, padding))] for start in range(count)]
    check(SQUARE, passes, walk(SQUARE, passes))


def test_the_largest_map():
    """Coordinates up to 1023: a row of windows at the far corner."""
    passes = [make_pass(SQUARE, *where, last=1)
              for where in ((2, 1023, 1, 480, 530), (1023, 1, None, 990, 1023), (1023, 2, 1, 500, 512))]
    check(SQUARE, passes, walk(SQUARE, passes))


def test_full_rate():
    """Passes that keep their sums follow each other without a gap: cycles = beats."""
    passes = [make_pass(SQUARE, 3, 4, None, 0, 12, first=1, planes=1) for _ in range(5)]
    log = walk(SQUARE, passes)
    issued = [t for t, cycle in enumerate(log[:-1]) if cycle["beat"]]
    assert issued == list(range(issued[0], issued[0] + 5 * 24))
    assert log[issued[0] - 1]["go"] is passes[0][0]
    assert Walker.LATENCY == 1
