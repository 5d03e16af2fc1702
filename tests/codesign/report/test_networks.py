import re

import pytest

from codesign.network import Network, load_network
from codesign.report.networks import draw_network

NETWORK = Network.from_dict({"name": "n", "input": [1, 8, 8], "layers": [
    {"conv": {"out": 16, "kernel": 3, "weight_bits": 8}}, "shift", {"conv": 32}, "pool",
    {"block": {"out": 48, "downsample": True}}, {"block": 48}, "average", {"linear": 10}]})


def boxes(tile):
    """(x, y, words) of every operator."""
    return [(float(x), float(y), words) for x, y, words in re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="92"[^>]*/><text[^>]*>([^<]*)</text>', tile.picture)]


@pytest.mark.parametrize("network", [NETWORK, load_network("diracdeltanet-116")])
def test_every_operator_is_a_box_with_its_shape_and_every_operand_an_edge(network):
    graph = network.graph()
    tiles = draw_network(graph)
    pictures = "".join(tile.picture for tile in tiles)
    assert sum(len(boxes(tile)) for tile in tiles) == len(graph.nodes)
    for node in graph.nodes:
        assert "×".join(map(str, node.shape)) in pictures and f"<title>{node.name}: " in pictures
    blocks = [layer for layer in network.layers if layer.kind == "block"]
    assert pictures.count('class="block"') == len(blocks)
    operands = sum(len(node.inputs) for node in graph.nodes)
    assert pictures.count('class="edge"') == operands + len(blocks)  # and one out of each block


def test_boxes_of_a_block_do_not_overlap_and_branches_have_lanes():
    for network in (NETWORK, load_network("diracdeltanet-116")):
        for tile in draw_network(network.graph()):
            found = boxes(tile)
            assert len({(x, y) for x, y, _ in found}) == len(found)
            if len(found) > 1:
                assert len({y for _, y, _ in found}) == 2
                assert [words for _, _, words in found][-2:] == ["concat", "shuffle"]


def test_words():
    pictures = "".join(tile.picture for tile in draw_network(NETWORK.graph()))
    for words in ("image, 8 bit", "conv 3×3, 16", "16×8×8 W8A4", "shift, 5 ways", "pool 2×2", "slice 0:24",
                  "linear 10"):
        assert f">{words}</text>" in pictures
    assert "conv0: conv 3×3, 16, makes 16×8×8 W8A4; 144 weights, 9,216 multiply-accumulates" in pictures
