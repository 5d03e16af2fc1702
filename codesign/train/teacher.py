"""Distillation: a floating-point network, the same or wider, whose answers a quantized one learns from."""

import dataclasses

import torch
import torch.nn.functional as F

from ..errors import require
from ..layers import Block, Convolution
from ..network import Network
from .batches import Batches
from .float_module import FloatNetwork

__all__ = ["Teacher", "widen"]


def widen(network: Network, factor: int) -> Network:
    """``network`` with ``factor`` times the channels of every convolution and block."""
    require(type(factor) is int and factor >= 1, f"Teacher's width must be an integer of at least 1, not {factor!r}")
    layers = tuple(dataclasses.replace(layer, out=factor * layer.out) if isinstance(layer, Convolution | Block)
                   else layer for layer in network.layers)
    return dataclasses.replace(network, name=f"{network.name} x{factor}", layers=layers)


class Teacher:
    """A trained ``module``'s logits for training images; computed once where every epoch shows the same ones."""

    @torch.no_grad()
    def __init__(self, module: FloatNetwork, batches: Batches, weight: float, temperature: float):
        self.module, self.weight, self.temperature = module.eval(), weight, temperature
        self.known: torch.Tensor | None = None
        if batches.repeat and batches.resident is not None:
            self.known = torch.cat([module(images) for images in batches.resident.split(batches.size)])

    @torch.no_grad()
    def logits(self, chosen: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Of ``images``, which are those at ``chosen`` of the train part."""
        return self.module(images) if self.known is None else self.known[chosen]

    def loss(self, logits: torch.Tensor, taught: torch.Tensor, cross_entropy: torch.Tensor) -> torch.Tensor:
        """``cross_entropy`` and the divergence from ``taught``, both logits softened by the temperature, whose square
        keeps the gradients' size."""
        divergence = F.kl_div(F.log_softmax(logits / self.temperature, 1), F.log_softmax(taught / self.temperature, 1),
                              log_target=True, reduction="batchmean")
        return (1 - self.weight) * cross_entropy + self.weight * self.temperature**2 * divergence
