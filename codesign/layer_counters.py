"""The accelerator's counters of one layer: the cost model's, whose totals are the accelerator's own."""

from collections.abc import Callable, Mapping
from itertools import pairwise

from .cycles import Run
from .layer_cycles import LayerCycles
from .schedule import Pass, Schedule

__all__ = ["layer_counters", "layers_counters"]

#: What the model adds up pass by pass, by its counter's name.
EVENTS: Mapping[str, Callable[[Run], int]] = {
    "bank_reads": lambda run: run.bank_reads, "bank_writes": lambda run: run.bank_writes,
    "stream_words": lambda run: run.stream.taken, "read_beats": lambda run: len(run.stream.popped)}


def layer_counters(plan: Schedule, index: int) -> dict[str, int]:
    """Counters of visit ``index`` of ``plan``: what they grow by from the end of the visit before to its own.

    Cycles are from its first pass to the next one's, as the trace has them. The first has the image's loading, and
    results leave with the last. A beat that holds words of two is the second's.
    """
    return layers_counters(plan)[index][1]


def layers_counters(plan: Schedule) -> list[tuple[LayerCycles, dict[str, int]]]:
    """The same of every visit of ``plan`` that the trace has, in order, and where its cycles go."""
    run, ends, visit = Run(plan), [dict.fromkeys(EVENTS, 0)], 0
    for step in plan.steps:
        if isinstance(step, Pass):
            if step.visit != visit:
                visit = step.visit
                ends.append({name: count(run) for name, count in EVENTS.items()})
            run.run_pass(step)
        else:
            run.load(step.fields)
    whole = run.end()
    ends = [*ends[:len(whole.layers)], whole.counters]
    return [(layer, _growth(before, after) | {
        "cycles": layer.cycles, "active_cycles": layer.active,
        "write_beats": whole.counters["write_beats"] * (layer is whole.layers[-1])})
        for layer, (before, after) in zip(whole.layers, pairwise(ends), strict=True)]


def _growth(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in EVENTS}
