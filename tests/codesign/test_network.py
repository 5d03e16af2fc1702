import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.errors import CodesignError
from codesign.graph import Concat, Permute, Shift
from codesign.layers import DIRECTIONS, Average, Block, Convolution, LinearClassifier, Pool, ShiftPattern
from codesign.network import Network, diracdeltanet, load_network

SMALL = """
name: small
input: [1, 8, 8]            # channels, height, width
layers:
  - conv: 32
  - pool: {padding: 1}
  - shift: released
  - block: {out: 64, expansion: 2, downsample: true, split: true}
  - block: {out: 64}
  - shift: [up-left, centre, down-right]
  - average
  - linear: 10
"""
INPUT = {"name": "n", "input": [1, 8, 8]}
END = ["average", {"linear": 10}]


def test_yaml_round_trip_and_names():
    network = Network.from_yaml(SMALL)
    assert Network.from_yaml(network.to_yaml()) == network
    assert Network.from_dict(json.loads(json.dumps(network.to_dict()))) == network
    names = [node.name for node in network.graph().nodes]
    assert len(set(names)) == len(names)
    assert {"conv0", "pool0", "shift1", "stage1.0.main.expand", "stage1.1.main.project", "linear"} <= set(names)
    assert network.graph().nodes[-1].shape == (10, 1, 1)


def test_digest_sees_the_architecture_alone():
    network = Network.from_yaml(SMALL)
    spelled = SMALL.replace("conv: 32", "conv: {out: 32}").replace("name: small", "name: other")
    spelled = spelled.replace("shift: released", "shift: [up, left, centre, right, down]")
    assert Network.from_yaml(spelled).digest() == network.digest()
    assert Network.from_yaml(SMALL.replace("conv: 32", "conv: 34")).digest() != network.digest()


def test_convolution_and_linear_fields():
    network = Network.from_dict({**INPUT, "layers": [
        {"conv": {"out": 8, "kernel": 3, "weight_bits": 8, "activation_bits": 8}}, {"conv": {"out": 4, "kernel": 1}},
        "average", {"linear": {"out": 10, "weight_bits": 8}}]})
    assert Network.from_yaml(network.to_yaml()) == network
    assert network.to_dict()["layers"][1:] == [{"conv": 4}, "average", {"linear": {"out": 10, "weight_bits": 8}}]
    stem = network.graph().nodes[1].op
    assert (stem.taps, stem.offsets[0], stem.offsets[-1]) == (9, (-1, -1), (1, 1))


def test_block_wiring():
    graph = Network.from_dict({**INPUT, "layers": [
        {"conv": 8}, {"block": {"out": 12, "downsample": True}}, {"block": {"out": 12}}, *END]}).graph()
    by_name = {node.name: (i, node) for i, node in enumerate(graph.nodes)}
    stem = by_name["conv0"][0]
    assert by_name["stage1.0.shortcut.pool"][1].inputs == (stem,)
    assert by_name["stage1.0.main.expand"][1].inputs == (stem,)
    assert by_name["stage1.0.main.expand"][1].shape == (12, 8, 8)  # at the full map, pooled after
    assert by_name["stage1.0.main.shift"][1].shape == (12, 4, 4)
    concat = by_name["stage1.1.concat"][1]
    assert isinstance(concat.op, Concat)
    assert concat.inputs == (by_name["stage1.1.shortcut.half"][0], by_name["stage1.1.main.project"][0])
    rotate = by_name["stage1.1.rotate"][1].op
    assert isinstance(rotate, Permute) and rotate.order == (9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8)


def test_released_shift_reads_up_left_centre_right_down():
    graph = Network.from_dict({**INPUT, "layers": [{"conv": 7}, "shift", *END]}).graph()
    op = graph.nodes[2].op
    assert isinstance(op, Shift)
    assert op.offsets == ((0, -1), (-1, 0), (0, 0), (1, 0), (0, 1), (0, -1), (-1, 0))


