import numpy as np
import pytest

from codesign.accelerator import INTERLEAVE_BITS, PRESETS, AcceleratorConfig
from codesign.image import ImageRegion, image_regions
from tests.random_graphs import CONFIGS

EVERY = [*PRESETS.values(), *CONFIGS]
CHANNELS = [1, 2, 3, 4, 5, 9, 40]
SIZES = [(1, 1), (1, 7), (3, 5), (8, 8), (12, 11)]


def lanes(region, config):
    """(channel, phase, high) -> lane, of everything in a region."""
    return {(c, phase, high): region.lane(c, phase, high, config)
            for c in range(region.first, region.first + region.count) for phase in range(1 << region.interleave)
            for high in (False, True)}


def unpack(packed, regions, channels, height, width, config):
    """The image that the words of all regions hold, nibble by nibble; every other nibble must be zero."""
    image = np.zeros((channels, height * width), np.uint8)
    for words, region in zip(packed, regions, strict=True):
        used = {lane: what for what, lane in lanes(region, config).items()}
        for number, word in enumerate(words):
            bits = int.from_bytes(word.tobytes(), "little")
            for lane in range(config.word_bits // 4):
                value = bits >> 4 * lane & 15
                channel, phase, high = used.get(lane, (None, 0, False))
                pixel = (number << region.interleave) + phase
                if channel is None or pixel >= height * width:
                    assert value == 0
                else:
                    image[channel, pixel] |= value << 4 * high
    return image.reshape(channels, height, width)


@pytest.fixture(params=EVERY, ids=lambda c: c.name)
def config(request):
    return request.param


@pytest.mark.parametrize("channels", CHANNELS)
def test_regions_divide_the_channels_and_their_words_fill_beats(config, channels):
    for height, width in SIZES:
        pixels = height * width
        regions = image_regions(channels, pixels, config)
        assert [c for r in regions for c in range(r.first, r.first + r.count)] == list(range(channels))
        for region in regions:
            assert region.words % config.words_per_beat == 0
            spare = region.words - -(-pixels // (1 << region.interleave))
            assert 0 <= spare < config.words_per_beat


@pytest.mark.parametrize("channels", CHANNELS)
def test_no_two_halves_share_a_lane(config, channels):
    for region in image_regions(channels, 35, config):
        found = lanes(region, config)
        assert len(set(found.values())) == 2 * region.count << region.interleave
        assert 0 <= min(found.values()) and max(found.values()) < config.load_lanes
        high = [lane for (_, _, high), lane in found.items() if high]
        if config.wide_rows:  # a lane is bank rows - load_lanes + lane, which feeds the row of its number
            assert min(high) >= config.load_lanes - config.wide_rows


@pytest.mark.parametrize("channels", CHANNELS)
def test_channels_are_spread_as_far_as_there_is_room(config, channels):
    for region in image_regions(channels, 35, config):
        wider = region.count << region.interleave + 1
        assert (region.interleave == INTERLEAVE_BITS or 2 * wider > config.load_lanes
                or 0 < config.wide_rows < wider)


@pytest.mark.parametrize("channels", CHANNELS)
def test_unpacking_gives_the_image_back(config, channels):
    rng = np.random.default_rng(channels)
    for height, width in SIZES:
        image = rng.integers(0, 256, (channels, height, width)).astype(np.uint8)
        regions = image_regions(channels, height * width, config)
        packed = [region.pack(image, config) for region in regions]
        assert all(words.shape == (region.words, config.word_bits // 8) and words.dtype == np.uint8
                   for words, region in zip(packed, regions, strict=True))
        np.testing.assert_array_equal(unpack(packed, regions, channels, height, width, config), image)


def test_words_for_the_first_pixels(config):
    """Whole beats, no more than needed, all words for all pixels, and never fewer for more pixels."""
    (region,) = image_regions(1, 100, config)
    needed = [region.words_for(pixels, config) for pixels in range(101)]
    assert needed[0] == 0 and needed[100] == region.words and needed == sorted(needed)
    for pixels, words in enumerate(needed):
        assert words % config.words_per_beat == 0
        assert words << region.interleave >= pixels > words - config.words_per_beat << region.interleave


def test_words_by_hand():
    """Two channels over two banks each, 16 lanes: c0p0 c1p0 c0p1 c1p1 low from lane 0 on, high halves in the last 4."""
    config = AcceleratorConfig(rows=20, cols=4, bank_depth=64, acc_depth=4, bus_bits=128, wide_rows=6)
    assert config.load_lanes == 16
    (region,) = image_regions(2, 3, config)
    assert region == ImageRegion(first=0, count=2, interleave=1, words=2)
    image = np.array([[[0x1A, 0x2B, 0x3C]], [[0x4D, 0x5E, 0x6F]]], np.uint8)
    words = region.pack(image, config).view("<u8")[:, 0].tolist()
    assert words == [0x5241_0000_0000_EBDA, 0x0063_0000_0000_00FC]
