"""The accelerator for a network: solved by enumeration, since each configuration's cost is exact and cheap."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..accelerator import AcceleratorConfig
from ..analysis import analyze
from ..board import Board
from ..costs import Price
from ..energy import Energy, estimate_energy
from ..errors import CodesignError
from ..goals import Goals
from ..graph import Graph
from ..lowering import lower
from ..network import Network
from ..objectives import TIME
from ..resources import Resources, board_resources, estimate_resources, excess
from .accelerators import least_cycles

__all__ = ["Pair", "solve"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A network, its accelerator, and what the two cost: cycles exact or from rows; the rest estimates.

    board_share : of what the board has of its scarcest resource
    """

    network: Network
    config: AcceleratorConfig
    price: Price
    resources: Resources
    energy: Energy
    board_share: float
    weights: int

    @cached_property
    def costs(self) -> dict:
        """The part of its record that it is judged by before training, JSON-compatible."""
        return {"weights": self.weights, "accelerator": self.config.to_dict(),
                "price": self.price.to_dict(), "resources": self.resources.to_dict(), "energy": self.energy.to_dict(),
                "images_per_s": self.config.clock_hz / self.price.cycles, "board_share": self.board_share}

    @cached_property
    def digest(self) -> str:
        """Canonical: equal architectures on equal accelerators are one candidate."""
        return hashlib.sha256(f"{self.network.digest()} {self.config.digest()}".encode()).hexdigest()


def solve(network: Network, configs: Sequence[AcceleratorConfig], board: Board, share: float,
          price: Callable[[Graph, AcceleratorConfig], Price], goals: Goals | None = None) -> Pair:
    """Of the configurations within ``share`` of the board, and within the constraints of ``goals`` if any is, the best
    by the first objective that is known before training (cycles, by default); ties go to the next ones, then to the
    fewer cycles and LUTs. Where none meets the constraints, the one that misses them least.

    ``price(graph, config)`` raises :class:`CodesignError` where the network does not fit a configuration.
    Raises it too, with the last reason, where no configuration will do.
    """
    graph, reason = network.graph(), "there is none"
    goals = goals or Goals.of()
    by_time = goals.cost in TIME
    best: tuple[tuple, Pair] | None = None
    gemms, weights = lower(graph), analyze(graph).weights
    for config in sorted(configs, key=lambda c: -c.rows * c.cols):
        if best and by_time and best[0][0] == 0 and least_cycles(gemms, config) > best[1].price.cycles:
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
        pair = Pair(network=network, config=config, price=cost, resources=resources,
                    energy=estimate_energy(config, {**cost.counters, "cycles": cost.cycles}, board),
                    board_share=max(getattr(resources, kind) / has for kind, has in board_resources(board).items()
                                    if has), weights=weights)
        rank = (goals.violation(pair.costs), *(metric.loss(pair.costs) for metric in goals.known_first()),
                cost.cycles, resources.lut)
        if best is None or rank < best[0]:
            best = rank, pair
    if best is None:
        raise CodesignError(f"Accelerator must fit {network.name} and {share:.0%} of {board.name}: {reason}")
    return best[1]

