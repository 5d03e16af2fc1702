"""Where every channel lives: its weight tile, column, bank and address.

Column c writes bank ``group*cols + c`` (rows > cols) or ``c mod rows``; which channel sits in which column
is free. A consumer reads one channel per bank and cycle, so a set of operands that is spread evenly over the
banks needs the fewest passes. What cannot be balanced costs an extra pass, never a wrong answer.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from .accelerator import AcceleratorConfig
from .errors import CodesignError
from .gemm import IMAGE, Gemm, Operand
from .image import ImageRegion, image_regions

__all__ = ["Feed", "Place", "Placement", "Tile", "place"]


@dataclass(frozen=True)
class Tile:
    """Up to ``cols`` output channels of one Gemm computed at once.

    channels : output channel per column, -1 where the column is unused
    group : set of banks written
    addr, stride : bank word of the first result, and words of one plane of a channel: the distance between columns
        sharing a bank. Plane p of all of them follows p * columns_per_bank * stride on
    """

    channels: tuple[int, ...]
    group: int
    addr: int
    stride: int


@dataclass(frozen=True)
class Place:
    """A channel's home: bank and word address of its first pixel."""

    bank: int
    addr: int


@dataclass(frozen=True)
class Feed:
    """What a row reads during a pass: operand ``k`` of its Gemm, or one half of it.

    bank, addr : where the channel starts
    interleave, phase : it has every 2**interleave'th pixel, those with these low bits of their offset
    high : it is the high half of 8-bit pixels
    """

    k: int
    bank: int
    addr: int
    interleave: int = 0
    phase: int = 0
    high: bool = False


@dataclass(frozen=True)
class Placement:
    """tiles[gemm], places[(gemm, channel)], (region of the image, its bank word), and how deep the banks get filled."""

    config: AcceleratorConfig
    tiles: tuple[tuple[Tile, ...], ...]
    places: dict[tuple[int, int], Place]
    image: tuple[tuple[ImageRegion, int], ...]
    depth_used: int

    def feeds(self, k: int, operand: Operand) -> list[Feed]:
        """Every row that must read for operand ``k``."""
        if operand.source != IMAGE:
            where = self.places[operand.source, operand.channel]
            return [Feed(k, where.bank, where.addr)]
        return _image_feeds(k, operand.channel, self.image, self.config)


def _image_feeds(k: int, channel: int, image: tuple[tuple[ImageRegion, int], ...],
                 config: AcceleratorConfig) -> list[Feed]:
    region, addr = next((r, a) for r, a in image if r.first <= channel < r.first + r.count)
    first_bank = config.rows - config.load_lanes
    return [Feed(k, first_bank + region.lane(channel, phase, high, config), addr, region.interleave, phase, high)
            for phase in range(1 << region.interleave) for high in (False, True)]


class _Allocator:
    """First-fit word ranges, one free list per bank group."""

    def __init__(self, config: AcceleratorConfig):
        self.depth = config.bank_depth
        self.live: list[list[tuple[int, int, int]]] = [[] for _ in range(config.bank_groups)]  # start, stop, last
        self.used = 0

    def release(self, now: int) -> None:
        """Forget ranges whose last reader is before ``now``."""
        self.live = [[r for r in live if r[2] >= now] for live in self.live]

    def find(self, groups: range, size: int) -> int:
        taken = sorted((start, stop) for g in groups for start, stop, _ in self.live[g])
        addr = 0
        for start, stop in taken:
            if addr + size <= start:
                break
            addr = max(addr, stop)
        return addr

    def take(self, groups: range, size: int, last: int, what: str) -> int:
        addr = self.find(groups, size)
        self.used = max(self.used, addr + size)
        if addr + size > self.depth:
            raise CodesignError(f"Accelerator bank_depth must be at least {1 << (addr + size - 1).bit_length()} words "
                                f"to hold the activations around {what}, not {self.depth}")
        for g in groups:
            self.live[g].append((addr, addr + size, last))
        return addr


