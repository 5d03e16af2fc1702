"""What a sweep is asked to do, and the tools it is given."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..costs import Excerpt
from ..costs.measurement import Measure
from ..datasets import Dataset
from ..errors import require
from ..goals import DEFAULT_OBJECTIVES, Goals
from ..objectives import TIME
from ..recipe import Recipe
from .prepared import PREPARED
from .progress import Progress, plain
from .proposers import PROPOSERS
from .space import Space
from .supernet.checks import check_elastic, check_recipe
from .training import Train
from .trials import storage_url

__all__ = ["SweepOptions", "Tools"]


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What is searched and how much.

    trials : different pairs to price, before trained networks are priced on other accelerators; trained : networks to
        train, about
    finalists : networks measured after each of the two rounds, on all accelerators that put them on the front
    epochs, final_epochs : of training for the search, and on all training data before a measurement
    recipe : of all trainings; training_device : ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``
    objectives : names of :data:`~codesign.objectives.METRICS`; constraints : bounds by option, such as
        ``max-latency-ms``; the space's budget of cycles is one, unless ``max-cycles`` says otherwise
    costs : rows that the sweep begins with, another sweep's say; None: none
    search : the algorithm, see :mod:`codesign.search.proposers`; generation : proposals it makes at a time, from the
        outcomes of all before
    storage : URL of the database of trials; None: a file in ``out``
    workers : processes that train and measure; None: 2, or what the cluster at ``ray`` has room for
    max_failures : share of trainings and measurements, after the first ten, that may fail
    train_limit_s, measure_limit_s : how long one may take
    """

    out: Path
    space: Space
    board: Board
    trials: int = 96
    trained: int = 72
    finalists: int = 6
    epochs: int = 60
    final_epochs: int = 300
    seed: int = 0
    recipe: Recipe = field(default_factory=Recipe)
    training_device: str = "auto"
    costs: Excerpt | None = None
    search: str = "nsga2"
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    constraints: Mapping[str, float] = field(default_factory=dict)
    generation: int = 8
    storage: str | None = None
    workers: int | None = None
    ray: str | None = None
    max_failures: float = 0.2
    train_limit_s: float = 86_400.0
    measure_limit_s: float = 7_200.0

    def __post_init__(self):
        for key, high in (("trials", 100_000), ("trained", 100_000), ("finalists", 1000), ("epochs", 100_000),
                          ("final_epochs", 100_000), ("generation", 100_000), ("workers", 1024)):
            value = getattr(self, key)
            require(type(value) is int and 1 <= value <= high or value is None and key == "workers",
                    f"Sweep {key} must be an integer in 1..{high}, not {value!r}")
        require(type(self.seed) is int and 0 <= self.seed < 2**31,
                f"Sweep seed must be an integer in 0..{2**31 - 1}, not {self.seed!r}")
        require(self.search in PROPOSERS, f"Search must be one of {', '.join(PROPOSERS)}, not {self.search!r}")
        require(0 <= self.max_failures <= 1, f"Sweep max_failures must be a share in 0..1, not {self.max_failures!r}")
        for key in ("train_limit_s", "measure_limit_s"):
            require(getattr(self, key) > 0, f"Sweep {key} must be seconds above 0, not {getattr(self, key)!r}")
        require(self.trained <= self.trials,
                f"Sweep trained must be at most trials ({self.trials}), not {self.trained}")
        require(any(c.metric in TIME for c in self.goals.constraints),
                "Sweep must have a limit on an image's time, by the space's budget of cycles or by "
                f"{', '.join(f'--{metric.option}' for metric in TIME)}, not none")
        if self.search in PREPARED:
            check_elastic(self.space)
            check_recipe(self.recipe)

    @cached_property
    def goals(self) -> Goals:
        """Objectives and constraints, the space's own among them."""
        return Goals.of(self.objectives, self.constraints, self.space.max_cycles)

    def settings(self) -> dict:
        """What a continued sweep must share with its beginning."""
        storage = storage_url(self.storage).render_as_string() if self.storage else None  # without a password
        return {"space": self.space.to_dict(), "board": self.board.to_dict(), "trials": self.trials,
                "trained": self.trained, "finalists": self.finalists, "epochs": self.epochs,
                "final_epochs": self.final_epochs, "seed": self.seed, "recipe": self.recipe.to_dict(),
                "training_device": self.training_device, "search": self.search,
                "objectives": [metric.name for metric in self.goals.objectives],
                "constraints": {c.metric.option: c.bound for c in self.goals.constraints
                                if c.metric.option in self.constraints},
                "generation": self.generation, "storage": storage, "costs": self.costs.digest if self.costs else None}


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a sweep needs from outside.

    train : ``train(network, dataset, epochs=..., seed=..., recipe=..., device=...)``, a top-level function (workers
        import it)
    measure : ``measure(network, integer, config, images) -> Measurement``, which can be sent to workers, too
    devices : how many measurements there can be at a time; None: as many as workers
    verilog_digest : digest of the Verilog of a configuration as it would be emitted today: other rows are stale
    dataset : loads the data set, a top-level function or a partial of one; its test part is for measurements alone
    log : takes a line of news; watch : is told of every change
    """

    train: Train
    measure: Measure
    verilog_digest: Callable[[AcceleratorConfig], str]
    dataset: Callable[[], Dataset]
    devices: int | None = None
    log: Callable[[str], None] = field(default=lambda line: print(line, file=sys.stderr, flush=True))
    watch: Callable[[Progress], None] = plain
