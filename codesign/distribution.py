"""Which channel goes through which column of which tile, and so to which bank.

Column c writes bank ``group*cols + c`` (rows > cols) or ``c mod rows``; which channel sits in which column
is free. A consumer reads one channel per bank and cycle, so a set of operands that is spread evenly over the
banks needs the fewest passes. What cannot be balanced costs an extra pass, never a wrong answer.
"""

from collections import defaultdict

import numpy as np

from .accelerator import AcceleratorConfig
from .gemm import IMAGE, Gemm
from .image import ImageRegion

__all__ = ["bank_of", "distribute", "image_banks"]


def image_banks(channel: int, region: ImageRegion, config: AcceleratorConfig) -> list[tuple[int, int, bool]]:
    """(bank, phase, is it the high half) of all that ``channel`` of the image lies in."""
    first_bank = config.rows - config.load_lanes
    return [(first_bank + region.lane(channel, phase, high, config), phase, high)
            for phase in range(1 << region.interleave) for high in (False, True)]


def bank_of(config: AcceleratorConfig, column: int, group: int) -> int:
    return group * config.cols + column if config.rows > config.cols else column % config.rows


def _assign(gemm: Gemm, config: AcceleratorConfig, readers: dict[int, list[int]],
            load: dict[int, np.ndarray]) -> list[tuple[int, list[int]]]:
    """(group, channel per column) of each tile, spreading every reader's operands over the banks.

    ``readers`` : Gemms that read each channel; ``load`` : operands per bank each reader has so far (updated).
    """
    tiles = -(-gemm.out_channels // config.cols)
    groups = config.bank_groups
    width = [min(config.cols, config.rows - g * config.cols) if groups > 1 else config.cols for g in range(groups)]
    chosen: list[int] = []
    left = gemm.out_channels
    while left:  # a narrower last group takes a tile only when that adds none
        rest = tiles - len(chosen) - 1
        able = [g for g in range(groups) if left - width[g] <= rest * config.cols]
        pressure = {g: sum(x[g * config.cols:(g + 1) * config.cols].sum() for x in load.values()) + chosen.count(g)
                    * config.cols for g in able}
        group = min(able, key=lambda g: (pressure[g], g))
        chosen.append(group)
        left -= min(width[group], left)
    fate = {c: max(readers[c], default=-1) for c in range(gemm.out_channels)}
    tiles_for = _tiles_by_fate(fate, [width[g] for g in chosen])
    free: dict[int, dict[int, list[tuple[int, int]]]] = {}  # fate -> bank -> (tile, column), first tiles first
    for end in set(fate.values()):
        free[end] = defaultdict(list)
        for t in tiles_for[end]:
            for column in range(width[chosen[t]]):
                free[end][bank_of(config, column, chosen[t])].append((t, column))
    taken: set[tuple[int, int]] = set()
    result = [[-1] * config.cols for _ in chosen]
    nobody = np.zeros(config.rows)
    for channel in sorted(range(gemm.out_channels), key=lambda c: (-len(readers[c]), readers[c], c)):
        cost = sum((load[r] for r in readers[channel]), nobody)
        places = free[fate[channel]]
        for bank in list(places):
            while places[bank] and places[bank][0] in taken:
                places[bank].pop(0)
            if not places[bank]:
                del places[bank]
        bank = min(places, key=lambda b: (cost[b], places[b][0]))
        t, column = places[bank].pop(0)
        taken.add((t, column))
        result[t][column] = channel
        for r in readers[channel]:
            load[r][bank] += 1
    kept = [(g, columns) for g, columns in zip(chosen, result, strict=True) if any(c >= 0 for c in columns)]
    return kept


def _tiles_by_fate(fate: dict[int, int], widths: list[int]) -> dict[int, range]:
    """Tiles for the channels of each last reader: of their own, if there are enough of them, so that a tile's place is
    free as soon as may be; else all."""
    made, first = {}, 0
    for end in sorted(set(fate.values())):
        left, last = sum(x == end for x in fate.values()), first
        while left > 0 and last < len(widths):
            left -= widths[last]
            last += 1
        if left > 0:
            return dict.fromkeys(fate.values(), range(len(widths)))
        made[end] = range(first, last)
        first = last
    return made


def _assign_copy(gemm: Gemm, config: AcceleratorConfig, readers: dict[int, list[int]], load: dict[int, np.ndarray],
                 banks: dict[tuple[int, int], int]) -> list[tuple[int, list[int]]]:
    """The tiles of an identity: every channel stays in its bank, so that a tile's operands meet in few passes and
    readers find the copies spread as the originals were."""
    queues: dict[int, list[int]] = defaultdict(list)
    for channel, o in enumerate(gemm.operands):
        bank = banks[o.source, o.channel]
        queues[bank].append(channel)
        for r in readers[channel]:
            load[r][bank] += 1
    made = []
    for group in range(config.bank_groups):
        columns = [c for c in range(config.cols) if group * config.cols + c < config.rows or config.bank_groups == 1]
        while any(queues[bank_of(config, c, group)] for c in columns):
            tile = [-1] * config.cols
            for c in columns:
                queue = queues[bank_of(config, c, group)]
                if queue:
                    tile[c] = queue.pop(0)
            made.append((group, tile))
    return made


def distribute(gemms: tuple[Gemm, ...], config: AcceleratorConfig,
                regions: list[ImageRegion]) -> list[list[tuple[int, list[int]]]]:
    """(group, channel per column) of every tile of every Gemm."""
    readers: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, gemm in enumerate(gemms):
        for o in gemm.operands:
            if index not in readers[o.source, o.channel]:
                readers[o.source, o.channel].append(index)
    load: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(config.rows))
    for (source, channel), its_readers in readers.items():
        if source == IMAGE:
            region = next(r for r in regions if r.first <= channel < r.first + r.count)
            for bank, _, _ in image_banks(channel, region, config):
                for r in its_readers:
                    load[r][bank] += 1
    banks: dict[tuple[int, int], int] = {}
    made = []
    for index, gemm in enumerate(gemms):
        by_channel = {c: readers[index, c] for c in range(gemm.out_channels)}
        copied = gemm.identity and gemm.operands[0].source != IMAGE
        made.append(_assign_copy(gemm, config, by_channel, load, banks) if copied
                    else _assign(gemm, config, by_channel, load))
        banks |= {(index, m): bank_of(config, c, group)
                  for group, columns in made[-1] for c, m in enumerate(columns) if m >= 0}
    return made
