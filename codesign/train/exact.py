"""The integer function on torch, batched, on any device; equal to :mod:`codesign.reference` bit for bit."""

import numpy as np
import torch

from ..graph import Conv, Linear
from ..integer import IntegerNetwork
from .ops import DataMovement, pointwise, taps

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
            y = images.transpose(0, 1).double()
        elif isinstance(node.op, Conv | Linear):
            layer = network.layers[node.name]
            # The powers of two come from NumPy: a device's exp2 need not be exact.
            weight, mul, add, unit = (torch.from_numpy(v).to(device, torch.float64) for v in (
                layer.weight, layer.mul, layer.add, np.ldexp(1.0, -layer.shift)))
            multiplied = taps(x[0], node.op) if isinstance(node.op, Conv) else x[0]
            y = pointwise(multiplied, weight) * mul[:, None, None, None] + add[:, None, None, None]
            if isinstance(node.op, Conv):
                y = (y * unit[:, None, None, None]).floor_().clamp_(0, 2**node.op.activation_bits - 1)
        else:
            y = DataMovement(node.op)(*x)
        maps.append(y)
        for i in node.inputs:
            if last_use[i] == index:
                maps[i] = torch.empty(0)
    return maps[-1][:, :, 0, 0].T
