"""The accelerator for a network: solved by enumeration, since each configuration's cost is exact and cheap."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..costs import Price
from ..energy import Energy, estimate_energy
from ..errors import CodesignError
from ..graph import Graph
from ..lowering import lower
from ..network import Network
from ..resources import Resources, estimate_resources, excess
from .accelerators import least_cycles

__all__ = ["Pair", "solve"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A network, its accelerator, and what the two cost: cycles exact or from rows; the rest estimates."""

    network: Network
    config: AcceleratorConfig
    price: Price
    resources: Resources
    energy: Energy

    @cached_property
    def digest(self) -> str:
        """Canonical: equal architectures on equal accelerators are one candidate."""
        return hashlib.sha256(f"{self.network.digest()} {self.config.digest()}".encode()).hexdigest()


def solve(network: Network, configs: Sequence[AcceleratorConfig], board: Board, share: float,
          price: Callable[[Graph, AcceleratorConfig], Price]) -> Pair:
    """The configuration with the fewest cycles, of those within ``share`` of the board; ties go to the fewer LUTs.

    ``price(graph, config)`` raises :class:`CodesignError` where the network does not fit a configuration.
    Raises it too, with the last reason, where no configuration will do.
    """
    graph, best, reason = network.graph(), None, "there is none"
    gemms = lower(graph)
    for config in sorted(configs, key=lambda c: -c.rows * c.cols):
        if best is not None and least_cycles(gemms, config) > best[1].cycles:
            continue
        resources = estimate_resources(config, board.family)
        too_much = excess(resources, board, share)
        if too_much:
            reason = too_much[0]
            continue
        try:
            cost = price(graph, config)
        except CodesignError as e:
            reason = str(e)
            continue
        if best is None or (cost.cycles, resources.lut) < (best[1].cycles, best[2].lut):
            best = config, cost, resources
    if best is None:
        raise CodesignError(f"Accelerator must fit {network.name} and {share:.0%} of {board.name}: {reason}")
    config, cost, resources = best
    energy = estimate_energy(config, {**cost.counters, "cycles": cost.cycles}, board)
    return Pair(network=network, config=config, price=cost, resources=resources, energy=energy)

