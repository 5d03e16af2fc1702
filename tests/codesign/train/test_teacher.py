import numpy as np
import pytest
import torch
import torch.nn.functional as F

from codesign.datasets import Augmentation, load_dataset
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.train.batches import Batches
from codesign.train.float_module import FloatNetwork
from codesign.train.teacher import Teacher, widen

NETWORK = Network.from_dict({"name": "n", "input": [1, 8, 8], "layers": [
    {"conv": {"out": 6, "kernel": 3}}, "shift", {"pool": 1}, {"block": {"out": 8, "downsample": True}},
    {"block": 8}, "average", {"linear": 10}]})


def test_widen():
    wide = widen(NETWORK, 3)
    assert [node.shape[0] for node in wide.graph().nodes if node.name.startswith("conv")] == [18]
    assert wide.layers[3].out == wide.layers[4].out == 24 and wide.graph().classes == 10 and wide.input == NETWORK.input
    with pytest.raises(CodesignError, match="Teacher's width must be an integer of at least 1, not 0"):
        widen(NETWORK, 0)


def test_float_network_is_the_graph_without_quantization():
    """Against the same written with torch's functions, channels first."""
    module = FloatNetwork(NETWORK, 1).eval()
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    layers = dict(zip(module.by_name, module.layers, strict=True))

    def conv(name, x):
        layer = layers[name]
        z = F.conv2d(x, layer.convolution.weight, padding="same")
        return F.relu(z / (1 + layer.norm.eps) ** 0.5)  # a new batch norm's statistics

    def shift(x):
        y = torch.zeros_like(x)
        for c in range(x.shape[1]):
            to, of = [(np.s_[:, c, 1:], np.s_[:, c, :-1]), (np.s_[:, c, :, 1:], np.s_[:, c, :, :-1]),
                      (np.s_[:, c], np.s_[:, c]),
                      (np.s_[:, c, :, :-1], np.s_[:, c, :, 1:]), (np.s_[:, c, :-1], np.s_[:, c, 1:])][c % 5]
            y[to] = x[of]
        return y

    def rotate(x):
        return torch.cat([x[:, 6:], x[:, :6]], 1)

    x = F.max_pool2d(shift(conv("conv0", images.float())), 2, 2, 1)
    names = list(layers)
    project, expand, main = (n for n in names if n.startswith("stage1.0"))
    x = rotate(torch.cat([conv(project, F.max_pool2d(x, 2)), conv(main, shift(F.max_pool2d(conv(expand, x), 2)))], 1))
    expand, main = (n for n in names if n.startswith("stage1.1"))
    x = rotate(torch.cat([x[:, :4], conv(main, shift(conv(expand, x[:, 4:])))], 1))
    wanted = layers["linear"].linear(x.mean((2, 3)))
    assert torch.allclose(module(images), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("augmentation, known", [(Augmentation(), True), (Augmentation(move_pixels=1), False)])
def test_logits_are_the_module_s(augmentation, known):
    module = FloatNetwork(NETWORK, 1)
    batches = Batches(load_dataset("digits").split_validation(0), 64, augmentation, "cpu")
    teacher = Teacher(module, batches, 0.5, 2.0)
    assert (teacher.known is not None) == known
    chosen, images, _ = next(batches.epoch(0, 0))
    assert torch.allclose(teacher.logits(chosen, images), module(images), atol=1e-5)


def test_loss():
    batches = Batches(load_dataset("digits").split_validation(0), 64, Augmentation(), "cpu")
    teacher = Teacher(FloatNetwork(NETWORK, 1), batches, 0.25, 2.0)
    logits, taught = torch.randn(2, 6, 10, generator=torch.Generator().manual_seed(0))
    p, q = (torch.softmax(v / 2, 1) for v in (taught, logits))
    wanted = 0.75 * 3.0 + 0.25 * 4 * (p * (p / q).log()).sum(1).mean()
    assert torch.allclose(teacher.loss(logits, taught, torch.tensor(3.0)), wanted)
    assert torch.allclose(teacher.loss(taught, taught, torch.tensor(3.0)), torch.tensor(2.25), atol=1e-6)
