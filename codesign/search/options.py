"""What a sweep is asked to do, and the tools it is given."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..costs.measurement import Measure
from ..datasets import Dataset
from ..errors import require
from .space import Space
from .training import Train

__all__ = ["SweepOptions", "Tools"]


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What is searched and how much.

    trials : different pairs to price; trained : networks to train, about
    finalists : measured after each of the two rounds
    epochs, final_epochs : of training for the search, and on all training data before a measurement
    """

    out: Path
    space: Space
    board: Board
    trials: int = 96
    trained: int = 32
    finalists: int = 3
    epochs: int = 60
    final_epochs: int = 200
    seed: int = 0
    workers: int = 2

    def __post_init__(self):
        for key, high in (("trials", 100_000), ("trained", 100_000), ("finalists", 1000), ("epochs", 100_000),
                          ("final_epochs", 100_000), ("workers", 1024)):
            value = getattr(self, key)
            require(type(value) is int and 1 <= value <= high,
                    f"Sweep {key} must be an integer in 1..{high}, not {value!r}")
        require(type(self.seed) is int and 0 <= self.seed < 2**31,
                f"Sweep seed must be an integer in 0..{2**31 - 1}, not {self.seed!r}")
        require(self.trained <= self.trials,
                f"Sweep trained must be at most trials ({self.trials}), not {self.trained}")

    def settings(self) -> dict:
        """What a continued sweep must share with its beginning."""
        return {"space": self.space.to_dict(), "board": self.board.to_dict(), "trials": self.trials,
                "trained": self.trained, "finalists": self.finalists, "epochs": self.epochs,
                "final_epochs": self.final_epochs, "seed": self.seed}


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a sweep needs from outside.

    train : ``train(network, dataset, epochs=..., seed=...)``, a top-level function (workers import it)
    measure : ``measure(network, integer, config, images) -> Measurement``
    verilog_digest : digest of the Verilog of a configuration as it would be emitted today: other rows are stale
    dataset : loads the data set, a top-level function or a partial of one; its test part is for measurements alone
    log : takes a line of news
    """

    train: Train
    measure: Measure
    verilog_digest: Callable[[AcceleratorConfig], str]
    dataset: Callable[[], Dataset]
    log: Callable[[str], None] = field(default=lambda line: tqdm.write(line, file=sys.stderr))
