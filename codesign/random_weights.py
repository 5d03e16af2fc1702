"""Integer networks without training: random ones that behave like trained ones, and extreme ones for tests."""

import numpy as np

from . import reference
from .analysis import max_values
from .errors import require
from .folding import fold
from .graph import Conv, Graph, Linear
from .integer import A_BITS, ADD_BITS, MUL_BITS, SHIFT_MAX, WEIGHT_RANGES, IntegerNetwork, Layer

__all__ = ["extreme_network", "random_network"]

CALIBRATION_ELEMENTS = 1 << 16  # input elements to calibrate on: at least one image, at most 16
ACC_BITS = 24  # of every built-in accelerator
LOGIT_BITS = 32  # a logit leaves the accelerator as one 32-bit word


def random_network(graph: Graph, seed: int) -> IntegerNetwork:
    """Bell-shaped weights, and gains and offsets under which every channel's activations spread over their range.

    Gains come from running the reference on a few random images. Same graph and seed, same network.
    """
    generator = _generator(seed)
    elements = int(np.prod(graph.input_shape))
    images = _random_images(generator, max(1, min(16, CALIBRATION_ELEMENTS // elements)), graph)
    largest = max_values(graph)
    maps: list[np.ndarray] = []
    layers = {}
    last_use = {i: max(graph.consumers(i), default=i) for i in range(len(graph.nodes))}
    for index, node in enumerate(graph.nodes):
        x = [maps[i] for i in node.inputs]
        if isinstance(node.op, Conv | Linear):
            low, high = WEIGHT_RANGES[node.op.weight_bits]
            k = node.op.taps * x[0].shape[1]
            weight = np.clip(np.rint(generator.normal(0, -3 * low / 8, (node.shape[0], k))), low, high).astype(np.int8)
            if isinstance(node.op, Linear):
                layers[node.name] = _linear(weight, generator.integers(-1000, 1001, len(weight)))
            else:
                acc = reference.pointwise(reference.taps(x[0], node.op), weight)
                reach = largest[node.inputs[0]] * np.abs(weight.astype(np.int64)).sum(axis=1)
                layers[node.name] = _spread(generator, weight, acc, reach, node.op.activation_bits)
        maps.append(reference.apply(node.op, x, layers.get(node.name)) if node.inputs else images)
        for i in node.inputs:
            if last_use[i] == index:
                maps[i] = np.empty(0)
    return IntegerNetwork(graph, layers, info={"weights": "random", "seed": seed})


def extreme_network(graph: Graph, seed: int, acc_bits: int = ACC_BITS) -> IntegerNetwork:
    """Corners of every range, channel by channel: weights all lowest or highest or alternating, zero and largest mul,
    saturating and negative add, every shift. Accumulators fit ``acc_bits`` signed bits whatever the pixels,
    logits 32: where a row of weights is too heavy, its tail is zero.
    """
    generator = _generator(seed)
    largest = max_values(graph)
    layers = {}
    for node in graph.nodes:
        if not isinstance(node.op, Conv | Linear):
            continue
        k, m = node.op.taps * graph.nodes[node.inputs[0]].shape[0], node.shape[0]
        x_max = largest[node.inputs[0]]
        weight = _extreme_weights(generator, m, k, (2 ** (acc_bits - 1) - 1) // x_max, node.op.weight_bits)
        reach = x_max * np.abs(weight.astype(np.int64)).sum(axis=1)
        if isinstance(node.op, Linear):
            bound = 2 ** (LOGIT_BITS - 1) - 1 - reach
            layers[node.name] = _linear(weight, _pick(generator, m, bound, -bound, 0, 1, -1))
            continue
        mul = _pick(generator, m, 0, 1, 2**MUL_BITS - 1, generator.integers(0, 2**MUL_BITS, m))
        places = _pick(generator, m, 0, 1, SHIFT_MAX, generator.integers(0, SHIFT_MAX + 1, m))
        top = 2 ** (ADD_BITS - 1) - 1
        add = _pick(generator, m, -top - 1, top, -1, 0, generator.integers(-top, top, m))
        # Half of the channels see their full range fall on the activations' and around, so that errors upstream show.
        bits = node.op.activation_bits
        gain = 2.0 ** (generator.uniform(3, 7, m) + bits - A_BITS) / np.maximum(reach, 1)
        some = fold(np.minimum(gain, 2.0**15), generator.uniform(-8, 24, m) * 2 ** (bits - A_BITS), reach, bits)
        alive = generator.random(m) < 0.5
        mul, add, places = (np.where(alive, a, b) for a, b in zip(some, (mul, add, places), strict=True))
        layers[node.name] = Layer(weight=weight, mul=mul, add=add, shift=places)
    return IntegerNetwork(graph, layers, info={"weights": "extreme", "seed": seed})


def _generator(seed: int) -> np.random.Generator:
    require(type(seed) is int and seed >= 0, f"Seed must be an integer of at least 0, not {seed!r}")
    return np.random.default_rng(seed)


def _random_images(generator: np.random.Generator, count: int, graph: Graph) -> np.ndarray:
    """Noise of many contrasts: uint8 (count, C, H, W)."""
    noise = generator.random((count, *graph.input_shape))
    contrast = generator.uniform(0.3, 3, (count, graph.input_shape[0], 1, 1))
    return np.rint(255 * noise**contrast).astype(np.uint8)


def _spread(generator: np.random.Generator, weight: np.ndarray, acc: np.ndarray, reach: np.ndarray,
            bits: int) -> Layer:
    """Requantization under which acc (B, M, H, W) has a mean of 2..8 and a deviation of 2..5 of 16 equal steps."""
    m = len(weight)
    mean, deviation = acc.mean(axis=(0, 2, 3)), acc.std(axis=(0, 2, 3))
    steps = 2 ** (bits - A_BITS)
    gain = steps * generator.uniform(2, 5, m) / np.maximum(deviation, 1)
    offset = steps * generator.uniform(2, 8, m) - mean * gain
    mul, add, places = fold(gain, offset, reach, bits)
    return Layer(weight=weight, mul=mul, add=add, shift=places)


def _linear(weight: np.ndarray, bias: np.ndarray) -> Layer:
    ones = np.ones(len(weight), np.int64)
    return Layer(weight=weight, mul=ones, add=bias.astype(np.int64), shift=0 * ones)


def _pick(generator: np.random.Generator, m: int, *choices) -> np.ndarray:
    """Per channel one of ``choices``, each a number or an array (M,): int64 (M,)."""
    table = np.stack([np.broadcast_to(np.asarray(choice, np.int64), m) for choice in choices])
    return table[generator.integers(0, len(choices), m), np.arange(m)]


def _extreme_weights(generator: np.random.Generator, m: int, k: int, limit: int, bits: int) -> np.ndarray:
    """int8 (M, K) with sum |w| <= ``limit`` in every row."""
    low, high = WEIGHT_RANGES[bits]
    patterns = np.stack([np.full((m, k), low), np.full((m, k), high), np.zeros((m, k), int),
                         np.broadcast_to(np.where(np.arange(k) % 2, high, low), (m, k)),
                         generator.choice([low, high], (m, k)), generator.integers(low, high + 1, (m, k))])
    weight = patterns[generator.integers(0, len(patterns), m), np.arange(m)]
    weight[np.abs(weight).cumsum(axis=1) > limit] = 0
    return weight.astype(np.int8)
