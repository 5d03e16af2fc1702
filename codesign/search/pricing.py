"""What a proposal costs before anything is trained: its network on the accelerator that suits it best."""

from collections.abc import Mapping
from typing import Any

from ..accelerator import AcceleratorConfig
from ..batch import BatchPredict
from ..board import Board
from ..costs import Evidence, Price, price
from ..goals import Goals
from ..graph import Graph
from ..network import Network
from .records import pair_record
from .solve import solve
from .space import Space

__all__ = ["Pricer"]


class Pricer:
    """Prices of ``space`` on ``board`` for ``goals``: by the cost model, exactly, or where there is ``evidence`` from
    the cost table's rows."""

    def __init__(self, space: Space, board: Board, goals: Goals, evidence: Evidence | None = None):
        self.space, self.board, self.goals, self.evidence = space, board, goals, evidence
        self.configs = space.configs(board)
        self._predict = BatchPredict(self.configs)
        self._records: dict[tuple[str, float], dict] = {}

    def pair(self, choices: Mapping[str, Any]) -> tuple[Network, dict]:
        """The network, and the record of it and its accelerator; raises :class:`CodesignError` where there is none."""
        network, share = self.space.build(choices), choices["share"]
        key = network.digest(), share
        record = self._records.get(key)
        if record is None:
            pair = solve(network, self.configs, self.board, share, self._price, self.goals)
            record = {**pair_record(pair), "share": share}
            if self.evidence is None:  # evidence grows, the model stays
                self._records[key] = record
        return network, dict(record)

    def record(self, choices: Mapping[str, Any]) -> dict:
        """The record alone."""
        return self.pair(choices)[1]

    def _price(self, graph: Graph, config: AcceleratorConfig) -> Price:
        return price(graph, config, predict=self._predict, board=self.board.name, evidence=self.evidence)
