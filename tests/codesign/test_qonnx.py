import numpy as np
import pytest

from codesign.errors import CodesignError
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear
from codesign.integer import IntegerNetwork, Layer
from codesign.network import diracdeltanet
from codesign.qonnx import INPUT, OUTPUT, qonnx_model, save_qonnx, thresholds
from codesign.random_weights import extreme_network, random_network
from codesign.reference import evaluate, requantize
from tests.random_graphs import random_graph


def execute(network, images):
    """Logits by the qonnx package, one image at a time."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    model = ModelWrapper(qonnx_model(network))
    return np.concatenate([execute_onnx(model, {INPUT: image[None].astype(np.float32)})[OUTPUT] for image in images])


def images_for(graph, count, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *graph.input_shape)).astype(np.uint8)
    images[0] = rng.choice([0, 255])
    return images


@pytest.mark.filterwarnings("default")  # of the packages that execute it
@pytest.mark.parametrize("make", [random_network, extreme_network])
@pytest.mark.parametrize("seed", range(24))
def test_qonnx_executes_to_the_same_logits(seed, make):
    network = make(random_graph(np.random.default_rng(seed)), seed)
    images = images_for(network.graph, 2, seed)
    np.testing.assert_array_equal(execute(network, images), evaluate(network, images))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("base, resolution", [(16, 32), (116, 64)])
def test_diracdeltanet(base, resolution):
    network = random_network(diracdeltanet(base, resolution).graph(), 0)
    images = images_for(network.graph, 1, 0)
    found = execute(network, images)
    np.testing.assert_array_equal(found, evaluate(network, images))
    assert len(np.unique(found)) > 100


@pytest.mark.parametrize("bits", [4, 8])
def test_thresholds_are_the_requantization(bits):
    rng = np.random.default_rng(bits)
    m, most = 200, 700
    mul = np.where(rng.random(m) < 0.2, rng.choice([0, 1, 65535], m), rng.integers(0, 1 << 16, m))
    layer = Layer(np.zeros((m, 1), np.int8), mul, rng.integers(-1 << 24, 1 << 24, m), rng.integers(0, 26, m))
    acc = np.arange(-most, most + 1)
    steps = thresholds(layer, bits, np.full(m, most))
    found = (acc[:, None] >= steps[:, None]).sum(axis=2)
    wanted = requantize(np.broadcast_to(acc, (1, m, 1, acc.size)), layer, bits)[0, :, 0]
    np.testing.assert_array_equal(found, wanted)
    assert 0 < wanted.mean() < 2**bits - 1


def heavy(k):
    builder = GraphBuilder((k, 1, 1))
    builder.add("conv", Conv(out_channels=1, weight_bits=8), 0)
    builder.add("average", GlobalAverage(), 1)
    builder.add("linear", Linear(out_channels=2), 2)
    one = np.ones(1, np.int64)
    return IntegerNetwork(builder.graph(), {
        "conv": Layer(np.full((1, k), -128, np.int8), one, 0 * one, 0 * one),
        "linear": Layer(np.ones((2, 1), np.int8), *np.array([[1, 1], [0, 0], [0, 0]]))})


def test_sums_that_float32_would_round_are_refused():
    qonnx_model(heavy(513))
    with pytest.raises(CodesignError, match=r"^conv: sums must stay below 16777216 .*, not reach 16809600$"):
        qonnx_model(heavy(515))


def test_a_file_is_whole_and_never_overwritten(tmp_path):
    network, path = heavy(3), tmp_path / "net.onnx"
    save_qonnx(path, network)
    before = path.read_bytes()
    with pytest.raises(CodesignError, match="^Output file must not exist yet"):
        save_qonnx(path, network)
    with pytest.raises(CodesignError, match="must be writable and new: No such file"):
        save_qonnx(tmp_path / "nowhere" / "net.onnx", network)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["net.onnx"]
