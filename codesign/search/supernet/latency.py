"""What a network of a space takes on the board's accelerators, for searches that want nothing else of it."""

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from statistics import fmean
from typing import Any

from ...batch import BatchModel
from ...board import Board
from ...errors import CodesignError
from ...resources import estimate_resources, excess
from ..space import Space

__all__ = ["Latency"]

KEPT = 100_000


class Latency:
    """Exact cycles by the cost model, on the fastest accelerator within each share of the board."""

    def __init__(self, space: Space, board: Board):
        self.space, configs = space, space.configs(board)
        self._model = BatchModel(configs)
        resources = [estimate_resources(config, board.family) for config in configs]
        self._within = [[i for i, r in enumerate(resources) if not excess(r, board, share)] for share in space.share]
        self._known = lru_cache(KEPT)(self._price)

    def __call__(self, choices: Mapping[str, Any]) -> float:
        """Cycles of an image, the geometric mean over the space's shares; raises :class:`CodesignError` where the
        choices are no network, or it runs within none of them."""
        return self._known(json.dumps(choices))

    def _price(self, choices: str) -> float:
        batch = self._model.price(self.space.build(json.loads(choices)).graph())
        fastest = [min((int(batch.cycles[i]) for i in within if batch.fits[i]), default=0) for within in self._within]
        logarithms = [math.log(cycles) for cycles in fastest if cycles]
        if not logarithms:
            raise CodesignError("Network must run on one of the space's accelerators")
        return math.exp(fmean(logarithms))
