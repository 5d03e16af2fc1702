"""The integer function on torch, batched, on any device; equal to :mod:`codesign.reference` bit for bit."""

import numpy as np
import torch

from ..graph import Conv, Linear
from ..integer import IntegerNetwork
from .ops import DataMovement, channels_last, shifted

__all__ = ["evaluate"]


@torch.no_grad()
def evaluate(network: IntegerNetwork, images: torch.Tensor) -> torch.Tensor:
    """Raw logits (B, classes), float64 holding integers, for uint8 ``images`` (B, C, H, W), on their device.

    Integers travel in float64, exact below 2**53: accumulators of 24 bits times 16 bits of gain plus 40 bits of
    offset stay below 2**42, and dividing by a power of two loses nothing before the floor.
    """
    device = images.device
    nodes = network.graph.nodes
    maps: list[torch.Tensor] = []
    last_use = [max(network.graph.consumers(i), default=i) for i in range(len(nodes))]
    for index, node in enumerate(nodes):
        x = [maps[i] for i in node.inputs]
        if not node.inputs:
            y = channels_last(images.double())
        elif isinstance(node.op, Conv | Linear):
            layer = network.layers[node.name]
            # The powers of two come from NumPy: a device's exp2 need not be exact.
            weight, mul, add, unit = (torch.from_numpy(v).to(device, torch.float64) for v in (
                layer.weight, layer.mul, layer.add, np.ldexp(1.0, -layer.shift)))
            y = _product(x[0], weight, node.op)
            y = y.mul_(mul[:, None, None]).add_(add[:, None, None])
            if isinstance(node.op, Conv):
                y = y.mul_(unit[:, None, None]).floor_().clamp_(0, 2**node.op.activation_bits - 1)
        else:
            y = DataMovement(node.op)(*x)
        maps.append(y)
        for i in node.inputs:
            if last_use[i] == index:
                maps[i] = torch.empty(0)
    return maps[-1][:, :, 0, 0]


def _product(x: torch.Tensor, weight: torch.Tensor, op: Conv | Linear) -> torch.Tensor:
    """x (B, K, H, W), weight (M, K * taps) -> (B, M, H, W): one matrix product for every tap, over pixels."""
    b, k, h, w = x.shape
    pixels: torch.Tensor | None = None
    offsets = op.offsets if isinstance(op, Conv) else ((0, 0),)
    for (dx, dy), tap in zip(offsets, weight.view(-1, k, len(offsets)).unbind(2), strict=True):
        moved = x if (dx, dy) == (0, 0) else shifted(x, [(slice(k), dx, dy)])
        product = moved.permute(0, 2, 3, 1).reshape(-1, k) @ tap.T
        pixels = product if pixels is None else pixels.add_(product)
    assert pixels is not None
    return pixels.view(b, h, w, -1).permute(0, 3, 1, 2)
