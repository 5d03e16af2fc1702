"""Maps larger than the banks: parts of a network are run band after band of rows.

Where the maps around a product do not fit, a segment of consecutive products runs for some rows of its results, then
for the next ones. Inside a segment only a band of each map is held; the rows that two bands share (the halo of shifts,
k x k convolutions and pools) are computed twice, or, of the image, loaded twice: nothing is written to memory and read
back (as in Alwani et al., Fused-Layer CNN Accelerators, MICRO 2016). A map that is read after its segment is held
whole, and each of its rows computed once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .accelerator import AcceleratorConfig
from .gemm import IMAGE, Gemm
from .image import ImageRegion

__all__ = ["Rows", "Segment", "Visit", "whole"]

Rows = dict[int, range]  # of each Gemm's result, and of the image


def _hull(a: range | None, b: range) -> range:
    if not a or not b:
        return a or b
    return range(min(a.start, b.start), max(a.stop, b.stop))


def _rows_read(gemm: Gemm, rows: range) -> dict[int, range]:
    """Rows of each map that ``gemm`` reads for ``rows`` of its result."""
    windows, height = gemm.windows, gemm.in_shape[1]
    visited = (range(height) if gemm.total else range(windows.first + windows.step * rows.start,
                                                      windows.first + windows.step * rows.stop))
    return {source: range(max(0, visited.start + offsets.start), min(height, visited.stop + offsets.stop - 1))
            for source, offsets in gemm.reach.items()}


@dataclass(frozen=True)
class Visit:
    """One product computed for some rows of its result: ``rows[gemm]``.

    held : rows of every map there is, the first one's at the start of its place in the banks
    room : rows that this place has room for
    """

    gemm: int
    rows: range
    segment: int
    band: int
    held: Rows
    room: dict[int, int]


class Segment:
    """Products start..stop-1 of ``gemms``, in ``count`` bands."""

    def __init__(self, gemms: tuple[Gemm, ...], start: int, stop: int, count: int = 1):
        self.gemms, self.start, self.stop, self.count = gemms, start, stop, count

    @cached_property
    def inside(self) -> range:
        return range(self.start, self.stop)

    @cached_property
    def _passing(self) -> set[int]:
        """Maps that are read within this segment and not after it."""
        inside = {source for index in self.inside for source in self.gemms[index].reach}
        return inside - {source for gemm in self.gemms[self.stop:] for source in gemm.reach}

    def kept(self, gemm: int) -> bool:
        """Its map is held whole: it comes from before, or is read after this segment, or there is but one band."""
        return gemm != IMAGE and (self.count == 1 or gemm < self.start or gemm not in self._passing)

    def share(self, gemm: int, band: int) -> range:
        """Rows of a whole map that ``band`` has to add: as many as any other, the last ones fewer."""
        height = self.gemms[gemm].shape[1]
        each = -(-height // self.count)
        return range(min(height, each * band), min(height, each * (band + 1)))

    def computed(self, band: int, done: Rows) -> Rows:
        """Rows of each map that ``band`` computes (of the image: loads); of whole maps, ``done`` is there."""
        rows: Rows = {}
        for index in reversed(self.inside):
            if self.kept(index):
                needed = _hull(rows.get(index), self.share(index, band))
                rows[index] = range(done[index].stop, max(done[index].stop, needed.stop))
            if rows.get(index):
                for source, read in _rows_read(self.gemms[index], rows[index]).items():
                    if source == IMAGE or source >= self.start:
                        rows[source] = _hull(rows.get(source), read)
        return rows

    @cached_property
    def bands(self) -> list[tuple[Rows, Rows]]:
        """Of each band: rows computed, and rows held, of each map."""
        done = {index: range(0) for index in self.inside}
        result = []
        for band in range(self.count):
            rows = self.computed(band, done)
            done |= {index: range(rows[index].stop) for index in self.inside if self.kept(index)}
            result.append((rows, {index: range(self.gemms[index].shape[1]) if self.kept(index) else r
                                  for index, r in rows.items()}))
        return result

    def rows_held(self, gemm: int) -> int:
        """The most rows of ``gemm``'s map that are held at a time. Maps that one product reads plane by plane, plane
        p of all of them at the same distance, are given equal room."""
        if gemm < self.start or self.kept(gemm):
            return self.gemms[gemm].shape[1]
        return max(len(held.get(other, range(0))) if not self.kept(other) else self.gemms[other].shape[1]
                   for other in self.alike(gemm) for _, held in self.bands)

    def alike(self, gemm: int) -> set[int]:
        """Maps that must have the room that ``gemm``'s has."""
        found, before = {gemm}, set[int]()
        while found != before:
            before = set(found)
            for reader in self.gemms[self.start:self.stop]:
                sources = set(reader.reach)
                if reader.planes > 1 and sources & found:
                    found |= sources
        return found

    @property
    def ragged(self) -> bool:
        """Its last bands have no rows of its last product left to compute, and end with another one."""
        return self.count > 1 and not self.share(self.stop - 1, self.count - 1)

    @property
    def image_copies(self) -> int:
        """Places of the image: two where a band's image may come in while the one before is still read."""
        last = self.inside if self.ragged else self.inside[-1:]
        return 2 if self.count > 1 and any(self.gemms[i].operands[0].source == IMAGE for i in last) else 1

    def image_words(self, region: ImageRegion, width: int, config: AcceleratorConfig) -> int:
        """The most words of ``region`` that are held at a time."""
        return max(region.words_for(held[IMAGE].stop * width, config)
                   - region.first_word(held[IMAGE].start * width, config)
                   for _, held in self.bands if IMAGE in held)

    def visits(self, number: int) -> Iterator[Visit]:
        """In order; ``number`` is the segment's."""
        before = {source: range(self.gemms[source].shape[1]) for source in range(self.start)}
        room = {source: self.rows_held(source) for source in range(self.stop)}
        for band, (rows, held) in enumerate(self.bands):
            for gemm in range(self.start, self.stop):
                if rows.get(gemm):
                    yield Visit(gemm, rows[gemm], number, band, before | held, room)


def whole(gemms: tuple[Gemm, ...]) -> tuple[Segment, ...]:
    """Everything at once."""
    return (Segment(gemms, 0, len(gemms)),)
