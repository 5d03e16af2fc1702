import itertools

import pytest

from codesign.windows import Windows

MAPS = list(itertools.product(range(1, 8), range(1, 8)))


def naive(height, width, padding):
    """Corner and pixels of each window: those whose 2x2 (or one) pixels lie within the padded map."""
    size, edge = (1, 0) if padding is None else (2, padding)
    for y in range(-edge, height + edge - size + 1, size):
        for x in range(-edge, width + edge - size + 1, size):
            yield (x, y), [(u, v) for v in range(y, y + size) for u in range(x, x + size)
                           if 0 <= u < width and 0 <= v < height]


@pytest.mark.parametrize("padding", [None, 0, 1])
def test_every_small_map(padding):
    for height, width in MAPS:
        expected = list(naive(height, width, padding))
        if not expected:
            continue  # a map smaller than its pool, which the graph refuses
        windows = Windows(height, width, padding)
        assert windows.count == len(expected)
        assert [windows.corner(i) for i in range(windows.count)] == [corner for corner, _ in expected]
        assert windows.x_last == max(x for (x, _), _ in expected)
        assert windows.columns == len({x for (x, _), _ in expected})
        sizes = [len(pixels) for _, pixels in expected]
        assert windows.pixels() == sum(sizes)
        for start in range(windows.count + 1):
            for stop in range(start, windows.count + 1):
                assert windows.pixels(start, stop) == sum(sizes[start:stop])


def test_by_hand():
    """224 with padding 1 gives 113, whose edge windows are clipped; 113 gives 57."""
    assert Windows(224, 224, 1).count == 113**2 and Windows(224, 224, 1).pixels() == 224**2
    assert Windows(113, 113, 1).count == 57**2
    assert Windows(5, 5, 0).pixels() == 16  # the last row and column are in no window