@pytest.mark.parametrize("layers, pattern", [
    ([{"conv": 0}], r"layers\[0\]: conv out must be an integer in 1..16384, not 0"),
    ([{"conv": True}], r"conv out must be an integer .*, not True"),
    ([{"conv": 10**30}], r"conv out must be an integer in 1..16384, not 1000"),
    ([{"conv": 8.0}], r"conv out must be an integer .*, not 8.0"),
    ([{"conv": None}], r"layers\[0\]: conv must give out"),
    ([{"conv": {"out": 8, "stride": 2}}], r"layers\[0\]: conv key must be one of out, kernel, .*, not 'stride'"),
    ([{"conv": {"out": 8, "kernel": 2}}], r"layers\[0\]: conv kernel must be one of 1, 3, 5, 7, not 2"),
    ([{"conv": {"out": 8, "weight_bits": 3}}], r"layers\[0\]: conv weight_bits must be one of 2, 4, 8, not 3"),
    ([{"conv": {"out": 8, "activation_bits": 2}}], r"layers\[0\]: conv activation_bits must be one of 4, 8, not 2"),
    ([{"convolution": 8}], r"layers\[0\]: layer must be one of conv, pool, .*, not \{'convolution': 8\}"),
    ([{"conv": 8, "pool": 1}], r"layers\[0\]: layer must be one of"),
    ([7], r"layers\[0\]: layer must be one of .*, not 7"),
    ([{"conv": 8}, {"pool": 2}], r"layers\[1\]: pool padding must be an integer in 0..1, not 2"),
    ([{"conv": 8}, "pool", "pool", "pool", "pool"], r"layers\[4\]: pool3: Pool must see a map of at least 2x2"),
    ([{"conv": 8}, {"shift": ["north"]}], r"layers\[1\]: shift direction must be one of up-left, .*, not 'north'"),
    ([{"conv": 8}, {"shift": []}], r"layers\[1\]: shift must be released or a list of directions, not \[\]"),
    ([{"conv": 8}, {"block": {"out": 9, "downsample": True}}], r"layers\[1\]: block out must be even .*, not 9"),
    ([{"conv": 9}, {"block": {"out": 8, "downsample": True, "split": True}}],
     r"layers\[1\]: block must split an even number of channels, not 9"),
    ([{"conv": 8}, {"block": {"out": 16}}], r"layers\[1\]: block out must equal the incoming 8 channels .*, not 16"),
    ([{"conv": 8}, {"block": {"out": 8, "split": True}}], r"layers\[1\]: block split must be false"),
    ([{"conv": 8}, {"block": {"out": 8, "downsample": 1}}], r"block downsample must be true or false, not 1"),
    ([{"conv": 8}, {"block": {"out": 8, "expansion": 0}}], r"block expansion must be an integer in 1..16, not 0"),
    (["pool", {"conv": 8}], r"layers must start with a conv .*, not pool"),
    ([{"conv": 8}, "average", {"conv": 8}], r"layers\[1\] must not be average"),
    ([{"conv": 8}, {"average": 3}], r"layers\[1\]: average must have no fields, not 3"),
    ([{"conv": 8}, {"linear": 10}], r"layers\[1\] must not be linear"),
])
def test_bad_layers(layers, pattern):
    with pytest.raises(CodesignError, match=pattern) as error:
        Network.from_dict({**INPUT, "layers": [*layers, *END]})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("values, pattern", [
    ([], r"Network must be a mapping of name, input, layers, not \[\]"),
    ({**INPUT}, "Network must give layers"),
    ({**INPUT, "layers": END, "colour": 3}, "Network key must be one of name, input, layers, not 'colour'"),
    ({**INPUT, "layers": "conv"}, "Network layers must be a list of 1..1000 layers, not 'conv'"),
    ({**INPUT, "layers": [{"conv": 8}]}, "must end with a linear layer, not conv"),
    ({**INPUT, "layers": [{"conv": 8}, {"linear": 3}]}, "must end with average, then linear"),
    ({**INPUT, "layers": [{"conv": 8}] * 2000}, "Network layers must be a list of 1..1000"),
    ({**INPUT, "input": [1, 8], "layers": [{"conv": 8}, *END]}, r"input must be \[channels, height, width\], not"),
    ({**INPUT, "input": [1, 0, 8], "layers": [{"conv": 8}, *END]}, "input height must be an integer .*, not 0"),
    ({**INPUT, "input": [1, 8, "8"], "layers": [{"conv": 8}, *END]}, r"input width must be an integer .*, not '8'"),
    ({**INPUT, "input": [True, 8, 8], "layers": [{"conv": 8}, *END]}, r"input channels must be .*, not True"),
    ({**INPUT, "name": 3, "layers": [{"conv": 8}, *END]}, "Network name must be a text of one line, not 3"),
    ({**INPUT, "name": "a\nb", "layers": [{"conv": 8}, *END]}, "Network name must be a text of one line"),
    ({**INPUT, "input": [1, 4096, 4096], "layers": [{"conv": 16384}, *END]}, r"layers\[0\] must make a map of less"),
])
def test_bad_networks(values, pattern):
    with pytest.raises(CodesignError, match=pattern) as error:
        Network.from_dict(values)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["a: [1,", "\tx", "{" * 3000, "9" * 5000, "!!python/object:os.system {}"])
def test_bad_yaml(text):
    with pytest.raises(CodesignError, match="^Network must be") as error:
        Network.from_yaml(text)
    assert "\n" not in str(error.value)


def test_load_network(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    network = load_network(str(path), resolution=16, classes=3)
    assert network.input == (1, 16, 16) and network.graph().classes == 3
    assert load_network("diracdeltanet-116", resolution=32, classes=10) == diracdeltanet(116, 32, 10)
    with pytest.raises(CodesignError, match="Network must be one of diracdeltanet-116, .* not 'resnet'"):
        load_network("resnet")
    with pytest.raises(CodesignError, match="must be readable"):
        load_network(str(tmp_path / "none.yaml"))
    with pytest.raises(CodesignError, match="input height must be an integer in 1..4096, not 0"):
        load_network("diracdeltanet-116", resolution=0)
    path.write_text("name: x")
    with pytest.raises(CodesignError, match="small.yaml: Network must give input, layers"):
        load_network(str(path))


directions = st.lists(st.sampled_from(list(DIRECTIONS)), min_size=1, max_size=12).map(tuple)
layer = st.one_of(
    st.builds(Convolution, st.integers(1, 40)), st.builds(Pool, st.just(1)), st.builds(ShiftPattern, directions),
    st.builds(Block, st.integers(1, 20).map(lambda n: 2 * n), st.integers(1, 3), shift=directions,
              downsample=st.just(True)))


@given(st.lists(layer, max_size=4), st.integers(1, 6))
def test_any_network_survives_yaml(layers, channels):
    try:
        network = Network("any", (channels, 33, 40),
                          (Convolution(6), *layers, Average(), LinearClassifier(4)))
    except CodesignError as e:
        assert re.search("Pool must see a map", str(e))
        return
    assert Network.from_yaml(network.to_yaml()) == network
