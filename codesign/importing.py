"""Released DiracDeltaNet checkpoints as integer networks.

What the public training code computes in floating point (its ``models/diracdeltanet.py``; Yang et al., FPGA 2019) is
an integer function up to rounding: DoReFa weights are n/8, activations n/15 times a constant, and batch norm and clip
fold into mul, add and shift. Its first and last convolution and its classifier are floats; they are quantized here,
with one scale per output channel (the classifier: one of all), and so are the activations behind those convolutions.
"""

import dataclasses
import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from .diracdeltanet import STAGE_BLOCKS, diracdeltanet_layers
from .errors import CodesignError, require
from .folding import fold
from .importing_tensors import ReleasedTensors, check_tensors, read_tensors
from .integer import A_BITS, PIXEL_BITS, W_BITS, WEIGHT_RANGES, IntegerNetwork, Layer
from .layers import Block, Convolution, LayerSpec, LinearClassifier
from .network import Network

__all__ = ["ImportOptions", "import_checkpoint", "import_tensors"]

BATCH_NORM_EPSILON = 1e-5  # PyTorch's default, which the training code uses
PIXEL_MEAN = (0.485, 0.456, 0.406)  # of pixels/255, as its train.py and test.py normalize them
PIXEL_DEVIATION = (0.229, 0.224, 0.225)
ACTIVATION_TOP = 2.0  # value of the largest activation code
FIRST_TOP = 6.0
LAST_TOP = 10.0
BIAS_LIMIT = 2**30  # logits leave the accelerator as 32 bits
CHOICES = (4, 8)


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Bits (4 or 8) of what is floating-point in the release.

    The last activations and the classifier have 4 by default. With 8 of either, at 224x224, the classifier's sums over
    the map take 26 bits, which presets ultra96 and zcu102 have; with 8 of both, 30.
    """

    first_weight_bits: int = 8
    first_activation_bits: int = 8
    last_weight_bits: int = 8
    last_activation_bits: int = 4
    linear_bits: int = 4

    def __post_init__(self):
        for name, value in asdict(self).items():
            require(type(value) is int and value in CHOICES,
                    f"{name.replace('_', ' ').capitalize()} must be one of {', '.join(map(str, CHOICES))}, "
                    f"not {value!r}")


def import_checkpoint(path: str | os.PathLike, options: ImportOptions | None = None,
                      resolution: int = 224) -> tuple[Network, IntegerNetwork]:
    """The checkpoint file ``path`` as a model; ``info`` says where it comes from. Raises :class:`CodesignError`."""
    network, integer = import_tensors(read_tensors(path), options, resolution)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    source = {"checkpoint": Path(path).name, "checkpoint_sha256": digest}
    return network, dataclasses.replace(integer, info={**source, **integer.info})


def import_tensors(tensors: dict[str, torch.Tensor], options: ImportOptions | None = None,
                   resolution: int = 224) -> tuple[Network, IntegerNetwork]:
    """A state dict with the published names as a network on 3 x ``resolution`` x ``resolution`` raw pixels.

    ``info["clipped_weights"]`` counts weights -8 of channels with a negative batch-norm gain: the sign moves into the
    weights, and 8 is clipped to 7. Raises :class:`CodesignError` naming the tensor or layer.
    """
    options = options or ImportOptions()
    released = check_tensors(tensors)
    network = _network(released, options, resolution)
    folder = _Folder(released.tensors)
    folder.stem(options)
    stem_top = FIRST_TOP / (2**options.first_activation_bits - 1)
    step = ACTIVATION_TOP / (2**A_BITS - 1)
    folder.hidden("conv1", "conv2", "bn2", "quant_act2", stem_top, 2**options.first_activation_bits - 1)
    for stage, blocks in enumerate(STAGE_BLOCKS, 1):
        for block in range(blocks):
            ours, theirs = f"stage{stage}.{block}", f"layer{stage}.{block}"
            folder.hidden(f"{ours}.main.expand", f"{theirs}.conv1", f"{theirs}.bn1", f"{theirs}.quant_act1", step)
            folder.hidden(f"{ours}.main.project", f"{theirs}.conv3", f"{theirs}.bn3", f"{theirs}.quant_act2", step)
            if block == 0:  # both branches go through one activation
                folder.hidden(f"{ours}.shortcut.project", f"{theirs}.shortcut.0", f"{theirs}.shortcut.1",
                              f"{theirs}.quant_act2", step)
    last = folder.matrix("conv3")
    integers, scale = _quantize_rows(last, options.last_weight_bits)
    folder.add("conv2", integers, scale * step, np.zeros(len(last)), "bn3", "quant_act3",
               options.last_weight_bits, options.last_activation_bits, 2**A_BITS - 1)
    graph = network.graph()
    _, height, width = graph.nodes[graph.nodes[-2].inputs[0]].shape
    logit_scale = folder.linear(options, height * width)
    info = {"weights": "imported", "quantized": asdict(options), "clipped_weights": folder.clipped,
            "pixel_mean": list(PIXEL_MEAN), "pixel_deviation": list(PIXEL_DEVIATION)}
    return network, IntegerNetwork(graph, folder.layers, logit_scale, info)


def _network(released: ReleasedTensors, options: ImportOptions, resolution: int) -> Network:
    layers: list[LayerSpec] = []
    for spec in diracdeltanet_layers(released.base, released.classes):
        match spec:
            case Block():
                spec = dataclasses.replace(spec, expansion=released.expansion)
            case Convolution() if not layers:
                spec = Convolution(spec.out, weight_bits=options.first_weight_bits,
                                   activation_bits=options.first_activation_bits)
            case Convolution() if any(isinstance(layer, Block) for layer in layers):
                spec = Convolution(spec.out, weight_bits=options.last_weight_bits,
                                   activation_bits=options.last_activation_bits)
            case LinearClassifier():
                spec = LinearClassifier(spec.out, weight_bits=options.linear_bits)
        layers.append(spec)
    return Network(f"diracdeltanet-{released.base}", (3, resolution, resolution), tuple(layers))


def _dorefa(weight: np.ndarray) -> np.ndarray:
    """The integers -8..7 of the release's weights, float32 as it computes them; their unit is 1/8."""
    w = torch.tanh(torch.from_numpy(weight))
    largest = w.abs().max()
    require(bool(largest > 0), "weights must not all be 0")
    levels = 2**W_BITS - 1
    return ((w / (2 * largest) + 0.5) * levels).round().numpy().astype(np.int64) - 2 ** (W_BITS - 1)


