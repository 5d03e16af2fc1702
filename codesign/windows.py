"""The order in which a pass visits the pixels of a map: window by window, so that pooling is a running maximum."""

from dataclasses import dataclass

__all__ = ["Windows"]


@dataclass(frozen=True)
class Windows:
    """Windows of a (height, width) map in raster order of their corners.

    ``padding`` None: one window per pixel. 0 or 1: 2x2 windows, stride 2, clipped to the map; windows that
    do not fit into the padded map are left out.
    """

    height: int
    width: int
    padding: int | None = None

    @property
    def step(self) -> int:
        return 1 if self.padding is None else 2

    @property
    def first(self) -> int:
        """Coordinate of the first window's corner on either axis."""
        return -(self.padding or 0)

    def _count(self, size: int) -> int:
        return size if self.padding is None else (size + 2 * self.padding - 2) // 2 + 1

    @property
    def columns(self) -> int:
        return self._count(self.width)

    @property
    def count(self) -> int:
        return self._count(self.height) * self.columns

    @property
    def x_last(self) -> int:
        return self.first + self.step * (self.columns - 1)

    def corner(self, index: int) -> tuple[int, int]:
        """(x, y) of window ``index``'s corner."""
        y, x = divmod(index, self.columns)
        return self.first + self.step * x, self.first + self.step * y

    def _span(self, corner: int, size: int) -> int:
        return min(corner + self.step, size) - max(corner, 0)

    def closing_pixels(self, start: int, stop: int) -> list[int]:
        """For windows start..stop-1, the index of each one's last pixel among their pixels in order of visit."""
        if self.padding is None:
            return list(range(stop - start))
        total, result = -1, []
        for index in range(start, stop):
            x, y = self.corner(index)
            total += self._span(x, self.width) * self._span(y, self.height)
            result.append(total)
        return result

    def pixels(self, start: int = 0, stop: int | None = None) -> int:
        """Pixels in windows start..stop-1 (all by default)."""
        stop = self.count if stop is None else stop
        xs = [self._span(self.first + self.step * i, self.width) for i in range(self.columns)]
        total, index = 0, start
        while index < stop:
            row, column = divmod(index, self.columns)
            end = min(self.columns, column + stop - index)
            total += self._span(self.first + self.step * row, self.height) * sum(xs[column:end])
            index += end - column
        return total
