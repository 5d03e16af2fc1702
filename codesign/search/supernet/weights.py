"""Weights that all networks of a space share."""

import json
import math
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from ...analysis import max_values
from ...network import Network
from ...train.module import INITIAL_CLIP, QuantizedNetwork
from ..space import Space
from .roles import Role, all_roles, roles

__all__ = ["SubNetwork", "Supernet"]

KEPT = 512  # sub-networks whose modules are kept: to make one takes a fifth of a step
WEIGHT_DEVIATION = 3.0  # of freshly drawn quantized weights, in steps


class SubNetwork:
    """A network of the space, with a part of the shared weights: the same quantized network as if it stood alone."""

    def __init__(self, space: Space, choices: Mapping[str, Any]):
        self.network: Network = space.build(choices)
        self.module = QuantizedNetwork(self.network)
        self.roles = roles(space, choices)
        graph = self.network.graph()
        sums = max_values(graph)[graph.nodes[-1].inputs[0]] * math.sqrt(len(self.roles[-1].columns))
        self._log_sums = math.log(sums)  # the classifier's operands are sums over maps of any size

    @cached_property
    def _indices(self) -> list[tuple[torch.Tensor | slice, torch.Tensor | slice]]:
        return [(_index(role.rows), _index(role.columns)) for role in self.roles]

    def parameters(self, shared: nn.ParameterDict) -> dict[str, torch.Tensor]:
        """Its part of ``shared``, by the module's names for it, with gradients that reach ``shared``."""
        found = {}
        for number, (role, (rows, columns)) in enumerate(zip(self.roles, self._indices, strict=True)):
            at = f"layers.{number}"
            found[f"{at}.weight"] = shared[name(role, "weight")][rows][:, columns]
            if number < len(self.roles) - 1:
                found |= {f"{at}.gamma": shared[name(role, "gamma")][rows],
                          f"{at}.beta": shared[name(role, "beta")][rows],
                          f"{at}.log_clip": shared[name(role, "log_clip")]}
            else:
                found |= {f"{at}.bias": shared[name(role, "bias")],
                          f"{at}.log_scale": shared[name(role, "log_scale")] - self._log_sums}
        return found

    def __call__(self, shared: nn.ParameterDict, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes) of uint8 ``images``, by the quantized network in training mode: normalized by the batch's
        own statistics."""
        return functional_call(self.module, self.parameters(shared), images)

    @torch.no_grad()
    def inherit(self, shared: nn.ParameterDict) -> QuantizedNetwork:
        """Its module with its part of the weights in it; batch norm's statistics are still to be fitted."""
        self.module.load_state_dict(self.parameters(shared), strict=False)  # but for the statistics
        return self.module


class Supernet(nn.Module):
    """The shared weights of ``space``, as large as its largest networks need them; ``shared`` : by name."""

    def __init__(self, space: Space, seed: int):
        super().__init__()
        self.space = space
        generator = torch.Generator().manual_seed(seed)
        self.names: dict[str, str] = {}
        self.weights = nn.ParameterDict()
        for key, (m, k) in all_roles(space).items():
            made = {"weight": torch.randn(m, k, generator=generator) / math.sqrt(k)}
            if key.startswith("linear "):
                made |= {"bias": torch.zeros(m), "log_scale": torch.tensor(math.log(3 / WEIGHT_DEVIATION))}
            else:
                made |= {"gamma": torch.ones(m), "beta": torch.ones(m),
                         "log_clip": torch.tensor(math.log(INITIAL_CLIP))}
            for what, value in made.items():
                self.weights[_name(key, what)] = nn.Parameter(value)
        self._sub_network = lru_cache(KEPT)(lambda choices: SubNetwork(space, json.loads(choices)))

    @property
    def shared(self) -> nn.ParameterDict:
        """By name: what the layers of sub-networks are parts of."""
        return self.weights

    def forward(self, choices: Mapping[str, Any], images: torch.Tensor) -> torch.Tensor:
        """Logits of the network of ``choices``, see :class:`SubNetwork`."""
        return self.sub_network(choices)(self.shared, images)

    def sub_network(self, choices: Mapping[str, Any]) -> SubNetwork:
        """The network of ``choices``; raises :class:`CodesignError` where there is none."""
        return self._sub_network(json.dumps(choices))


def name(role: Role, what: str) -> str:
    return _name(role.key, what)


def _name(key: str, what: str) -> str:
    return f"{key} {what}".replace(".", "_")  # PyTorch's names have no dots


def _index(channels: tuple[int, ...]) -> torch.Tensor | slice:
    """A slice where they are the first: a view instead of a copy."""
    return slice(len(channels)) if channels == tuple(range(len(channels))) else torch.tensor(channels)
