import json

import pytest

from codesign.analysis import analyze, max_values
from codesign.network import Network, diracdeltanet


@pytest.mark.parametrize("base, weights, macs", [(116, 2_913_000, 269_229_440), (128, 3_268_704, 316_651_520)])
def test_diracdeltanet_counts(base, weights, macs):
    analysis = analyze(diracdeltanet(base).graph())
    assert (analysis.weights, analysis.macs, len(analysis.layers)) == (weights, macs, 39)


def test_bytes_and_intensity_by_hand():
    graph = Network.from_dict({"name": "n", "input": [3, 4, 4], "layers": [
        {"conv": 5}, "pool", {"conv": 8}, "average", {"linear": 10}]}).graph()
    stem, conv, linear = analyze(graph).layers
    assert (stem.weights, stem.macs, stem.activations) == (15, 240, 80)
    assert (stem.weight_bytes, stem.activation_bytes) == (8, 3 * 16 + 40)  # 8-bit pixels in, 4-bit out
    assert (conv.weights, conv.macs, conv.activation_bytes) == (40, 160, 10 + 16)
    assert conv.intensity == 160 / (20 + 26)
    # The average sums 4 pixels of at most 15: 6 bits a channel; 10 logits of 4 bytes.
    assert (linear.weights, linear.macs, linear.activation_bytes) == (80, 80, 6 + 40)
    assert max_values(graph) == [255, 15, 15, 15, 60, 0]


def test_to_dict_is_json_with_totals():
    values = analyze(diracdeltanet(8, 32, 10).graph()).to_dict()
    assert json.loads(json.dumps(values)) == values
    for key in ("weights", "macs", "activations", "weight_bytes", "activation_bytes"):
        assert values[key] == sum(layer[key] for layer in values["layers"])
