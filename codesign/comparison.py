"""Where a device first differs from the reference: layer, channel, pixel, both values."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .accelerator import AcceleratorConfig
from .compiler import compile_network
from .gemm import Gemm
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


def read_map(plan: Schedule, gemm: int, banks: np.ndarray) -> np.ndarray:
    """The map (channels, height, width) of product ``gemm``, read from ``banks`` (rows, bank_depth)."""
    channels, height, width = plan.gemms[gemm].shape
    planes = plan.gemms[gemm].out_planes
    result = np.zeros((channels, height, width), np.int64)
    for m in range(channels):
        where = plan.placement.places[gemm, m]
        for plane in range(planes):
            at = where.addr + plane * plan.config.columns_per_bank * height * width
            words = banks[where.bank, at:at + height * width].astype(np.int64)
            result[m] += words.reshape(height, width) << A_BITS * plane
    return result


def first_difference(network: IntegerNetwork, config: AcceleratorConfig, image: np.ndarray,
                     banks: Callable[[Program, np.ndarray], np.ndarray]) -> Difference | None:
    """Run ``image`` layer by layer and compare every map; None if all are equal.

    ``banks(program, image)`` runs a program that stops early and returns the activation memory.
    """
    maps = run(network, image[None])
    gemms: tuple[Gemm, ...] = compile_network(network, config).schedule.gemms
    for index, gemm in enumerate(gemms[:-1]):
        program = compile_network(network, config, products=index + 1)
        found = read_map(program.schedule, index, banks(program, image))
        expected = maps[gemm.node][0].astype(np.int64)
        wrong = np.argwhere(found != expected)
        if len(wrong):
            channel, y, x = (int(i) for i in wrong[0])
            return Difference(layer=gemm.name, channel=channel, x=x, y=y, expected=int(expected[channel, y, x]),
                              found=int(found[channel, y, x]), count=len(wrong))
    return None
