"""Which parts of a network run in bands, and in how many: the fastest way that fits the banks."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from .accelerator import AcceleratorConfig
from .banding import Segment
from .gemm import IMAGE, Gemm
from .image import image_regions
from .integer import W_BITS

__all__ = ["plans"]

BUDGETS = (1.0, 0.97, 0.94, 0.9, 0.85, 0.8, 0.7, 0.6)  # of the banks, since what fits is only estimated here
OVERHEAD = 150  # cycles from one product's last pixel to the next one's first, where it has to wait for it


class _Estimates:
    """How deep the banks get filled by a segment, and how long it takes: roughly, from its first two bands."""

    def __init__(self, gemms: tuple[Gemm, ...], config: AcceleratorConfig):
        self.gemms, self.config = gemms, config
        self.tiles = [-(-g.out_channels // config.cols) for g in gemms]
        last = {(o.source, o.channel): index for index, gemm in enumerate(gemms) for o in gemm.operands}
        self.last = [np.array([last.get((i, c), i) for c in range(g.out_channels)]) for i, g in enumerate(gemms)]
        self.image_readers = [i for i, g in enumerate(gemms) if g.operands[0].source == IMAGE]
        self.alive, self.image, self.before = cache(self._alive), cache(self._image), cache(self._before)

    def _alive(self, index: int, now: int) -> int:
        """Channels of a map that are read from ``now`` on."""
        return int((self.last[index] >= now).sum())

    def words(self, index: int, rows: int, now: int = 0) -> int:
        """Bank words of that many rows of those channels of a map that are read from ``now`` on."""
        gemm, config = self.gemms[index], self.config
        channels = self.alive(index, now)
        if gemm.raw or not channels:
            return 0
        sharing = -(-min(config.cols, channels) // config.rows)
        per_tile = (gemm.out_planes - 1) * config.columns_per_bank + sharing
        return -(-channels // (config.cols * config.bank_groups)) * per_tile * rows * gemm.shape[2]

    def _image(self, rows: int, width: int) -> int:
        channels = len({o.channel for i in self.image_readers for o in self.gemms[i].operands})
        return sum(r.words for r in image_regions(channels, rows * width, self.config))

    def _before(self, start: int) -> int:
        """Words of the maps that ``start`` finds and somebody still reads."""
        return sum(self.words(i, self.gemms[i].shape[1], start) for i in range(start))

    def depth(self, segment: Segment, rows: dict[int, int], kept: list[int]) -> int:
        held = {i: self.words(i, rows[i]) for i in segment.inside if i not in kept}
        temporary = max(sum(words for i, words in held.items() if i <= t and self.alive(i, t)) for t in segment.inside)
        readers = [i for i in self.image_readers if i in segment.inside]
        image = 0
        if readers:
            width = self.gemms[readers[0]].in_shape[2]
            image = segment.image_copies * self.image(rows[IMAGE] + 1, width)
        return (self.before(segment.start) + sum(self.words(i, self.gemms[i].shape[1]) for i in kept)
                + temporary + image)

    def alone(self, index: int) -> int:
        """Depth while ``index`` runs for all of its rows."""
        image = [i for i in self.image_readers if i >= index]
        words = self.image(*self.gemms[image[0]].in_shape[1:]) if image and index <= image[-1] else 0
        return self.before(index) + self.words(index, self.gemms[index].shape[1]) + words

    def cycles(self, index: int, rows: int) -> int:
        gemm, config = self.gemms[index], self.config
        groups = 1 if gemm.identity else -(-len(gemm.operands) // config.rows)
        digits = -(-gemm.weight_bits // W_BITS)
        pixels = rows * gemm.windows.columns * gemm.windows.step**2 * gemm.planes
        return self.tiles[index] * groups * digits * max(pixels, config.rows // config.weight_rows)


def _best(gemms: tuple[Gemm, ...], estimates: _Estimates, budget: float) -> tuple[Segment, ...] | None:
    """The partition of least cycles whose segments fit ``budget`` words, by dynamic programming; None if none does."""
    best: list[tuple[int, tuple[Segment, ...]] | None] = [(0, ()), *[None] * len(gemms)]

    def offer(segment: Segment, cycles: int) -> None:
        so_far = best[segment.start]
        assert so_far is not None
        now = best[segment.stop]
        if now is None or so_far[0] + cycles < now[0]:
            best[segment.stop] = so_far[0] + cycles, (*so_far[1], segment)

    for start in range(len(gemms)):
        if best[start] is None:
            continue
        if estimates.alone(start) <= budget:
            offer(Segment(gemms, start, start + 1), estimates.cycles(start, gemms[start].shape[1]))
        for stop in range(start + 1, len(gemms) + 1):
            if gemms[stop - 1].total or gemms[stop - 1].raw:
                break
            halves = Segment(gemms, start, stop, 2)
            kept = [i for i in halves.inside if halves.kept(i)]
            if estimates.before(start) + sum(estimates.words(i, gemms[i].shape[1]) for i in kept) > budget:
                continue
            height = min(gemms[i].shape[1] for i in kept)
            for count in sorted({-(-height // each) for each in range(1, height)}):
                segment = Segment(gemms, start, stop, count)
                done = {i: range(0) for i in kept}, {i: segment.share(i, 0) for i in kept}
                two = [segment.computed(band, before) for band, before in enumerate(done)]
                rows = {i: max(len(band.get(i, ())) for band in two) for i in (IMAGE, *segment.inside)}
                if estimates.depth(segment, rows, kept) <= budget:
                    offer(segment, count * sum(OVERHEAD + estimates.cycles(i, rows[i]) for i in segment.inside))
                    break
    found = best[-1]
    return found[1] if found else None


def _joined(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Neighbours that run at once as one."""
    result: list[Segment] = []
    for segment in segments:
        if result and result[-1].count == segment.count == 1:
            segment = Segment(segment.gemms, result.pop().start, segment.stop)
        result.append(segment)
    return tuple(result)


def plans(gemms: tuple[Gemm, ...], config: AcceleratorConfig) -> Iterator[tuple[Segment, ...]]:
    """Ways to run ``gemms`` in bands, the fastest first, that are likely to fit."""
    estimates, seen = _Estimates(gemms, config), set()
    for share in BUDGETS:
        found = _best(gemms, estimates, share * config.bank_depth)
        key = [(s.start, s.stop, s.count) for s in found or ()]
        if found and str(key) not in seen:
            seen.add(str(key))
            yield _joined(found)
