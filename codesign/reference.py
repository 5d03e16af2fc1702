"""The integer semantics, defined once: what every device must compute, bit for bit (NumPy, exact)."""

import numpy as np

from .errors import require
from .graph import (
    Concat,
    Conv,
    GlobalAverage,
    Linear,
    MaxPool,
    Op,
    Permute,
    Shift,
    Slice,
)
from .integer import A_BITS, IntegerNetwork, Layer

__all__ = ["apply", "evaluate", "max_pool", "pointwise", "requantize", "run", "shift", "taps"]


def pointwise(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Exact sums: x (B, K, H, W) integers, weight (M, K) integers -> int64 (B, M, H, W).

    Runs in float64 (BLAS), which is exact while every partial sum stays below 2**53; int4 weights and
    activations of at most 16 bits need K > 2**34 to get there.
    """
    b, k, h, w = x.shape
    flat = x.astype(np.float64).transpose(1, 0, 2, 3).reshape(k, -1)
    return (weight.astype(np.float64) @ flat).reshape(-1, b, h, w).transpose(1, 0, 2, 3).astype(np.int64)


def requantize(acc: np.ndarray, layer: Layer, bits: int = A_BITS) -> np.ndarray:
    """``clamp((acc*mul + add) >> shift, 0, 2**bits - 1)`` per channel: int64 (B, M, H, W) -> uint8."""
    mul, add, places = (v.astype(np.int64)[:, None, None] for v in (layer.mul, layer.add, layer.shift))
    return np.clip((acc * mul + add) >> places, 0, 2**bits - 1).astype(np.uint8)


def taps(x: np.ndarray, op: Conv) -> np.ndarray:
    """What a k x k convolution multiplies: (B, C, H, W) -> (B, C * k * k, H, W), zeros outside the map."""
    if op.kernel == 1:
        return x
    (b, c, h, w), reach = x.shape, op.kernel // 2
    padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    views = [padded[:, :, reach + dy:reach + dy + h, reach + dx:reach + dx + w] for dx, dy in op.offsets]
    return np.stack(views, axis=2).reshape(b, c * op.taps, h, w)


def shift(x: np.ndarray, offsets: tuple[tuple[int, int], ...]) -> np.ndarray:
    """y(x, y, c) = input(x + dx[c], y + dy[c], c), zero outside the map; x (B, C, H, W)."""
    h, w = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.empty_like(x)
    for c, (dx, dy) in enumerate(offsets):
        out[:, c] = padded[:, c, 1 + dy:1 + dy + h, 1 + dx:1 + dx + w]
    return out


def max_pool(x: np.ndarray, padding: int) -> np.ndarray:
    """2x2, stride 2, floor. Zero padding is exact because activations are unsigned: it never wins."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    return x[:, :, :h, :w].reshape(*x.shape[:2], h // 2, 2, w // 2, 2).max(axis=(3, 5))


def apply(op: Op, x: list[np.ndarray], layer: Layer | None = None) -> np.ndarray:
    """One operator's map from its operands' ``x``, each (B, C, H, W); ``layer`` where it has weights."""
    match op:
        case Conv() if layer is not None:
            return requantize(pointwise(taps(x[0], op), layer.weight), layer, op.activation_bits)
        case Shift(offsets=offsets):
            return shift(x[0], offsets)
        case MaxPool(padding=padding):
            return max_pool(x[0], padding)
        case Slice(start=start, stop=stop):
            return x[0][:, start:stop]
        case Concat():
            return np.concatenate(x, axis=1)
        case Permute(order=order):
            return x[0][:, list(order)]
        case GlobalAverage():
            return x[0].astype(np.int64).sum(axis=(2, 3), keepdims=True)
        case Linear() if layer is not None:
            return pointwise(x[0], layer.weight) * layer.mul[:, None, None] + layer.add[:, None, None]
    raise TypeError(f"no semantics for {op!r} with layer {layer!r}")


def run(network: IntegerNetwork, images: np.ndarray) -> list[np.ndarray]:
    """Every node's map for uint8 ``images`` (B, C, H, W), in node order; the last: int64 logits (B, classes, 1, 1)."""
    shape = network.graph.input_shape
    require(images.dtype == np.uint8 and images.ndim == 4 and images.shape[1:] == shape,
            f"Images must be uint8 of shape (n, {', '.join(map(str, shape))}), "
            f"not {images.dtype} of shape {images.shape}")
    maps: list[np.ndarray] = []
    for node in network.graph.nodes:
        maps.append(apply(node.op, [maps[i] for i in node.inputs], network.layers.get(node.name))
                    if node.inputs else images)
    return maps


def evaluate(network: IntegerNetwork, images: np.ndarray, batch: int = 256) -> np.ndarray:
    """Raw int64 logits (B, classes)."""
    return np.concatenate([run(network, images[i:i + batch])[-1][:, :, 0, 0]
                           for i in range(0, len(images), batch)])
