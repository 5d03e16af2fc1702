"""A network's graph as a PyTorch module; what its layers with weights are made of is up to who builds it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..graph import Conv, Graph, Linear, Node
from .ops import DataMovement, channels_last

__all__ = ["GraphModule"]


class GraphModule(nn.Module):
    """uint8 images (B, C, H, W) -> logits (B, classes), operator after operator.

    ``make(node, source)`` gives the layer of each convolution and of the linear layer, whose operand is node ``source``
    of the graph.
    """

    def __init__(self, graph: Graph, make: Callable[[Node, int], nn.Module]):
        super().__init__()
        self.graph = graph
        self.by_name: dict[str, Any] = {}
        self.steps: list[nn.Module | DataMovement] = []
        for node in graph.nodes[1:]:
            if isinstance(node.op, Conv | Linear):
                self.by_name[node.name] = make(node, node.inputs[0])
                self.steps.append(self.by_name[node.name])
            else:
                self.steps.append(DataMovement(node.op))
        self.layers = nn.ModuleList(self.by_name.values())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = [channels_last(images.float())]
        for node, step in zip(self.graph.nodes[1:], self.steps, strict=True):
            maps.append(step(*(maps[i] for i in node.inputs)))
        return maps[-1].flatten(1)
