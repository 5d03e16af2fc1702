"""Which networks to run for a table of a search space: a small set that holds every class of layer found in it.

A layer's cost is measured in its place, with its neighbours to hide its weights behind, so what is run are whole
networks of the space. The class of a layer is its key without the cycles in its place: operator, shape, and what is
fused into it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from ..accelerator import AcceleratorConfig
from ..cycles import predict
from ..errors import CodesignError
from ..graph import Graph
from ..lowering import lower
from ..network import Network
from .pricing import layer_keys

__all__ = ["BARREN", "Cover", "cover", "layer_classes"]

BARREN = 300  # proposals in a row without a new class of layer, before what is left counts as too rare to look for
Propose = Callable[[Callable[[str, tuple], Any]], Network]


@dataclass(frozen=True)
class _Anywhere:
    """A layer whose place does not matter."""

    name: str
    cycles: int = 0


@dataclass(frozen=True, kw_only=True)
class Cover:
    """``networks`` that hold all ``classes`` of layers which ``proposals`` proposals had."""

    networks: tuple[Network, ...]
    classes: int
    proposals: int


def layer_classes(graph: Graph, config: AcceleratorConfig) -> frozenset[str]:
    """The classes of the layers of ``graph``, as digests of their keys without cycles."""
    layers = [_Anywhere(gemm.name) for gemm in lower(graph)]
    return frozenset(key.digest() for key in layer_keys(graph, config, "", layers))


def cover(propose: Propose, config: AcceleratorConfig, *, max_cycles: int | None = None, seed: int = 0,
          barren: int = BARREN, progress: Callable[[int], None] | None = None) -> Cover:
    """Draw networks with ``propose(choose)`` until ``barren`` in a row show no new class of layer; keep those that
    showed one; thin them out greedily, the one with most uncovered classes first (fewest cycles where equal).

    Networks that do not fit ``config``, or take more than ``max_cycles``, do not count. The same seed gives the same
    networks. ``progress(n)`` is called with the number of classes so far. Not every class of a large space is found:
    with 300 in a row, the chance that another proposal shows a new one is below 1 % (95 % confidence).
    """
    random = Random(seed)
    found: set[str] = set()
    pool: list[tuple[Network, frozenset[str], int]] = []
    proposals = last = 0
    while proposals - last < barren:
        proposals += 1
        try:
            network = propose(lambda _, choices: random.choice(choices))
            graph = network.graph()
            classes = layer_classes(graph, config)
            if classes <= found:
                continue
            cycles = predict(graph, config).cycles
        except CodesignError:  # there is no such network, or it does not fit
            continue
        if max_cycles is not None and cycles > max_cycles:
            continue
        last = proposals
        found |= classes
        pool.append((network, classes, cycles))
        if progress:
            progress(len(found))
    return Cover(networks=tuple(_thin(pool)), classes=len(found), proposals=proposals)


def _thin(pool: Iterable[tuple[Network, frozenset[str], int]]) -> list[Network]:
    """Fewer of ``pool`` with the same classes."""
    left = list(pool)
    chosen, covered = [], set[str]()
    while left:
        best = max(left, key=lambda entry: (len(entry[1] - covered), -entry[2]))
        if not best[1] - covered:
            break
        left.remove(best)
        chosen.append(best[0])
        covered |= best[1]
    return chosen
