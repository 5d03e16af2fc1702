"""What a network of a space takes on the board's accelerators, for searches that want nothing else of it."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import fmean
from typing import Any

from ...batch import BatchModel, BatchPredict
from ...board import Board
from ...costs import CostTable, Evidence, Row, price
from ...errors import CodesignError
from ...graph import Graph
from ...resources import estimate_resources, excess
from ..space import Space

__all__ = ["Latency"]

KEPT = 100_000


class Latency:
    """Cycles of an image on the fastest accelerator within each share of the board: by the cost model, exactly, or
    where there are ``rows`` from these, as :func:`codesign.costs.price` says.

    rows : of cycles, of today's Verilog
    """

    def __init__(self, space: Space, board: Board, rows: Sequence[Row] = ()):
        self.space, self.board, self.configs = space, board, space.configs(board)
        resources = [estimate_resources(config, board.family) for config in self.configs]
        self._within = [[i for i, r in enumerate(resources) if not excess(r, board, share)] for share in space.share]
        self._model, self._predict = BatchModel(self.configs), BatchPredict(self.configs)
        self._evidence = _evidence(rows, board) if rows else None
        self._known = lru_cache(KEPT)(self._price)

    def __call__(self, choices: Mapping[str, Any]) -> float:
        """Cycles of an image, the geometric mean over the space's shares; raises :class:`CodesignError` where the
        choices are no network, or it runs within none of them."""
        return self._known(json.dumps(choices))

    def _price(self, choices: str) -> float:
        graph = self.space.build(json.loads(choices)).graph()
        batch = self._model.price(graph)
        cycles = {i: float(batch.cycles[i]) if self._evidence is None else self._priced(graph, i)
                  for i in {i for within in self._within for i in within} if batch.fits[i]}
        fastest = [min(cycles[i] for i in within if i in cycles)
                   for within in self._within if not cycles.keys().isdisjoint(within)]
        if not fastest:
            raise CodesignError("Network must run on one of the space's accelerators")
        return math.exp(fmean(map(math.log, fastest)))

    def _priced(self, graph: Graph, index: int) -> float:
        """By the evidence."""
        return price(graph, self.configs[index], predict=self._predict, board=self.board.name,
                     evidence=self._evidence).cycles


def _evidence(rows: Sequence[Row], board: Board) -> Evidence:
    """What ``rows`` say, which are all fresh."""
    table = CostTable(":memory:")
    table.add(rows)
    return Evidence(table, board.name, {row.key.accelerator: row.verilog_digest for row in rows}.get)
