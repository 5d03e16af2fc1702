"""The same graph in floating point, without quantization: a teacher, and what quantization is timed against."""

import torch
import torch.nn.functional as F
from torch import nn

from ..graph import Conv, Linear, Node
from ..network import Network
from .graph_module import GraphModule
from .ops import channels_last

__all__ = ["FloatNetwork"]


class FloatConv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, op: Conv, k: int):
        super().__init__()
        self.convolution = nn.Conv2d(k, op.out_channels, op.kernel, padding=op.kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(op.out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu_(self.norm(channels_last(self.convolution(x)).float()))


class FloatLinear(nn.Module):
    """The classifier on means over ``pixels``, of which its operand has the sums."""

    def __init__(self, op: Linear, k: int, pixels: int):
        super().__init__()
        self.linear, self.pixels = nn.Linear(k, op.out_channels), pixels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1) / self.pixels)


class FloatNetwork(GraphModule):
    """uint8 images (B, C, H, W) -> logits (B, classes), with ReLU in place of quantized activations."""

    def __init__(self, network: Network, seed: int = 0):
        graph = network.graph()

        def make(node: Node, source: int) -> nn.Module:
            k = graph.nodes[source].shape[0]
            if isinstance(node.op, Conv):
                return FloatConv(node.op, k)
            assert isinstance(node.op, Linear)
            averaged = graph.nodes[graph.nodes[source].inputs[0]].shape
            return FloatLinear(node.op, k, averaged[1] * averaged[2])

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            super().__init__(graph, make)
