"""What a sweep is given: the cost model, training, and the simulated accelerator."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from codesign.accelerator import AcceleratorConfig
from codesign.cycles import predict
from codesign.datasets import load_dataset
from codesign.graph import Graph
from codesign.search import Tools
from codesign.train import train

from .build import rtl_digest
from .measure import measure

__all__ = ["price_model", "search_tools"]


@dataclass(frozen=True)
class ModelPrice:
    """The cost model's answer as the cost table wants it: layers as (name, cycles)."""

    cycles: int
    layers: tuple[tuple[str, int], ...]
    counters: dict[str, int]


def price_model(graph: Graph, config: AcceleratorConfig) -> ModelPrice:
    """One image of ``graph`` on ``config``; raises :class:`CodesignError` where it cannot run there."""
    prediction = predict(graph, config)
    return ModelPrice(prediction.cycles, tuple((layer.name, layer.cycles) for layer in prediction.layers),
                      prediction.counters)


def search_tools(dataset: str, resolution: int | None = None, log: Callable[[str], None] | None = None) -> Tools:
    """Train on ``dataset`` (see :func:`~codesign.datasets.load_dataset`), measure on the simulated accelerator."""
    more = {"log": log} if log else {}
    return Tools(predict=price_model, train=train, measure=measure, verilog_digest=rtl_digest,
                 dataset=partial(load_dataset, dataset, resolution), **more)
