"""Where a device first differs from the reference: layer, channel, pixel, both values."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .accelerator import AcceleratorConfig
from .banding import Visit
from .compiler import compile_network
from .integer import A_BITS, IntegerNetwork
from .program import Program
from .reference import run
from .schedule import Schedule

__all__ = ["Difference", "first_difference", "read_map"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first differing value; ``count`` of them in that layer's map."""

    layer: str
    channel: int
    x: int
    y: int
    expected: int
    found: int
    count: int

    def __str__(self) -> str:
        return (f"layer {self.layer}, channel {self.channel}, pixel (x={self.x}, y={self.y}): "
                f"reference {self.expected}, device {self.found} ({self.count} values of this layer differ)")


def read_map(plan: Schedule, visit: Visit, banks: np.ndarray) -> np.ndarray:
    """The rows (channels, rows, width) of a map that ``visit`` computed, read from ``banks`` (rows, bank_depth)."""
    gemm = plan.gemms[visit.gemm]
    channels, _, width = gemm.shape
    first, count = visit.rows.start - visit.held[visit.gemm].start, len(visit.rows)
    plane_words = plan.config.columns_per_bank * visit.room[visit.gemm] * width
    result = np.zeros((channels, count, width), np.int64)
    for m in range(channels):
        where = plan.placement.places[visit.gemm, m]
        for plane in range(gemm.out_planes):
            at = where.addr + plane * plane_words + first * width
            words = banks[where.bank, at:at + count * width].astype(np.int64)
            result[m] += words.reshape(count, width) << A_BITS * plane
    return result


def first_difference(network: IntegerNetwork, config: AcceleratorConfig, image: np.ndarray,
                     banks: Callable[[Program, np.ndarray], np.ndarray],
                     progress: Callable[[int, int], None] | None = None) -> Difference | None:
    """Run ``image`` layer by layer, or band by band, and compare every map; None if all are equal.

    ``banks(program, image)`` runs a program that stops early and returns the activation memory. ``progress(done, all)``
    is called after each map, or band of one.
    """
    maps = run(network, image[None])
    plan = compile_network(network, config).schedule
    for index, visit in enumerate(plan.visits[:-1]):
        program, gemm = compile_network(network, config, visits=index + 1), plan.gemms[visit.gemm]
        found = read_map(program.schedule, visit, banks(program, image))
        expected = maps[gemm.node][0, :, visit.rows.start:visit.rows.stop].astype(np.int64)
        wrong = np.argwhere(found != expected)
        if progress:
            progress(index + 1, len(plan.visits) - 1)
        if len(wrong):
            channel, y, x = (int(i) for i in wrong[0])
            return Difference(layer=gemm.name, channel=channel, x=x, y=visit.rows.start + y,
                              expected=int(expected[channel, y, x]), found=int(found[channel, y, x]), count=len(wrong))
    return None
