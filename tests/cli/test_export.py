import onnx

from codesign.network import load_network
from codesign.qonnx import qonnx_model
from codesign.random_weights import random_network

EXPORT = ["export", "network.yaml", "--random-weights", 3, "--out", "net.onnx"]


def test_the_file_is_the_model(codesign, tmp_path):
    assert codesign(*EXPORT, check=True).stdout == "net.onnx\n"
    network = random_network(load_network(str(tmp_path / "network.yaml")).graph(), 3)
    assert onnx.load(tmp_path / "net.onnx") == qonnx_model(network)


def test_an_existing_file_is_kept(codesign, tmp_path):
    (tmp_path / "net.onnx").write_text("mine")
    result = codesign(*EXPORT)
    assert result.returncode == 1 and result.stderr == (
        "codesign export: Output file must not exist yet: 'net.onnx'\n")
    assert (tmp_path / "net.onnx").read_text() == "mine"
