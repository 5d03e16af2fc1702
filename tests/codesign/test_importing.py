import copy

import numpy as np
import pytest
import torch

from codesign import reference
from codesign.analysis import analyze
from codesign.errors import CodesignError
from codesign.importing import ImportOptions, import_checkpoint, import_tensors
from codesign.integer import WEIGHT_RANGES
from tests.released_model import normalized, released_model

RESOLUTION = 48


def images(count, seed=0):
    """Smooth, so that pooling and shifts see edges and areas."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, RESOLUTION, mode="bilinear")
    return (255 * (0.8 * fine + 0.2 * torch.rand(fine.shape, generator=generator))).round().to(torch.uint8)


def as_quantized(model, options):
    """``model`` with its first, last and linear weights on the grids that ``options`` asks for, each computed here."""
    model = copy.deepcopy(model)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    for weight, divisor, bits, rows in ((model.conv1.weight, deviation, options.first_weight_bits, True),
                                        (model.conv3.weight, 1, options.last_weight_bits, True),
                                        (model.linear.weight, 1, options.linear_bits, False)):
        real = (weight.data / divisor).double()
        largest = real.abs().amax(dim=tuple(range(1, real.dim())), keepdim=True) if rows else real.abs().max()
        step = largest / WEIGHT_RANGES[bits][1]
        weight.data = ((real / step).round() * step * divisor).float()
    model.quant_act1.bits, model.quant_act3.bits = options.first_activation_bits, options.last_activation_bits
    return model.double()


def conv_modules(model):
    """(our node, published conv, norm, clip, value of the input's step or 0 for pixels)."""
    first, step = 6 / (2**model.quant_act1.bits - 1), 2 / 15
    yield "conv0", model.conv1, model.bn1, model.quant_act1, 0
    yield "conv1", model.conv2, model.bn2, model.quant_act2, first
    for stage in (1, 2, 3):
        for i, block in enumerate(getattr(model, f"layer{stage}")):
            name = f"stage{stage}.{i}"
            yield f"{name}.main.expand", block.conv1, block.bn1, block.quant_act1, step
            yield f"{name}.main.project", block.conv3, block.bn3, block.quant_act2, step
            if i == 0:
                yield f"{name}.shortcut.project", block.shortcut[0], block.shortcut[1], block.quant_act2, step
    yield "conv2", model.conv3, model.bn3, model.quant_act3, step


@pytest.mark.parametrize("options, base, expansion", [
    (ImportOptions(), 8, 2),
    (ImportOptions(first_weight_bits=4, first_activation_bits=4, last_weight_bits=4, last_activation_bits=8,
                   linear_bits=8), 12, 1)])
@torch.no_grad()
def test_every_layer_is_the_published_one(options, base, expansion):
    model = released_model(base, 10, images(8), expansion=expansion)
    network, integer = import_tensors(model.state_dict(), options, RESOLUTION)
    want = as_quantized(model, options)
    inputs = images(4, seed=1)
    maps = reference.run(integer, inputs.numpy())
    indices = {node.name: i for i, node in enumerate(integer.graph.nodes)}
    compared = near = 0
    for name, conv, norm, clip, step in conv_modules(want):
        if name in integer.info["clipped_weights"]:
            continue
        node = integer.graph.nodes[indices[name]]
        x = torch.from_numpy(maps[node.inputs[0]])
        y = norm(conv(normalized(x).double() if step == 0 else x.double() * step))
        levels = 2**clip.bits - 1
        u = (y / clip.scale_coef.abs()).clamp(0, 1).numpy() * levels
        got = maps[indices[name]].astype(float)
        rounded = 5e-3 if levels == 15 else 2e-2  # gain and offset of 16 bits, in steps
        tie = np.abs(u - np.floor(u) - 0.5) < rounded
        assert np.array_equal(got[~tie], np.rint(u)[~tie]), name
        assert np.abs(got - u).max() <= 0.5 + rounded, name
        compared, near = compared + got.size, near + int(tie.sum())
        assert len(np.unique(got)) > 4, name  # not all saturated: the comparison says something
    assert near < 0.06 * compared and compared > 100_000


@pytest.mark.parametrize("options", [ImportOptions(), ImportOptions(last_activation_bits=8, linear_bits=8)])
@torch.no_grad()
def test_whole_network_gives_the_published_logits(options):
    model = released_model(8, 10, images(8), negative=0)
    _, integer = import_tensors(model.state_dict(), options, RESOLUTION)
    inputs = images(32, seed=1)
    logits = reference.evaluate(integer, inputs.numpy()) * integer.logit_scale
    want = as_quantized(model, options)(normalized(inputs).double()).numpy()
    assert integer.info["clipped_weights"] == {}
    spread = want.std(axis=0).mean()  # of a class, over the images
    assert spread > 0.01
    # A random network amplifies the few activations that round the other way (a gain has 16 bits): most images have
    # none that matter, and are equal to within the rounding of the bias and of the last activations.
    error = np.abs(logits - want).max(axis=1) / spread
    assert np.median(error) < 2e-3 and (error < 0.01).mean() > 0.5
    assert (logits.argmax(axis=1) == want.argmax(axis=1)).mean() > 0.8


def test_weights_that_a_negative_gain_makes_eight_are_clipped_and_counted():
    model = released_model(8, 10, images(4), negative=0)
    conv, norm = model.layer2[3].conv1, model.layer2[3].bn1
    conv.weight.data[0, 0] = -2 * conv.weight.data.abs().max()
    norm.weight.data[0] = -1
    _, integer = import_tensors(model.state_dict(), resolution=RESOLUTION)
    assert integer.info["clipped_weights"] == {"stage2.3.main.expand": 1}
    assert integer.layers["stage2.3.main.expand"].weight[0, 0] == 7


def test_released_size_and_file(tmp_path):
    torch.save({"epoch": 3, "net": {f"module.{k}": v for k, v in released_model(116, 1000).state_dict().items()}},
               tmp_path / "released.pth")
    network, integer = import_checkpoint(tmp_path / "released.pth")
    assert network.name == "diracdeltanet-116" and network.input == (3, 224, 224)
    assert analyze(network.graph()).weights == 2_913_000
    assert integer.info["checkpoint"] == "released.pth" and len(integer.info["checkpoint_sha256"]) == 64


@pytest.fixture(scope="module")
def state():
    return released_model(8, 10).state_dict()


@pytest.mark.parametrize("change, pattern", [
    (lambda s: s.pop("layer2.3.bn1.running_var"), "must not lack layer2.3.bn1.running_var$"),
    (lambda s: s.pop("linear.weight"), "must not lack linear.weight$"),
    (lambda s: s.update(fc=torch.ones(1)), "must not have tensors of another network: fc$"),
    (lambda s: s.update({"conv2.weight": torch.ones(64, 31, 1, 1)}),
     r"Tensor conv2.weight must have shape \(64, 32, 1, 1\), not \(64, 31, 1, 1\)"),
    (lambda s: s.update({"linear.weight": torch.ones(10)}), "linear.weight must have 2 dimensions"),
    (lambda s: s.update({"layer1.0.conv3.weight": torch.ones(3, 8, 1, 1)}), "must be a multiple of 4 .*, not 6"),
    (lambda s: s.update({"layer1.0.conv1.weight": torch.ones(9, 32, 1, 1)}), "1..16 times the 4 rows"),
    (lambda s: s.update({"linear.bias": torch.ones(10, dtype=torch.int32)}), "must be floating-point numbers"),
    (lambda s: s.update({"linear.bias": torch.full((10,), torch.nan)}), "Tensor linear.bias must be finite"),
    (lambda s: s.update({"linear.bias": torch.full((10,), 1e30)}), "linear.bias must be below"),
    (lambda s: s.update({"linear.weight": torch.zeros(10, 1024)}), "linear.weight must not be all 0"),
    (lambda s: s.update({"conv2.weight": torch.zeros(64, 32, 1, 1)}), "conv2.weight: weights must not all be 0"),
    (lambda s: s.update({"bn1.running_var": -torch.ones(32)}), "bn1.running_var must be at least 0"),
    (lambda s: s.update({"quant_act2.scale_coef": torch.zeros(1)}), "quant_act2.scale_coef must not be 0"),
    (lambda s: s.update({"bn2.weight": torch.full((64,), 1e20)}), "bn2 and quant_act2: Gains must be below"),
    (lambda s: s.update({"shift1.kernel": s["shift1.kernel"].flip(3)}), "shift1.kernel must be the one-hot kernels"),
])
def test_refuses_other_tensors(state, change, pattern):
    state = dict(state)
    change(state)
    with pytest.raises(CodesignError, match=pattern) as error:
        import_tensors(state, resolution=RESOLUTION)
    assert "\n" not in str(error.value)


def test_refuses_other_bits():
    with pytest.raises(CodesignError, match="Linear bits must be one of 4, 8, not 6"):
        ImportOptions(linear_bits=6)
