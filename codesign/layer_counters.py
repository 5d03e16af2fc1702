"""The accelerator's counters of one layer: the cost model's, whose totals are the accelerator's own."""

import dataclasses

from .cycles import predict_schedule
from .schedule import Pass, Schedule

__all__ = ["layer_counters"]


def layer_counters(plan: Schedule, index: int) -> dict[str, int]:
    """Counters of visit ``index`` of ``plan``: of a run that ends after it, less one that ends before it.

    Cycles are from its first pass to the next one's, as the trace has them. The first has the image's loading, and
    results leave with the last.
    """
    layer = predict_schedule(plan).layers[index]
    after, before = (_counters_of_first(plan, count) for count in (index + 1, index))
    return {name: after[name] - before.get(name, 0) for name in after} | {
        "cycles": layer.cycles, "active_cycles": layer.active}


def _counters_of_first(plan: Schedule, visits: int) -> dict[str, int]:
    """Of a run of ``plan`` that ends after as many ``visits``."""
    if visits == 0:
        return {}
    end = next((i for i, step in enumerate(plan.steps) if isinstance(step, Pass) and step.visit >= visits),
               len(plan.steps))
    return predict_schedule(dataclasses.replace(plan, steps=plan.steps[:end], visits=plan.visits[:visits])).counters
