import dataclasses
import itertools
from collections import defaultdict

import numpy as np
import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.errors import CodesignError
from codesign.gemm import IMAGE
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear, Shift
from codesign.network import load_network
from codesign.schedule import Load, Pass, row_address, schedule
from codesign.timing import drain
from codesign.windows import Windows
from tests.random_graphs import CONFIGS, random_graph

ROOMY = [dataclasses.replace(config, bank_depth=1 << 15) for config in CONFIGS]


def classifier(height, width, channels=1, outs=3):
    builder = GraphBuilder((channels, height, width))
    builder.add("conv", Conv(out_channels=outs), 0)
    builder.add("average", GlobalAverage(), 1)
    builder.add("linear", Linear(out_channels=2), 2)
    return builder.graph()


@pytest.fixture(params=ROOMY, ids=lambda c: c.name)
def config(request):
    return request.param


@pytest.fixture(params=range(6))
def plan(request, config):
    return schedule(random_graph(np.random.default_rng(request.param)), config)


def test_every_product_is_computed_once(plan):
    """Each operand once with each window of each output tile; sums start with the first and end with the last."""
    done, sums = defaultdict(list), defaultdict(list)
    for p in plan.passes:
        gemm, f = plan.gemms[p.gemm], p.fields
        windows = Windows(*gemm.in_shape[1:], gemm.padding)
        start, stop = p.start, p.start + f["windows"]
        assert windows.corner(start) == (f["x_first"], f["y_first"])
        assert p.pixels == windows.pixels(start, stop) and p.beats == p.pixels * gemm.planes
        used = {c for c in plan.placement.tiles[p.gemm][p.tile].channels if c >= 0}
        for feed in filter(None, p.feeds):
            weight = 16 if feed.high else 1
            assert f["scale"] - p.digit == (feed.high and not plan.config.wide_rows)
            done[p.gemm, p.tile, p.digit, feed.k, feed.phase, weight].append((start, stop))
        sums[p.gemm, p.tile, start, stop].append((f["first"], f["last"], f["acc_addr"], p.pixels))
        if gemm.identity:
            assert {feed.k for feed in p.feeds if feed} <= used
    for index, gemm in enumerate(plan.gemms):
        count = Windows(*gemm.in_shape[1:], gemm.padding).count
        for t, tile in enumerate(plan.placement.tiles[index]):
            for k in [c for c in tile.channels if c >= 0] if gemm.identity else range(len(gemm.operands)):
                feeds = plan.placement.feeds(k, gemm.operands[k], plan.visits[index], gemm.in_shape[2])
                for feed, digit in itertools.product(feeds, range(2 if gemm.weight_bits == 8 else 1)):
                    edges = sorted(done[index, t, digit, k, feed.phase, 16 if feed.high else 1])
                    assert edges[0][0] == 0 and edges[-1][1] == count
                    assert all(a[1] == b[0] for a, b in zip(edges, edges[1:], strict=False))
                assert {feed.high for feed in feeds} == ({False, True} if gemm.operands[k].source == IMAGE else {False})
    for passes in sums.values():
        assert [first for first, *_ in passes] == [True] + [False] * (len(passes) - 1)
        assert [last for _, last, *_ in passes] == [False] * (len(passes) - 1) + [True]
        assert len({acc_addr for *_, acc_addr, _ in passes}) == 1


def test_a_pass_reads_each_bank_once_where_its_operand_is(plan):
    config = plan.config
    for p in plan.passes:
        gemm = plan.gemms[p.gemm]
        for r, feed in enumerate(p.feeds):
            if feed:
                assert feed.bank == r and feed in plan.placement.feeds(
                    feed.k, gemm.operands[feed.k], plan.visits[p.visit], gemm.in_shape[2])
                # A high half counts sixteenfold by itself in a wide row, or with all others of its pass.
                assert not feed.high or p.fields["scale"] == 1 + p.digit or r >= config.rows - config.wide_rows


