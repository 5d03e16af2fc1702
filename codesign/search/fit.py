"""The accelerators for a network on a board, by enumeration: each one's cycles are exact, its resources estimated.

Of the many that a board has room for (:mod:`.accelerators`), those that no other beats in cycles and size are found
without pricing all: what a lower bound of its cycles shows to be beaten is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..errors import CodesignError, require
from ..graph import Graph
from .accelerators import board_configs, variants
from .advice import why_none
from .enumeration import SHARE, Candidate, Enumeration, limits

__all__ = ["SHARE", "Candidate", "Fit", "fastest", "fit", "limits"]

ROUNDS = 6  # of variants of the best, at most


@dataclass(frozen=True, kw_only=True)
class Fit:
    """``front`` : the candidates that no other beats in cycles and share of the board, the fastest first.

    smallest : that with the least share that reaches the rate asked for, if any was
    limits : of each kind of resource, what the accelerator may take
    considered, too_large, priced : accelerators enumerated; of them, larger than the limits; priced
    """

    front: tuple[Candidate, ...]
    smallest: Candidate | None
    limits: dict[str, int]
    considered: int
    too_large: int
    priced: int

    @property
    def fastest(self) -> Candidate:
        return self.front[0]


def fit(graph: Graph, board: Board, allowed: Mapping[str, int], configs: Sequence[AcceleratorConfig] | None = None,
        images_per_s: float | None = None) -> Fit:
    """The best accelerators for ``graph`` within ``allowed`` (see :func:`limits`), of ``configs`` or of all of the
    board's.

    Raises :class:`CodesignError` where none will do, or none is as fast as ``images_per_s``.
    """
    search = Enumeration(graph, board, allowed)
    search.consider(board_configs(board, graph) if configs is None else configs)
    search.price()
    if configs is None:
        for _ in range(ROUNDS):
            best = search.front()
            search.consider([other for c in best for other in variants(c.config)])
            search.price()
            if search.front() == best:
                break
    if not search.front():
        search.price_bands()
    front = search.front()
    if not front:
        raise CodesignError(why_none(search))
    smallest = None
    if images_per_s is not None:
        reached = [c for c in front if c.images_per_s >= images_per_s]
        require(bool(reached), f"Rate must be at most {front[0].images_per_s:,.1f} images/s, the fastest within these "
                               f"limits on {board.name}, not {images_per_s:,.1f}")
        smallest = reached[-1]
    return Fit(front=tuple(front), smallest=smallest, limits=dict(allowed), considered=len(search.seen),
               too_large=search.too_large, priced=search.priced)


def fastest(graph: Graph, board: Board, share: float = SHARE) -> Candidate:
    """The accelerator with the fewest cycles for ``graph`` within ``share`` of ``board``: what is built where nobody
    says which."""
    return fit(graph, board, limits(board, share)).fastest
