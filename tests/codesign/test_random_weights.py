import numpy as np
import pytest

from codesign import reference
from codesign.analysis import max_values
from codesign.errors import CodesignError
from codesign.graph import Conv, Linear
from codesign.integer import SHIFT_MAX
from codesign.network import Network, diracdeltanet
from codesign.random_weights import extreme_network, random_network

SMALL = Network.from_dict({"name": "n", "input": [3, 9, 7], "layers": [
    {"conv": 33}, {"pool": 1}, "shift", {"block": {"out": 40, "downsample": True}}, {"conv": 70},
    "average", {"linear": 10}]})


def _same(a, b):
    return all(np.array_equal(getattr(a.layers[name], f), getattr(b.layers[name], f))
               for name in a.layers for f in ("weight", "mul", "add", "shift"))


@pytest.mark.parametrize("make", [random_network, extreme_network])
def test_same_seed_same_network(make):
    graph = SMALL.graph()
    assert _same(make(graph, 3), make(graph, 3))
    assert not _same(make(graph, 3), make(graph, 4))
    with pytest.raises(CodesignError, match="Seed must be an integer of at least 0, not -1"):
        make(graph, -1)


@pytest.mark.parametrize("network", [SMALL, diracdeltanet(16, 64, 10)])
def test_random_activations_spread(network):
    graph = network.graph()
    integer = random_network(graph, 0)
    images = np.random.default_rng(1).integers(0, 256, (4, *graph.input_shape), dtype=np.uint8)
    for node, made in zip(graph.nodes, reference.run(integer, images), strict=True):
        if isinstance(node.op, Conv):
            share = np.bincount(made.ravel(), minlength=16) / made.size
            assert share.max() < 0.6, node.name  # no value dominates
            assert (share > 0.005).sum() >= 8, node.name


@pytest.mark.parametrize("seed", range(5))
def test_extreme_fits_and_reaches_corners(seed):
    graph = SMALL.graph()
    largest = max_values(graph)
    integer = extreme_network(graph, seed, acc_bits=20)
    for node in graph.nodes:
        if isinstance(node.op, Conv | Linear):
            layer = integer.layers[node.name]
            reach = largest[node.inputs[0]] * np.abs(layer.weight.astype(np.int64)).sum(axis=1)
            assert reach.max() < 2**19
            if isinstance(node.op, Linear):
                assert (reach + np.abs(layer.add)).max() < 2**31
    whole = [integer.layers[node.name] for node in graph.nodes if isinstance(node.op, Conv)]
    assert {-8, 7} <= set(np.concatenate([layer.weight.ravel() for layer in whole]).tolist())
    assert {0, 2**16 - 1} <= set(np.concatenate([layer.mul for layer in whole]).tolist())
    assert {0, SHIFT_MAX} <= set(np.concatenate([layer.shift for layer in whole]).tolist())
    assert {-(2**39), 2**39 - 1} <= set(np.concatenate([layer.add for layer in whole]).tolist())
    images = np.random.default_rng(seed).integers(0, 256, (4, *graph.input_shape), dtype=np.uint8)
    assert len(np.unique(reference.evaluate(integer, images))) > 5  # something gets through