def test_the_image_is_there_before_it_is_read(plan):
    """Words come in order, each once, and all of a pass's pixels before it."""
    loaded = dict.fromkeys(plan.placement.regions, 0)
    for step in plan.steps:
        if isinstance(step, Load):
            assert step.first == loaded[step.region] and step.fields["words"] == step.count
            loaded[step.region] += step.count
            continue
        gemm, f = plan.gemms[step.gemm], step.fields
        windows = Windows(*gemm.in_shape[1:], gemm.padding)
        last_line = windows.corner(step.start + f["windows"] - 1)[1] + windows.step - 1
        for feed in filter(None, step.feeds):
            operand = gemm.operands[feed.k]
            if operand.source == IMAGE:
                region = next(r for r in loaded if r.first <= operand.channel < r.first + r.count)
                line = min(gemm.in_shape[1] - 1, last_line + operand.dy)
                pixels = (line + 1) * gemm.in_shape[2]  # the last one's index, plus one
                assert loaded[region] << region.interleave >= pixels
    assert all(words <= region.words for region, words in loaded.items())


def test_accumulators_are_not_shared_between_sums_in_progress(plan):
    """Replay: an accumulator is only added to by the tile and pixel that it was started for."""
    owner = {}
    for p in plan.passes:
        for i in range(p.pixels):
            at, who = p.fields["acc_addr"] + i, (p.gemm, p.tile, p.start, i)
            if not p.fields["first"]:
                assert owner[at] == who
            if not p.fields["last"]:
                assert at < plan.config.acc_depth
                owner[at] = who


def test_blocks_are_there_when_needed(plan):
    """Weights, descriptors and parameters in force are those of the pass, and none is sent twice in a row."""
    weights = rows = columns = None
    marked = []
    for p in plan.passes:
        gemm, f = plan.gemms[p.gemm], p.fields
        wanted = (p.gemm, p.tile, p.digit, [feed and feed.k for feed in p.feeds])
        assert f["load_weights"] == (weights != wanted)
        weights = wanted
        reads = [feed and (row_address(feed, gemm.operands[feed.k], gemm, plan.config), feed.interleave, feed.phase,
                           gemm.operands[feed.k][2:]) for feed in p.feeds]
        assert f["load_rows"] or rows == reads
        rows = reads
        if f["load_columns"]:
            columns = p.gemm, p.tile
        assert not f["last"] or columns == (p.gemm, p.tile)
        marked += [p.gemm] if f["mark"] else []
    assert marked == list(range(len(plan.gemms)))


def test_results_are_in_the_banks_before_they_are_read(plan):
    """Without a fence, the last pixel read comes at least ``drain`` beats after its result's."""
    depth, now = drain(plan.config), 0
    written, fenced_at = {}, 0
    for p in plan.passes:
        gemm = plan.gemms[p.gemm]
        for source in {gemm.operands[feed.k].source for feed in p.feeds if feed} - {IMAGE}:
            last = written[source]
            width = gemm.in_shape[2]
            # The map's last word is first read by a window at its end, less what a shift and a 2x2 window reach ahead.
            reach = max(1, *(abs(d) for o in gemm.operands for d in o[2:]))
            ahead = p.pixels - (reach + 1) * width - reach - 3 if p.pixels == gemm.in_shape[1] * width else 0
            assert p.fields["fence"] or fenced_at > last or now + max(0, ahead) - last >= depth
        if p.fields["fence"]:
            fenced_at = now + 1
        now += p.beats
        written[p.gemm] = now


