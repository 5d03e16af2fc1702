"""Where each layer's cycles go, from the accelerator's counters as its trace noted them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .registers import TRACE_COUNTERS

__all__ = ["LayerCycles", "split_by_layer"]


@dataclass(frozen=True, kw_only=True)
class LayerCycles:
    """``cycles`` from the handover of a layer's first pass, or of a band of it, to the next one's; the first layer has
    what comes before, the last what comes after, so they add up to the total. They are the sum of

    active : a pixel (or a plane of it) entered the array
    weights : none did because weights were still to come
    input : because the image was being loaded
    write_back : because results were on their way to the banks or out
    pipeline : because instructions, descriptors and parameters, or the first word at all, were still to come
    """

    name: str
    cycles: int
    active: int
    weights: int
    input: int
    write_back: int
    pipeline: int


def split_by_layer(names: Sequence[str], entries: Sequence[Sequence[int]],
                   totals: Mapping[str, int]) -> tuple[LayerCycles, ...]:
    """``entries`` : of the trace, one per name, each with the values of :data:`TRACE_COUNTERS`; ``totals`` : the
    counters at the end."""
    noted = [dict(zip(TRACE_COUNTERS, entry, strict=True)) for entry in entries[1:]]
    edges = [dict.fromkeys(TRACE_COUNTERS, 0), *noted, totals]
    layers = []
    for name, (a, b) in zip(names, pairwise(edges), strict=True):
        spent = {key: b[key] - a[key] for key in TRACE_COUNTERS}
        parts = dict(active=spent["active_cycles"], weights=spent["stall_weights_cycles"], input=spent["load_cycles"],
                     write_back=spent["stall_fence_cycles"] + spent["stall_output_cycles"])
        layers.append(LayerCycles(name=name, cycles=spent["cycles"], **parts,
                                  pipeline=spent["cycles"] - sum(parts.values())))
    return tuple(layers)
