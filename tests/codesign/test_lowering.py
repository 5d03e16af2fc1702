import numpy as np
import pytest

from codesign import reference
from codesign.errors import CodesignError
from codesign.gemm import IMAGE, Operand
from codesign.graph import Concat, Conv, GlobalAverage, GraphBuilder, Linear, MaxPool, Permute, Shift, Slice
from codesign.lowering import lower
from codesign.random_weights import random_network
from tests.random_graphs import random_graph


def build(shape, *steps):
    """A graph of (name, op, inputs...), then average and linear on the last."""
    builder = GraphBuilder(shape)
    names = {"input": 0}
    for name, op, *inputs in (*steps, ("average", GlobalAverage(), steps[-1][0] if steps else "input"),
                              ("linear", Linear(out_channels=2), "average")):
        names[name] = builder.add(name, op, *(names[i] for i in inputs))
    return builder.graph()


def shifted(x, operands):
    """Channel c of x (1, C, H, W) moved by operand c's offset, zeros outside."""
    (h, w), reach = x.shape[2:], 3
    padded = np.pad(x[0], ((0, 0), (reach, reach), (reach, reach)))
    return np.array([[channel[reach + o.dy:reach + o.dy + h, reach + o.dx:reach + o.dx + w]
                      for channel, o in zip(padded, operands, strict=True)]])


def evaluate(gemms, network, image):
    """Every Gemm's map, computed from its operands one by one."""
    maps = {}
    for index, gemm in enumerate(gemms):
        x = np.array([(image if o.source == IMAGE else maps[o.source])[o.channel] for o in gemm.operands])[None]
        x = shifted(x, gemm.operands)
        if gemm.identity:
            y = x
        else:
            layer = network.layers[gemm.name]
            y = reference.pointwise(x, layer.weight)
            y = (y * layer.mul[:, None, None] + layer.add[:, None, None] if gemm.raw
                 else reference.requantize(y, layer, gemm.activation_bits))
        assert y.shape[1:] == gemm.in_shape
        if gemm.padding is not None:
            y = reference.max_pool(y, gemm.padding)
        if gemm.total:
            y = y.astype(int).sum(axis=(2, 3), keepdims=True)
        assert y.shape[1:] == gemm.shape
        assert gemm.raw or y.max() < 16**gemm.out_planes
        maps[index] = y[0]
    return maps


@pytest.mark.parametrize("seed", range(40))
def test_products_compute_the_graphs_maps(seed):
    rng = np.random.default_rng(seed)
    network = random_network(random_graph(rng), seed)
    image = rng.integers(0, 256, network.graph.input_shape).astype(np.uint8)
    maps, gemms = reference.run(network, image[None]), lower(network.graph)
    for index, found in evaluate(gemms, network, image).items():
        np.testing.assert_array_equal(found, maps[gemms[index].node][0])


def test_pool_and_average_are_fused_where_nothing_else_reads():
    gemms = lower(build((1, 4, 4), ("a", Conv(out_channels=3), "input"), ("pool", MaxPool(padding=1), "a"),
                        ("b", Conv(out_channels=5), "pool")))
    assert [(g.name, g.padding, g.total, g.planes, g.out_planes, g.raw) for g in gemms] == [
        ("a", 1, False, 1, 1, False), ("b", None, True, 1, 2, False), ("linear", None, False, 2, 1, True)]
    assert [g.shape for g in gemms] == [(3, 3, 3), (5, 1, 1), (2, 1, 1)]


def test_a_pool_of_a_map_that_is_read_twice_is_a_product_of_its_own():
    gemms = lower(build((1, 4, 4), ("a", Conv(out_channels=3), "input"), ("pool", MaxPool(), "a"),
                        ("b", Conv(out_channels=5), "a"), ("p", MaxPool(), "b"), ("both", Concat(), "pool", "p")))
    assert [(g.name, g.identity, g.padding) for g in gemms] == [
        ("a", False, None), ("pool", True, 0), ("b", False, 0), ("average", True, None), ("linear", False, None)]


def test_channels_are_followed_through_slices_and_shuffles():
    gemms = lower(build((1, 2, 2), ("a", Conv(out_channels=4), "input"), ("low", Slice(start=0, stop=2), "a"),
                        ("high", Slice(start=2, stop=4), "a"), ("b", Conv(out_channels=2), "high"),
                        ("all", Concat(), "low", "b"), ("mix", Permute(order=(3, 0, 2, 1)), "all"),
                        ("shift", Shift(offsets=((1, 0), (0, 1), (-1, -1), (0, 0))), "mix"),
                        ("c", Conv(out_channels=2), "shift")))
    assert [g.name for g in gemms] == ["a", "b", "c", "linear"]
    assert gemms[1].operands == (Operand(0, 2, 0, 0), Operand(0, 3, 0, 0))
    assert gemms[2].operands == (Operand(1, 1, 1, 0), Operand(0, 0, 0, 1), Operand(1, 0, -1, -1), Operand(0, 1, 0, 0))


def test_a_second_shift_is_copied_in_between():
    gemms = lower(build((1, 3, 3), ("a", Conv(out_channels=1), "input"), ("s", Shift(offsets=((1, 0),)), "a"),
                        ("t", Shift(offsets=((1, 0),)), "s"), ("b", Conv(out_channels=1), "t")))
    assert [(g.name, g.identity) for g in gemms] == [("a", False), ("t.copy", True), ("b", False), ("linear", False)]


@pytest.mark.parametrize("shape, steps, message", [
    ((1, 17, 17), [("sums", GlobalAverage(), "input"), ("pool", MaxPool(padding=1), "sums")],
     "sums: average must cover at most 257 pixels of 8 bits, not 289"),
    ((1, 16, 16), [("sums", GlobalAverage(), "input"), ("pool", MaxPool(padding=1), "sums")],
     "pool: must come after a convolution, not after 16-bit values"),
    ((1, 4, 4), [("a", Conv(out_channels=2), "input"), ("all", Concat(), "a", "input"),
                 ("b", Conv(out_channels=2), "all")], r"b: operands must all be of the image or none"),
    ((1, 67, 66), [("a", Conv(out_channels=2), "input")],
     "average: average must cover at most 4369 pixels of 4 bits, not 4422"),
    ((1, 1, 1), [("a", Conv(out_channels=2), "input"), ("early", Linear(out_channels=3), "a")],
     "Network must have one linear layer, the last"),
])
def test_what_cannot_be_expressed(shape, steps, message):
    with pytest.raises(CodesignError, match=f"^{message}$"):
        lower(build(shape, *steps))


def test_the_largest_average():
    assert lower(build((1, 257, 17), ("a", Conv(out_channels=2), "input")))[0].out_planes == 4  # 4369 pixels
