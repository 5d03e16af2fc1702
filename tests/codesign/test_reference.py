import numpy as np
import pytest
import torch

from codesign import reference
from codesign.errors import CodesignError
from codesign.graph import Concat, Conv, GlobalAverage, GraphBuilder, Linear, MaxPool, Permute, Shift, Slice
from codesign.integer import IntegerNetwork, Layer
from codesign.random_weights import random_network
from tests.random_graphs import OFFSETS, random_graph


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def map_of(rng, *shape, high=16):
    return rng.integers(0, high, shape).astype(np.uint8)


def test_pointwise_is_torchs_convolution(rng):
    x, weight = map_of(rng, 2, 9, 5, 7, high=256), rng.integers(-8, 8, (6, 9)).astype(np.int8)
    expected = torch.nn.functional.conv2d(torch.tensor(x, dtype=torch.float64),
                                          torch.tensor(weight, dtype=torch.float64)[:, :, None, None])
    np.testing.assert_array_equal(reference.pointwise(x, weight), expected.numpy().astype(np.int64))


def test_shift_is_torchs_depthwise_convolution_with_one_hot_kernels(rng):
    x = map_of(rng, 2, 9, 5, 4)
    kernels = torch.zeros(9, 1, 3, 3)
    for c, (dx, dy) in enumerate(OFFSETS):
        kernels[c, 0, 1 + dy, 1 + dx] = 1
    expected = torch.nn.functional.conv2d(torch.tensor(x, dtype=torch.float32), kernels, padding=1, groups=9)
    np.testing.assert_array_equal(reference.shift(x, tuple(OFFSETS)), expected.numpy())


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("size", [(2, 2), (3, 5), (7, 4), (6, 6)])
def test_max_pool_is_torchs(rng, padding, size):
    x = map_of(rng, 2, 3, *size)
    expected = torch.nn.functional.max_pool2d(torch.tensor(x, dtype=torch.float32), 2, 2, padding=padding)
    np.testing.assert_array_equal(reference.max_pool(x, padding), expected.numpy())


def test_requantize_rounds_to_the_floor_and_clamps():
    def one(acc, mul=1, add=0, shift=0):
        layer = Layer(np.zeros((1, 1), np.int8), *(np.array([v]) for v in (mul, add, shift)))
        return int(reference.requantize(np.full((1, 1, 1, 1), acc), layer)[0, 0, 0, 0])

    assert [one(acc, shift=2) for acc in (-5, -1, 0, 3, 4, 59, 60, 63, 64)] == [0, 0, 0, 0, 1, 14, 15, 15, 15]
    assert one(-1, add=8, shift=3) == 0 and one(0, add=8, shift=3) == 1
    assert one(2**23 - 1, mul=65535, add=-2**39) == 0 and one(-2**23, mul=65535, add=2**39 - 1) == 15
    assert one(2**23 - 1, mul=65535, add=2**39 - 1, shift=36) == 15
    assert one(2**23 - 1, mul=65535, add=2**39 - 1, shift=37) == 7
    assert one(3, mul=0, add=7) == 7


def test_requantize_is_by_channel(rng):
    acc = rng.integers(-500, 500, (2, 3, 4, 5))
    mul, add, shift = (3, 100, 65535), (40, -7, 1 << 20), (7, 11, 21)
    layer = Layer(np.zeros((3, 1), np.int8), *(np.array(values) for values in (mul, add, shift)))
    found = reference.requantize(acc, layer)
    for (b, c, y, x), value in np.ndenumerate(acc):
        assert found[b, c, y, x] == min(15, max(0, (int(value) * mul[c] + add[c]) // 2**shift[c]))


def test_bookkeeping_of_channels(rng):
    x, y = map_of(rng, 1, 4, 2, 3), map_of(rng, 1, 2, 2, 3)
    np.testing.assert_array_equal(reference.apply(Slice(start=1, stop=3), [x]), x[:, [1, 2]])
    np.testing.assert_array_equal(reference.apply(Permute(order=(2, 0, 3, 1)), [x]), x[:, [2, 0, 3, 1]])
    np.testing.assert_array_equal(reference.apply(Concat(), [x, y])[:, 4:], y)
    total = reference.apply(GlobalAverage(), [x])
    np.testing.assert_array_equal(total, x.sum(axis=(2, 3), dtype=int)[:, :, None, None])


def test_a_network_by_hand():
    """2 channels of 2x2 pixels: conv, pool, sum, linear."""
    builder = GraphBuilder((2, 2, 2))
    builder.add("conv", Conv(out_channels=1), 0)
    builder.add("shift", Shift(offsets=((1, 0),)), 1)
    builder.add("pool", MaxPool(padding=1), 2)
    builder.add("average", GlobalAverage(), 3)
    builder.add("linear", Linear(out_channels=2), 4)
    one = np.ones(1, np.int64)
    network = IntegerNetwork(builder.graph(), {
        "conv": Layer(np.array([[1, -1]], np.int8), one, 0 * one, one),
        "linear": Layer(np.array([[-8], [7]], np.int8), np.array([1, 1]), np.array([5, -6]), np.array([0, 0]))})
    image = np.array([[[[10, 20], [30, 250]], [[5, 0], [40, 200]]]], np.uint8)
    maps = reference.run(network, image)
    assert maps[1].tolist() == [[[[2, 10], [0, 15]]]]
    assert maps[2].tolist() == [[[[10, 0], [15, 0]]]]
    assert maps[4].ravel().tolist() == [25]
    assert maps[5].ravel().tolist() == [-195, 169]


def test_batches_do_not_matter():
    rng = np.random.default_rng(3)
    network = random_network(random_graph(rng), 0)
    images = rng.integers(0, 256, (7, *network.graph.input_shape)).astype(np.uint8)
    np.testing.assert_array_equal(reference.evaluate(network, images, batch=3), reference.evaluate(network, images))


@pytest.mark.parametrize("images", [np.zeros((1, 3, 2), np.uint8), np.zeros((1, 2, 2, 2), np.uint8),
                                    np.zeros((1, 1, 2, 2), np.int64)])
def test_bad_images(images):
    builder = GraphBuilder((1, 2, 2))
    builder.add("average", GlobalAverage(), 0)
    builder.add("linear", Linear(out_channels=1), 1)
    network = random_network(builder.graph(), 0)
    with pytest.raises(CodesignError, match=r"^Images must be uint8 of shape \(n, 1, 2, 2\), not "):
        reference.run(network, images)
