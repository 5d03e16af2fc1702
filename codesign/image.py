"""How an image lies in the program stream and in the banks: 8-bit pixels as two 4-bit halves, in banks of their own.

A stream word fills one address of ``config.load_lanes`` banks. It carries the halves of ``count`` channels of
``2**interleave`` neighbouring pixels: low halves in the first lanes, high halves in the last, whose rows can count
their products sixteenfold.
"""

from dataclasses import dataclass, replace

import numpy as np

from .accelerator import INTERLEAVE_BITS, AcceleratorConfig
from .integer import A_BITS

__all__ = ["ImageRegion", "image_regions"]


@dataclass(frozen=True, kw_only=True)
class ImageRegion:
    """Channels first..first+count-1 of the image, ``words`` stream words; pixel p is in word p >> interleave."""

    first: int
    count: int
    interleave: int
    words: int

    def words_for(self, pixels: int, config: AcceleratorConfig) -> int:
        """Stream words, in whole bus beats, that hold the first ``pixels`` pixels."""
        per_beat = config.words_per_beat << self.interleave
        return -(-pixels // per_beat) * config.words_per_beat

    def first_word(self, pixel: int, config: AcceleratorConfig) -> int:
        """The word with ``pixel``, or one before it that begins a bus beat."""
        return pixel // (config.words_per_beat << self.interleave) * config.words_per_beat

    def lane(self, channel: int, phase: int, high: bool, config: AcceleratorConfig) -> int:
        """The lane of one half of ``channel`` of the pixels whose low ``interleave`` bits are ``phase``."""
        within = phase * self.count + channel - self.first
        return config.load_lanes - (self.count << self.interleave) + within if high else within

    def pack(self, image: np.ndarray, config: AcceleratorConfig) -> np.ndarray:
        """uint8 (C, H, W) as the region's stream words: uint8 (words, word_bits / 8)."""
        phases = 1 << self.interleave
        pixels = np.zeros((self.count, self.words * phases), np.uint8)
        pixels[:, :image[0].size] = image[self.first:self.first + self.count].reshape(self.count, -1)
        by_phase = pixels.reshape(self.count, self.words, phases)
        halves = np.zeros((self.words, config.word_bits // A_BITS), np.uint8)
        for c in range(self.count):
            for phase in range(phases):
                for high in (False, True):
                    halves[:, self.lane(self.first + c, phase, high, config)] = \
                        by_phase[c, :, phase] >> (A_BITS if high else 0) & 15
        return halves[:, ::2] | halves[:, 1::2] << A_BITS


def image_regions(channels: int, pixels: int, config: AcceleratorConfig) -> list[ImageRegion]:
    """Split an image of ``channels`` channels of ``pixels`` pixels so that each region's halves fit the lanes, and its
    high halves the wide rows if there are any; spread it over as many banks as that leaves."""
    most_high = min(config.load_lanes // 2, config.wide_rows or config.load_lanes)
    made = []
    for first in range(0, channels, most_high):
        count = min(most_high, channels - first)
        interleave = max(i for i in range(INTERLEAVE_BITS + 1) if count << i <= most_high)
        region = ImageRegion(first=first, count=count, interleave=interleave, words=0)
        made.append(replace(region, words=region.words_for(pixels, config)))
    return made
