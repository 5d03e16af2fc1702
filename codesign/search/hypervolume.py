"""How good a front is, in one number."""

from collections.abc import Sequence

__all__ = ["hypervolume"]


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """The volume of what ``points`` beat within the box that ends at ``reference``; less is better on every axis.

    By slices along the last axis: exponential in the number of axes, of which there are few.
    """
    inside = sorted((p for p in points if all(a < b for a, b in zip(p, reference, strict=True))), key=lambda p: p[-1])
    if not inside:
        return 0.0
    if len(reference) == 1:
        return reference[0] - inside[0][0]
    volume, ends = 0.0, [*(p[-1] for p in inside[1:]), reference[-1]]
    for n, (point, end) in enumerate(zip(inside, ends, strict=True)):
        if end > point[-1]:
            volume += (end - point[-1]) * hypervolume([p[:-1] for p in inside[:n + 1]], reference[:-1])
    return volume
