"""The accelerator's counters of one layer: the cost model's, whose totals are the accelerator's own."""

import dataclasses
from collections.abc import Mapping
from itertools import pairwise

from .cycles import predict_schedule
from .layer_cycles import LayerCycles
from .schedule import Pass, Schedule

__all__ = ["layer_counters", "layers_counters"]


def layer_counters(plan: Schedule, index: int) -> dict[str, int]:
    """Counters of visit ``index`` of ``plan``: of a run that ends after it, less one that ends before it.

    Cycles are from its first pass to the next one's, as the trace has them. The first has the image's loading, and
    results leave with the last.
    """
    after, before = (_counters_of_first(plan, count) for count in (index + 1, index))
    return _of_layer(predict_schedule(plan).layers[index], after, before)


def layers_counters(plan: Schedule) -> list[dict[str, int]]:
    """The same of every visit of ``plan`` that the trace has, in order."""
    layers = predict_schedule(plan).layers
    ends = [_counters_of_first(plan, count) for count in range(len(layers) + 1)]
    return [_of_layer(layer, after, before) for layer, (before, after) in zip(layers, pairwise(ends), strict=True)]


def _of_layer(layer: LayerCycles, after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before.get(name, 0) for name in after} | {
        "cycles": layer.cycles, "active_cycles": layer.active}


def _counters_of_first(plan: Schedule, visits: int) -> dict[str, int]:
    """Of a run of ``plan`` that ends after as many ``visits``."""
    if visits == 0:
        return {}
    end = next((i for i, step in enumerate(plan.steps) if isinstance(step, Pass) and step.visit >= visits),
               len(plan.steps))
    return predict_schedule(dataclasses.replace(plan, steps=plan.steps[:end], visits=plan.visits[:visits])).counters
