"""Pareto fronts."""

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["pareto_front"]

T = TypeVar("T")


def pareto_front(items: Sequence[T], objectives: Callable[[T], Sequence[float]]) -> list[T]:
    """The ``items`` that no other beats: none is as good everywhere and better somewhere.

    ``objectives(item)`` are numbers to minimize. Of items with equal objectives the first stays.
    """
    scores = [tuple(objectives(item)) for item in items]
    front = []
    for i, mine in enumerate(scores):
        beaten = any(all(a <= b for a, b in zip(other, mine, strict=True)) and (other != mine or j < i)
                     for j, other in enumerate(scores) if j != i)
        if not beaten:
            front.append(items[i])
    return front
