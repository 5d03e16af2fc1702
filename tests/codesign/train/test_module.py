import numpy as np
import pytest
import torch

from codesign import reference
from codesign.errors import CodesignError
from codesign.graph import Concat, GlobalAverage, MaxPool, Permute, Shift, Slice
from codesign.integer import WEIGHT_RANGES
from codesign.network import Network
from codesign.random_weights import extreme_network, random_network
from codesign.train.exact import evaluate
from codesign.train.module import build
from codesign.train.ops import DataMovement
from codesign.train.quantizers import DoReFa, LearnedStep, quantize_activation

ALL = Network.from_dict({"name": "n", "input": [3, 11, 8], "layers": [
    {"conv": 13}, {"pool": 1}, "shift",
    {"block": {"out": 14, "downsample": True, "shift": ["up-left", "down-right", "up"]}},
    {"block": {"out": 14, "expansion": 3}}, {"pool": 1}, {"shift": ["up", "down-left"]}, {"conv": 9}, "average",
    {"linear": 5}]})
ORDINARY = Network.from_dict({"name": "o", "input": [3, 11, 8], "layers": [
    {"conv": {"out": 6, "kernel": 3, "weight_bits": 8, "activation_bits": 8}}, "pool",
    {"conv": {"out": 7, "kernel": 5, "weight_bits": 2}}, {"conv": {"out": 9, "activation_bits": 8}}, "average",
    {"linear": {"out": 5, "weight_bits": 8}}]})


def _images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *ALL.input), dtype=np.uint8)


@pytest.mark.parametrize("op", [
    Shift(offsets=((0, -1), (1, 1), (0, -1), (0, 0), (-1, 0), (1, -1))), MaxPool(padding=0), MaxPool(padding=1),
    Slice(start=1, stop=4), Permute(order=(2, 0, 1, 5, 4, 3)), GlobalAverage()])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 6)])
def test_data_movement_equals_reference(op, size):
    if isinstance(op, MaxPool) and not op.padding and min(size) < 2:
        return
    x = np.random.default_rng(0).permutation(6 * 2 * size[0] * size[1]).reshape(2, 6, *size)  # no ties: smooth
    wanted = reference.apply(op, [x])
    made = DataMovement(op)(torch.from_numpy(x).double())
    assert np.array_equal(made.numpy(), wanted)
    leaf = torch.from_numpy(x).double().contiguous().requires_grad_()
    assert torch.autograd.gradcheck(DataMovement(op), (leaf,), eps=1e-3)
    single = leaf.detach().float().requires_grad_()
    short = DataMovement(op)(single)
    assert short.dtype == torch.float32 and np.array_equal(short.detach().numpy(), wanted)
    upstream = torch.from_numpy(np.random.default_rng(1).integers(0, 9, wanted.shape))
    (upstream * DataMovement(op)(leaf)).sum().backward()
    (upstream * short).sum().backward()
    assert torch.equal(single.grad.double(), leaf.grad)


def test_concat_equals_reference():
    x, y = np.arange(12).reshape(1, 3, 2, 2), np.arange(8).reshape(1, 2, 2, 2)
    made = DataMovement(Concat())(torch.from_numpy(x), torch.from_numpy(y))
    assert np.array_equal(made.numpy(), reference.apply(Concat(), [x, y]))


@pytest.mark.parametrize("make", [random_network, extreme_network])
@pytest.mark.parametrize("network", [ALL, ORDINARY], ids=["diracdelta", "ordinary"])
@pytest.mark.parametrize("seed", range(4))
def test_exact_equals_reference(make, network, seed):
    integer = make(network.graph(), seed)
    images = _images(9, seed)
    assert np.array_equal(evaluate(integer, torch.from_numpy(images)).numpy(), reference.evaluate(integer, images))


@pytest.mark.parametrize("quantizer", ["dorefa", "lsq"])
@pytest.mark.parametrize("network", [ALL, ORDINARY], ids=["diracdelta", "ordinary"])
@pytest.mark.parametrize("seed", range(3))
def test_evaluation_mode_is_the_integer_function(quantizer, network, seed):
    module = build(network, quantizer, seed)
    images = torch.from_numpy(_images(32))
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():  # any parameters, negative gains among them
        parameter.data += 0.7 * torch.randn(parameter.shape, generator=generator)
    for layer in module.layers[:-1]:
        layer.momentum = 1.0
    module.train()
    trained = module(images)
    module.eval()
    raw = module(images)
    integer = module.integer()
    assert raw.dtype == torch.float64
    assert np.array_equal(raw.numpy(), reference.evaluate(integer, images.numpy()))
    assert len(torch.unique(raw)) > 10
    # With statistics of this very batch, training computes the same up to rounding at a step's edge and its 1/(n-1).
    scaled = raw * integer.logit_scale
    assert torch.corrcoef(torch.stack([scaled.flatten(), trained.detach().double().flatten()]))[0, 1] > 0.98