def _bank(config: AcceleratorConfig, column: int, group: int) -> int:
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
    free: dict[int, list[tuple[int, int]]] = defaultdict(list)  # bank -> (tile, column), first tiles first
    for t, group in enumerate(chosen):
        for column in range(width[group]):
            free[_bank(config, column, group)].append((t, column))
    result = [[-1] * config.cols for _ in chosen]
    nobody = np.zeros(config.rows)
    for channel in sorted(range(gemm.out_channels), key=lambda c: (-len(readers[c]), readers[c], c)):
        cost = sum((load[r] for r in readers[channel]), nobody)
        bank = min(free, key=lambda b: (cost[b], free[b][0]))
        t, column = free[bank].pop(0)
        if not free[bank]:
            del free[bank]
        result[t][column] = channel
        for r in readers[channel]:
            load[r][bank] += 1
    kept = [(g, columns) for g, columns in zip(chosen, result, strict=True) if any(c >= 0 for c in columns)]
    return kept


def _assign_copy(gemm: Gemm, config: AcceleratorConfig, readers: dict[int, list[int]], load: dict[int, np.ndarray],
                 places: dict[tuple[int, int], Place]) -> list[tuple[int, list[int]]]:
    """The tiles of an identity: every channel stays in its bank, so that a tile's operands meet in few passes and
    readers find the copies spread as the originals were."""
    queues: dict[int, list[int]] = defaultdict(list)
    for channel, o in enumerate(gemm.operands):
        bank = places[o.source, o.channel].bank
        queues[bank].append(channel)
        for r in readers[channel]:
            load[r][bank] += 1
    made = []
    for group in range(config.bank_groups):
        columns = [c for c in range(config.cols) if group * config.cols + c < config.rows or config.bank_groups == 1]
        while any(queues[_bank(config, c, group)] for c in columns):
            tile = [-1] * config.cols
            for c in columns:
                queue = queues[_bank(config, c, group)]
                if queue:
                    tile[c] = queue.pop(0)
            made.append((group, tile))
    return made


def place(gemms: tuple[Gemm, ...], config: AcceleratorConfig) -> Placement:
    """Give every channel its tile, column, bank and address; raises where the banks are too small."""
    allocator = _Allocator(config)
    readers: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, gemm in enumerate(gemms):
        for o in gemm.operands:
            if index not in readers[o.source, o.channel]:
                readers[o.source, o.channel].append(index)
    last_read = {source: max((max(r) for (s, _), r in readers.items() if s == source), default=IMAGE)
                 for source in range(IMAGE, len(gemms))}
    load: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(config.rows))
    places: dict[tuple[int, int], Place] = {}
    image = _place_image(gemms, config, allocator, last_read[IMAGE])
    for (source, channel), its_readers in readers.items():
        if source == IMAGE:
            for feed in _image_feeds(0, channel, image, config):
                for r in its_readers:
                    load[r][feed.bank] += 1
    tiles: list[tuple[Tile, ...]] = []
    for index, gemm in enumerate(gemms):
        allocator.release(index)
        by_channel = {c: readers[index, c] for c in range(gemm.out_channels)}
        made = []
        copied = gemm.identity and gemm.operands[0].source != IMAGE
        assigned = (_assign_copy(gemm, config, by_channel, load, places) if copied
                    else _assign(gemm, config, by_channel, load))
        for group, columns in assigned:
            plane = gemm.shape[1] * gemm.shape[2]
            used = [c for c in range(config.cols) if columns[c] >= 0]
            addr = 0
            if not gemm.raw:
                shared = max(used) // config.rows if config.cols > config.rows else 0
                size = plane * ((gemm.out_planes - 1) * config.columns_per_bank + shared + 1)
                last = max((max(by_channel[columns[c]], default=index) for c in used), default=index)
                addr = allocator.take(range(group, group + 1), size, last, gemm.name)
                for c in used:
                    extra = c // config.rows * plane if config.cols > config.rows else 0
                    places[index, columns[c]] = Place(_bank(config, c, group), addr + extra)
            made.append(Tile(tuple(columns), group, addr, plane % config.bank_depth))
        tiles.append(tuple(made))
    return Placement(config, tuple(tiles), places, image, allocator.used)


def _place_image(gemms: tuple[Gemm, ...], config: AcceleratorConfig, allocator: _Allocator,
                 last: int) -> tuple[tuple[ImageRegion, int], ...]:
    shape = next(g for g in gemms if any(o.source == IMAGE for o in g.operands)).in_shape
    channels = 1 + max(o.channel for g in gemms for o in g.operands if o.source == IMAGE)
    first_group = (config.rows - config.load_lanes) // config.cols if config.bank_groups > 1 else 0
    groups = range(first_group, config.bank_groups)
    return tuple((region, allocator.take(groups, region.words, last, "the image"))
                 for region in image_regions(channels, shape[1] * shape[2], config))