def _quantize_rows(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Integers (M, K), symmetric, and each row's unit (M,)."""
    high = WEIGHT_RANGES[bits][1]
    largest = np.abs(weight).max(axis=1)
    scale = np.where(largest > 0, largest, 1) / high
    return np.rint(weight / scale[:, None]).astype(np.int64), scale


class _Folder:
    """Collects the integers of layer after layer."""

    def __init__(self, tensors: dict[str, np.ndarray]):
        self.tensors = tensors
        self.layers: dict[str, Layer] = {}
        self.clipped: dict[str, int] = {}

    def matrix(self, name: str) -> np.ndarray:
        weight = self.tensors[f"{name}.weight"]
        return weight.reshape(weight.shape[:2]).astype(np.float64)

    def stem(self, options: ImportOptions) -> None:
        """The training code's normalization moves into weights and offset; without padding, that is exact."""
        deviation, mean = np.array(PIXEL_DEVIATION), np.array(PIXEL_MEAN)
        weight = self.matrix("conv1") / deviation
        integers, scale = _quantize_rows(weight, options.first_weight_bits)
        # The offset of the weights as they are now, so that a pixel of the mean stays 0.
        offset = -(integers * scale[:, None]) @ mean
        top = 2**PIXEL_BITS - 1
        self.add("conv0", integers, scale / top, offset, "bn1", "quant_act1", options.first_weight_bits,
                 options.first_activation_bits, top)

    def hidden(self, name: str, conv: str, norm: str, clip: str, step: float, input_max: int = 2**A_BITS - 1) -> None:
        """A convolution that the release quantizes; ``step`` is the value of one step of its input."""
        try:
            weight = self.tensors[f"{conv}.weight"]
            integers = _dorefa(weight.reshape(weight.shape[:2]))
        except CodesignError as e:
            raise CodesignError(f"Tensor {conv}.weight: {e}") from None
        scale = np.full(len(integers), step / 2 ** (W_BITS - 1))
        self.add(name, integers, scale, np.zeros(len(integers)), norm, clip, W_BITS, A_BITS, input_max)

    def add(self, name: str, weight: np.ndarray, scale: np.ndarray, offset: np.ndarray, norm: str, clip: str,
            weight_bits: int, activation_bits: int, input_max: int) -> None:
        """The layer clip(norm(acc * scale + offset)), acc the sums of integer ``weight`` (M, K) times input codes."""
        gamma, beta, mean, variance = (self.tensors[f"{norm}.{field}"].astype(np.float64)
                                       for field in ("weight", "bias", "running_mean", "running_var"))
        steps = (2**activation_bits - 1) / abs(float(self.tensors[f"{clip}.scale_coef"][0]))
        gain = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        total = (beta + (offset - mean) * gain) * steps
        gain = gain * scale * steps
        low, high = WEIGHT_RANGES[weight_bits]
        weight = np.where(gain[:, None] < 0, -weight, weight)
        if clipped := int((weight > high).sum()):
            self.clipped[name] = clipped
        weight = np.clip(weight, low, high)
        try:
            mul, add, places = fold(np.abs(gain), total + 0.5, input_max * np.abs(weight).sum(axis=1), activation_bits)
        except CodesignError as e:
            raise CodesignError(f"{norm} and {clip}: {e}") from None
        self.layers[name] = Layer(weight=weight.astype(np.int8), mul=mul, add=add, shift=places)

    def linear(self, options: ImportOptions, pixels: int) -> float:
        """The classifier, on sums over ``pixels``; returns the value of one step of the logits."""
        weight = self.tensors["linear.weight"].astype(np.float64)
        largest = np.abs(weight).max()
        require(largest > 0, "Tensor linear.weight must not be all 0")
        scale = float(largest / WEIGHT_RANGES[options.linear_bits][1])
        step = scale * LAST_TOP / ((2**options.last_activation_bits - 1) * pixels)
        bias = np.rint(self.tensors["linear.bias"].astype(np.float64) / step)
        require(bool((np.abs(bias) < BIAS_LIMIT).all()),
                f"Tensor linear.bias must be below {BIAS_LIMIT} logit steps, not {np.abs(bias).max()}")
        ones = np.ones(len(weight), np.int64)
        self.layers["linear"] = Layer(weight=np.rint(weight / scale).astype(np.int8), mul=ones,
                                      add=bias.astype(np.int64), shift=0 * ones)
        return step
