import dataclasses
import re
from collections import defaultdict

import numpy as np
import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.banding import whole
from codesign.errors import CodesignError
from codesign.gemm import IMAGE
from codesign.graph import Concat, Conv, GlobalAverage, GraphBuilder, Linear, Slice
from codesign.lowering import lower
from codesign.network import diracdeltanet
from codesign.placement import place
from tests.random_graphs import CONFIGS, random_graph

ROOMY = [dataclasses.replace(config, bank_depth=1 << 15) for config in CONFIGS]


def check(gemms, placement, config):
    """Every channel has one home, which its column can write, and nobody else's while it is needed."""
    last_read = {(o.source, o.channel): index for index, gemm in enumerate(gemms) for o in gemm.operands}
    homes = defaultdict(list)  # bank -> (first word, words, written, last read, what)
    for index, gemm in enumerate(gemms):
        tiles = placement.tiles[index]
        assert sorted(c for tile in tiles for c in tile.channels if c >= 0) == list(range(gemm.out_channels))
        for tile in tiles:
            assert len(tile.channels) == config.cols and any(c >= 0 for c in tile.channels)
        if gemm.raw:
            continue
        words = gemm.shape[1] * gemm.shape[2]
        for tile in tiles:
            for column, channel in enumerate(tile.channels):
                if channel < 0:
                    continue
                home = placement.places[index, channel]
                if config.rows > config.cols:
                    assert (home.bank, home.addr) == (tile.group * config.cols + column, tile.addr)
                else:
                    assert (home.bank, home.addr) == (
                        column % config.rows, tile.addr + column // config.rows * tile.stride)
                for plane in range(gemm.out_planes):
                    homes[home.bank].append((home.addr + plane * config.columns_per_bank * words, words, index,
                                             last_read.get((index, channel), index), (gemm.name, channel, plane)))
    last = max(index for (source, _), index in last_read.items() if source == IMAGE)
    (segment,), width = whole(gemms), next(g.in_shape[2] for g in gemms if g.operands[0].source == IMAGE)
    for region, addr in zip(placement.regions, placement.image[0, 0], strict=True):
        for lane in range(config.load_lanes):  # those that hold nothing are written, too
            homes[config.rows - config.load_lanes + lane].append((
                addr, segment.image_words(region, width, config), IMAGE, last, region))
    for bank, inhabitants in homes.items():
        assert 0 <= bank < config.rows
        for i, (addr, words, first, last, who) in enumerate(inhabitants):
            assert addr + words <= placement.depth_used <= config.bank_depth
            for other_addr, other_words, other_first, other_last, other in inhabitants[:i]:
                apart = addr >= other_addr + other_words or other_addr >= addr + words
                assert apart or first > other_last or other_first > last, (who, other)


@pytest.mark.parametrize("config", ROOMY, ids=lambda c: c.name)
@pytest.mark.parametrize("seed", range(8))
def test_random_networks(config, seed):
    gemms = lower(random_graph(np.random.default_rng(seed)))
    check(gemms, place(gemms, config), config)


def test_diracdeltanet_spreads_evenly():
    """Its halves and quarters need no pass more than ceil(K / rows), at base 128, on 32 rows."""
    config = PRESETS["ultra96"]
    gemms = lower(diracdeltanet(128, resolution=64, classes=10).graph())
    placement = place(gemms, config)
    check(gemms, placement, config)
    for gemm, visit in zip(gemms, whole(gemms)[0].visits(0), strict=True):
        banks = [feed.bank for k, o in enumerate(gemm.operands)
                 for feed in placement.feeds(k, o, visit, gemm.in_shape[2])]
        assert np.bincount(banks).max() == -(-len(gemm.operands) // config.rows), gemm.name


def test_halves_of_a_map_are_spread_each():
    """8 channels on 4 rows, of which each half is read alone: one pass for each."""
    builder = GraphBuilder((1, 2, 2))
    builder.add("a", Conv(out_channels=8), 0)
    builder.add("low", Slice(start=0, stop=4), 1)
    builder.add("high", Slice(start=4, stop=8), 1)
    builder.add("b", Conv(out_channels=4), 2)
    builder.add("c", Conv(out_channels=4), 3)
    builder.add("all", Concat(), 4, 5)
    builder.add("average", GlobalAverage(), 6)
    builder.add("linear", Linear(out_channels=2), 7)
    gemms = lower(builder.graph())
    for cols in (4, 8):
        config = AcceleratorConfig(rows=4, cols=cols, bank_depth=256, acc_depth=16, bus_bits=64)
        places = place(gemms, config).places
        for half in (range(4), range(4, 8)):
            assert {places[0, c].bank for c in half} == {0, 1, 2, 3}


def test_banks_that_are_too_small():
    gemms = lower(diracdeltanet(16, resolution=64, classes=10).graph())
    config = dataclasses.replace(PRESETS["tiny"], bank_depth=4096)
    message = r"^Accelerator bank_depth must be at least (\d+) words to hold the activations around [\w. ]+, not 4096$"
    with pytest.raises(CodesignError, match=message) as e:
        place(gemms, config)
    needed = int(re.match(message, str(e.value))[1])
    assert needed > 4096 and needed & needed - 1 == 0