def test_a_pass_by_hand():
    """5x4 image of one channel, 3 outputs, 4x4 array of which 2 rows are wide: one pass over 20 pixels."""
    plan = schedule(classifier(5, 4), dataclasses.replace(PRESETS["tiny"], wide_rows=2))
    load, conv, linear = plan.steps  # two pixels a word
    assert load.fields == dict(base=0, words=10)
    assert [(feed.bank, feed.phase, feed.high) for feed in conv.feeds] == [
        (0, 0, False), (1, 1, False), (2, 0, True), (3, 1, True)]
    assert (conv.pixels, conv.beats) == (20, 20)
    assert conv.fields == dict(
        mark=True, load_weights=True, load_rows=True, load_columns=True, fence=False, first=True, last=True, raw=False,
        pool=False, sum=True, sum_first=True, sum_last=True, out_planes=2, out_wide=False, planes=0, plane_stride=20,
        x_first=0, y_first=0, x_left=0, x_last=3, width=4, height=5, row_addr=0, window_addr=0, windows=20, acc_addr=0,
        scale=0, out_addr=10, out_stride=1, out_group=0)
    assert linear.fields["fence"] and linear.fields["raw"] and linear.beats == 3 and linear.fields["windows"] == 1


def test_without_wide_rows_high_halves_take_a_pass_of_their_own():
    _, low, high, _ = schedule(classifier(5, 4), PRESETS["tiny"]).steps
    assert [(p.fields["scale"], p.fields["first"], p.fields["last"]) for p in (low, high)] == [
        (0, True, False), (1, False, True)]


def test_shifts_become_addresses():
    builder = GraphBuilder((1, 4, 6))
    builder.add("stem", Conv(out_channels=3), 0)
    builder.add("shift", Shift(offsets=((-1, 0), (0, 1), (1, -1))), 1)
    builder.add("conv", Conv(out_channels=3), 2)
    builder.add("average", GlobalAverage(), 3)
    builder.add("linear", Linear(out_channels=2), 4)
    plan = schedule(builder.graph(), PRESETS["tiny"])
    gemm, start = plan.gemms[1], plan.placement.tiles[0][0].addr
    feeds = [plan.placement.feeds(k, o, plan.visits[0], gemm.in_shape[2])[0] for k, o in enumerate(gemm.operands)]
    addresses = [row_address(feed, o, gemm, plan.config) for feed, o in zip(feeds, gemm.operands, strict=True)]
    assert addresses == [start - 1, start + 6, start - 6 + 1]


def test_a_map_that_its_fields_cannot_express():
    wide = AcceleratorConfig(rows=4, cols=4, bank_depth=1 << 17, acc_depth=16, bus_bits=64)
    assert schedule(classifier(1, 1023), wide).passes
    with pytest.raises(CodesignError, match=r"^input: map must be at most 1023 pixels wide and high, not 1x1024$"):
        schedule(classifier(1, 1024), wide)


def test_repetitions_differ_in_nothing_but_addresses_that_go_on(plan):
    """And none is left that an instruction before could have announced."""
    left, before = 0, None
    for step in plan.steps:
        if isinstance(step, Pass) and step.again:
            f, p = step.fields, before.fields
            assert left > 0 and f["load_weights"] and not (f["load_rows"] or f["fence"] or f["mark"] or f.get("repeat"))
            assert step.gemm == before.gemm and f["acc_addr"] == p["acc_addr"] + before.pixels
            if step.writes:
                assert f["out_addr"] == (p["out_addr"] + (0 if f["sum"] else f["windows"])) % plan.config.bank_depth
            left -= 1
        else:
            assert left == 0
            left = step.fields.get("repeat", 0) if isinstance(step, Pass) else 0
        before = step
    assert left == 0


def test_tiles_of_a_small_map_are_one_instruction_for_each_group_of_operands():
    """DiracDeltaNet's last convolution on 32x32: 15 groups of operands for each of two batches of tiles."""
    plan = schedule(load_network("diracdeltanet-116").graph(), PRESETS["ultra96"])
    conv = [p for p in plan.passes if plan.gemms[p.gemm].name == "conv2"]
    assert len(conv) == 15 * 32
    assert sum(not p.again for p in conv) == 2 * 14 + 32  # complete sums go to places of their own