@pytest.mark.parametrize("quantizer", [DoReFa, LearnedStep])
@pytest.mark.parametrize("bits, low, high", [(2, -2, 1), (4, -8, 7), (8, -119, 119)])
def test_weights_use_the_range_of_their_bits(quantizer, bits, low, high):
    weight = torch.randn(40, 50, generator=torch.Generator().manual_seed(2))
    made = quantizer(weight, bits)(3 * weight)
    assert made.min() >= WEIGHT_RANGES[bits][0] and made.max() <= high and torch.equal(made, made.round())
    assert len(torch.unique(made)) > 0.5 * (high - low)


def test_dorefa_is_the_released_formula():
    weight = torch.randn(20, 30, generator=torch.Generator().manual_seed(1))
    made = DoReFa(weight)(weight)
    t = np.tanh(weight.numpy().astype(np.float64))
    wanted = np.rint(15 * (t / (2 * np.abs(t).max()) + 0.5)) - 8
    assert (made.numpy() == wanted).mean() > 0.999  # float32 against float64 at a step's edge
    assert made.min() == -8 or made.max() == 7


def test_dorefa_s_gradient_is_the_formula_s():
    weight = torch.randn(20, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(20, 30, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    squashed = torch.tanh(weight)
    (upstream * (15 * (squashed / (2 * squashed.abs().max()) + 0.5))).sum().backward()  # rounding passes it through
    wanted, weight.grad = weight.grad, None
    (upstream * DoReFa(weight)(weight)).sum().backward()
    assert torch.allclose(weight.grad, wanted, rtol=1e-12, atol=1e-12) and wanted.abs().max() > 1


def test_gain_and_offset_have_the_formula_s_gradient():
    layer = build(ALL, "dorefa", 0).layers[0].double()
    layer.gamma.data = torch.randn(13, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    upstream = torch.randn(2, 13, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    gain, offset = layer.affine()
    (upstream[0] @ gain + upstream[1] @ offset).backward()
    made = [p.grad for p in (layer.gamma, layer.beta, layer.log_clip)]
    layer.zero_grad()
    per_unit = layer.levels * torch.exp(-layer.log_clip)
    formula = layer.gamma.abs() * per_unit, layer.beta * per_unit + 0.5
    assert torch.allclose(gain, formula[0]) and torch.allclose(offset, formula[1])
    (upstream[0] @ formula[0] + upstream[1] @ formula[1]).backward()
    for grad, parameter in zip(made, (layer.gamma, layer.beta, layer.log_clip), strict=True):
        assert torch.allclose(grad, parameter.grad) and grad.abs().max() > 0


@pytest.mark.parametrize("precision, tolerance", [(torch.bfloat16, 0.03), (torch.float16, 0.004)])
def test_wide_layers_keep_their_accumulators_in_short_floats(precision, tolerance):
    wide = Network.from_dict({"name": "w", "input": [1024, 3, 3], "layers": [
        {"conv": {"out": 8, "kernel": 3, "weight_bits": 8, "activation_bits": 8}}, "average", {"linear": 5}]})
    images = torch.full((4, *wide.input), 255, dtype=torch.uint8)
    images[1:] = torch.randint(0, 256, (3, *wide.input), generator=torch.Generator().manual_seed(0))
    module = build(wide).train()
    module.layers[0].momentum = 1.0
    with torch.no_grad(), torch.autocast("cpu", precision):
        assert module(images).dtype == torch.float32
    short = module.layers[0].variance.clone()
    with torch.no_grad():
        module(images)
    assert torch.isfinite(short).all() and torch.allclose(short, module.layers[0].variance, rtol=2 * tolerance)


def test_learned_step_gradient_of_real_values_is_lsq():
    weight = torch.tensor([[0.3, -2.0, 5.0, 0.05]])
    quantize = LearnedStep(weight)
    quantize.log_step.data = torch.tensor(0.2).log()
    (quantize(weight) * quantize.log_step.exp()).sum().backward()  # the real value
    step = 0.2
    scaled = weight / step
    per_weight = torch.where(scaled <= -8, -8.0, torch.where(scaled >= 7, 7.0, scaled.round() - scaled))
    assert quantize.log_step.grad.item() == pytest.approx(per_weight.sum().item() * step, rel=1e-4)


def test_activation_gradient_passes_inside_only():
    u = torch.tensor([-3.0, -0.6, -0.4, 0.0, 7.2, 15.4, 15.6, 99.0], requires_grad=True)
    q = quantize_activation(u + 0.5)
    assert q.tolist() == [0, 0, 0, 0, 7, 15, 15, 15]
    q.sum().backward()
    assert u.grad.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_bad_quantizer():
    with pytest.raises(CodesignError, match="Quantizer must be one of dorefa, lsq, not 'xnor'"):
        build(ALL, "xnor")
