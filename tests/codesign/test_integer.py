import re

import numpy as np
import pytest

from codesign.errors import CodesignError
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear
from codesign.integer import IntegerNetwork, Layer, weight_digits


def layer(m=2, k=3, **changes):
    fields = dict(weight=np.zeros((m, k), np.int8), mul=np.ones(m, np.int64), add=np.zeros(m, np.int64),
                  shift=np.zeros(m, np.int64))
    return Layer(**fields | changes)


@pytest.mark.parametrize("changes, message", [
    ({"weight": np.zeros((3, 2), np.int8)}, "conv: weight must have shape (2, 3), not (3, 2)"),
    ({"weight": np.full((2, 3), 8)}, "conv: weight must be in -8..7, not 8..8"),
    ({"weight": np.zeros((2, 3))}, "conv: weight must be integers, not float64"),
    ({"mul": np.array([0, 1 << 16])}, "conv: mul must be in 0..65535, not 0..65536"),
    ({"mul": np.array([-1, 1])}, "conv: mul must be in 0..65535, not -1..1"),
    ({"mul": np.ones(3, np.int64)}, "conv: mul must have shape (2,), not (3,)"),
    ({"add": np.array([0, 1 << 39])}, "conv: add must be in -549755813888..549755813887, not 0..549755813888"),
    ({"shift": np.array([0, 48])}, "conv: shift must be in 0..47, not 0..48"),
    ({"shift": np.array([0.5, 1])}, "conv: shift must be integers, not float64"),
])
def test_bad_layers(changes, message):
    with pytest.raises(CodesignError, match=f"^{re.escape(message)}$"):
        layer(**changes).check("conv", 2, 3, 4)


def test_corners_are_allowed():
    layer(weight=np.array([[-8, 7, 0]] * 2), mul=np.array([0, 65535]), add=np.array([-2**39, 2**39 - 1]),
          shift=np.array([0, 47])).check("conv", 2, 3, 4)


@pytest.mark.parametrize("bits, low, high", [(2, -2, 1), (4, -8, 7), (8, -128, 119)])
def test_weights_are_their_digits_and_keep_their_range(bits, low, high):
    weight = np.arange(low, high + 1).astype(np.int8)[None]
    layer(1, weight=weight).check("conv", 1, weight.size, bits)
    digits = weight_digits(weight, bits)
    assert len(digits) == (2 if bits == 8 else 1)
    assert all(digit.min() >= -8 and digit.max() <= 7 for digit in digits)
    np.testing.assert_array_equal(sum(digit.astype(int) << 4 * i for i, digit in enumerate(digits)), weight)
    for wrong in (low - 1, high + 1):
        with pytest.raises(CodesignError, match=f"^conv: weight must be in {low}..{high}, not {wrong}..{wrong}$"):
            layer(1, 1, weight=np.full((1, 1), wrong)).check("conv", 1, 1, bits)


def test_network_has_exactly_its_layers():
    builder = GraphBuilder((3, 2, 2))
    builder.add("conv", Conv(out_channels=2), 0)
    builder.add("average", GlobalAverage(), 1)
    builder.add("linear", Linear(out_channels=4), 2)
    graph = builder.graph()
    layers = {"conv": layer(), "linear": layer(4, 2)}
    assert IntegerNetwork(graph, layers).layers == layers
    with pytest.raises(CodesignError, match=r"^Integer network must have layers \['conv', 'linear'\], not \['conv'\]$"):
        IntegerNetwork(graph, {"conv": layer()})
    with pytest.raises(CodesignError, match=r"^linear: weight must have shape \(4, 2\), not \(2, 3\)$"):
        IntegerNetwork(graph, layers | {"linear": layer()})
