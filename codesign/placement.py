"""Where every channel lives: its weight tile, column, bank and address."""

from collections.abc import Sequence
from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .banding import Segment, Visit, whole
from .distribution import bank_of, distribute, image_banks
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

    bank, addr : where the channel starts, with pixel ``origin`` of the map
    interleave, phase : it has every 2**interleave'th pixel, those with these low bits of their offset
    high : it is the high half of 8-bit pixels
    """

    k: int
    bank: int
    addr: int
    origin: int
    interleave: int = 0
    phase: int = 0
    high: bool = False


@dataclass(frozen=True)
class Placement:
    """tiles[gemm], places[(gemm, channel)], and how deep the banks get filled.

    regions : of the image
    image : (segment, number of its place) -> bank word of each region; bands take turns where there are two
    """

    config: AcceleratorConfig
    tiles: tuple[tuple[Tile, ...], ...]
    places: dict[tuple[int, int], Place]
    regions: tuple[ImageRegion, ...]
    image: dict[tuple[int, int], tuple[int, ...]]
    depth_used: int

    def feeds(self, k: int, operand: Operand, visit: Visit, width: int) -> list[Feed]:
        """Every row that must read for operand ``k``, of maps ``width`` pixels wide."""
        first_row = visit.held[operand.source].start
        if operand.source != IMAGE:
            where = self.places[operand.source, operand.channel]
            return [Feed(k, where.bank, where.addr, first_row * width)]
        region, addr = next((r, a) for r, a in zip(self.regions, self.image_at(visit), strict=True)
                            if r.first <= operand.channel < r.first + r.count)
        origin = region.first_word(first_row * width, self.config) << region.interleave
        return [Feed(k, bank, addr, origin, region.interleave, phase, high)
                for bank, phase, high in image_banks(operand.channel, region, self.config)]

    def image_at(self, visit: Visit) -> tuple[int, ...]:
        """Bank word of each region's first word of those loaded for this band."""
        return self.image.get((visit.segment, visit.band % 2)) or self.image[visit.segment, 0]


class _Allocator:
    """First-fit word ranges, one free list per bank group."""

    def __init__(self, config: AcceleratorConfig):
        self.depth = config.bank_depth
        self.live: list[list[tuple[int, int, int]]] = [[] for _ in range(config.bank_groups)]  # start, stop, last
        self.used = 0

    def release(self, now: int) -> None:
        """Forget ranges whose last reader is before ``now``."""
        self.live = [[r for r in live if r[2] >= now] for live in self.live]

    def find(self, groups: range, size: int, high: bool) -> int:
        """The lowest address with room, or the highest; beyond the end where there is none."""
        taken = sorted((start, stop) for g in groups for start, stop, _ in self.live[g])
        free, addr = [], 0
        for start, stop in [*taken, (self.depth, self.depth)]:
            if addr + size <= start:
                free.append(start - size if high else addr)
            addr = max(addr, stop)
        end = max((stop for _, stop in taken), default=0)
        return (max(free) if high else min(free)) if free else end

    def take(self, groups: range, size: int, last: int, what: str, high: bool = False) -> int:
        addr = self.find(groups, size, high)
        self.used = max(self.used, addr + size)
        if addr + size > self.depth:
            raise CodesignError(f"Accelerator bank_depth must be at least {1 << (addr + size - 1).bit_length()} words "
                                f"to hold the activations around {what}, not {self.depth}")
        for g in groups:
            self.live[g].append((addr, addr + size, last))
        return addr


class _Lives:
    """Until when each channel's place is needed."""

    def __init__(self, gemms: tuple[Gemm, ...], segments: Sequence[Segment]):
        self.segment = {index: s for s in segments for index in range(s.start, s.stop)}
        self.last: dict[tuple[int, int], int] = {}
        for index, gemm in enumerate(gemms):
            for o in gemm.operands:
                self.last[o.source, o.channel] = self.until(o.source, index)

    def until(self, source: int, reader: int) -> int:
        """Where ``reader`` runs band after band and the map is not a band of it, until the segment is done; also where
        the last band may end with ``reader``, since the next segment's image comes in meanwhile."""
        segment = self.segment[reader]
        banded = segment.count > 1 and (source == IMAGE or segment.kept(source) or segment.ragged)
        return segment.stop - 1 if banded else reader

    def of(self, gemm: int, channels: list[int]) -> int:
        """The last Gemm while which ``channels`` of ``gemm`` are needed."""
        return max([self.until(gemm, gemm), *(self.last.get((gemm, c), gemm) for c in channels)])


def place(gemms: tuple[Gemm, ...], config: AcceleratorConfig,
          segments: Sequence[Segment] | None = None) -> Placement:
    """Give every channel its tile, column, bank and address; raises where the banks are too small.

    ``segments`` : of ``gemms``, in order; all at once by default
    """
    segments = segments or whole(gemms)
    _, height, width = next(g for g in gemms if any(o.source == IMAGE for o in g.operands)).in_shape
    channels = 1 + max(o.channel for g in gemms for o in g.operands if o.source == IMAGE)
    regions = image_regions(channels, height * width, config)
    assigned, lives, allocator = distribute(gemms, config, regions), _Lives(gemms, segments), _Allocator(config)
    places: dict[tuple[int, int], Place] = {}
    image: dict[tuple[int, int], tuple[int, ...]] = {}
    tiles: dict[int, tuple[Tile, ...]] = {}

    def put(index: int, segment: Segment) -> None:
        gemm, made = gemms[index], []
        plane = segment.rows_held(index) * gemm.shape[2]
        for group, columns in assigned[index]:
            used = [c for c in range(config.cols) if columns[c] >= 0]
            addr = 0
            if not gemm.raw:
                shared = max(used) // config.rows if config.cols > config.rows else 0
                size = plane * ((gemm.out_planes - 1) * config.columns_per_bank + shared + 1)
                # Bands come and go at one end, whole maps at the other.
                addr = allocator.take(range(group, group + 1), size, lives.of(index, [columns[c] for c in used]),
                                      gemm.name, high=not segment.kept(index))
                for c in used:
                    extra = c // config.rows * plane if config.cols > config.rows else 0
                    places[index, columns[c]] = Place(bank_of(config, c, group), addr + extra)
            made.append(Tile(tuple(columns), group, addr, plane % config.bank_depth))
        tiles[index] = tuple(made)

    for number, segment in enumerate(segments):
        inside = range(segment.start, segment.stop)
        last = max((lives.until(IMAGE, i) for i in inside if gemms[i].operands[0].source == IMAGE), default=None)
        if last is not None:  # before what the last product read may be overwritten: it may still be read
            for copy in range(segment.image_copies):
                image[number, copy] = tuple(allocator.take(
                    _image_groups(config), segment.image_words(region, width, config), last, "the image",
                    high=segment.count > 1)
                    for region in regions)
        allocator.release(segment.start)
        early = [i for i in inside if segment.count > 1 and segment.kept(i)]
        for index in early:
            put(index, segment)
        for index in inside:
            allocator.release(index)
            if index not in early:
                put(index, segment)
    return Placement(config, tuple(tiles[i] for i in range(len(gemms))), places, tuple(regions), image,
                     allocator.used)


def _image_groups(config: AcceleratorConfig) -> range:
    first_group = (config.rows - config.load_lanes) // config.cols if config.bank_groups > 1 else 0
    return range(first_group, config.bank_groups)
