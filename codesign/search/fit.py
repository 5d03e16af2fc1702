"""The accelerators for a network on a board, by enumeration: each one's cycles are exact, its resources estimated.

Of the many that a board has room for (:mod:`.accelerators`), those that no other beats in cycles and size are found
without pricing all: what a lower bound of its cycles shows to be beaten is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..accelerator import AcceleratorConfig
from ..batch import BatchModel
from ..board import Board
from ..errors import CodesignError, require
from ..graph import Graph
from ..lowering import lower
from ..registers import COUNTERS
from ..resources import KINDS, Resources, board_resources, estimate_resources, exceeding, system_resources
from .accelerators import board_configs, least_cycles, variants
from .pareto import pareto_front

__all__ = ["SHARE", "Candidate", "Fit", "fastest", "fit", "limits"]

SHARE = 0.8  # of look-up tables and flip-flops: the rest is for routing and, with a processor, for its interconnect
BATCH = 256  # priced at once
ROUNDS = 6  # of variants of the best, at most
BANDED = 3  # of those that must run the network in bands: seconds each


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One accelerator for the network: ``cycles`` of an image are exact, ``resources`` estimated.

    share : of the board, that of the scarcest resource; memory_bytes : for program, image and results
    """

    config: AcceleratorConfig
    cycles: int
    counters: dict[str, int]
    resources: Resources
    share: float
    memory_bytes: int

    @property
    def images_per_s(self) -> float:
        return self.config.clock_hz / self.cycles


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


def limits(board: Board, share: float = SHARE, most: Mapping[str, int] | None = None) -> dict[str, int]:
    """What an accelerator may take of ``board``, by kind of resource, besides the system around it.

    share : of look-up tables and flip-flops, system included. Block RAMs and multipliers, whose number is exact, may
    be used up. most : at most so many, by kind.
    """
    require(0 < share <= 1, f"Share must be in 0..1, not {share}")
    whole, system = board_resources(board), system_resources(board)
    left = {kind: int(limit * (share if kind in ("lut", "ff") else 1)) - system[kind] for kind, limit in whole.items()}
    for kind, limit in (most or {}).items():
        require(0 <= limit <= whole[kind], f"Limit of {KINDS[kind]} must be in 0..{whole[kind]}, which {board.name} "
                                           f"has, not {limit}")
        left[kind] = min(left[kind], limit)
    return left


def fit(graph: Graph, board: Board, allowed: Mapping[str, int], configs: Sequence[AcceleratorConfig] | None = None,
        images_per_s: float | None = None) -> Fit:
    """The best accelerators for ``graph`` within ``allowed`` (see :func:`limits`), of ``configs`` or of all of the
    board's.

    Raises :class:`CodesignError` where none will do, or none is as fast as ``images_per_s``.
    """
    search = _Search(graph, board, allowed)
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
        raise CodesignError(search.reason())
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


@dataclass(frozen=True, kw_only=True)
class _Open:
    """An accelerator that is not priced yet; no schedule of the network takes fewer than ``bound`` cycles."""

    config: AcceleratorConfig
    resources: Resources
    share: float
    bound: int


class _Search:
    """Accelerators considered so far, and those that were priced."""

    def __init__(self, graph: Graph, board: Board, allowed: Mapping[str, int]):
        self.graph, self.board, self.allowed = graph, board, allowed
        self.gemms = lower(graph)
        self.seen: set[AcceleratorConfig] = set()
        self.too_large = self.priced = 0
        self.open: list[_Open] = []
        self.small: list[_Open] = []  # that do not hold the maps at once
        self.found: list[Candidate] = []
        self.closest: tuple[float, dict[str, int], Resources] | None = None
        self.least_memory: int | None = None

    def consider(self, configs: Sequence[AcceleratorConfig]) -> None:
        whole = board_resources(self.board)
        for config in configs:
            if config in self.seen:
                continue
            self.seen.add(config)
            resources = estimate_resources(config, self.board.family)
            over = exceeding(resources, self.allowed)
            if over:
                self.too_large += 1
                factor = max(getattr(resources, kind) / max(1, self.allowed[kind]) for kind in over)
                if self.closest is None or factor < self.closest[0]:
                    self.closest = factor, over, resources
                continue
            share = max(getattr(resources, kind) / limit for kind, limit in whole.items() if limit)
            self.open.append(_Open(config=config, resources=resources, share=share,
                                   bound=least_cycles(self.gemms, config)))

    def front(self) -> list[Candidate]:
        """What nothing found so far beats, the fastest first."""
        by_size = sorted(self.found, key=lambda c: c.resources.lut)  # of equals, the one with the fewest look-up tables
        self.found = sorted(pareto_front(by_size, lambda c: (c.cycles, c.share)), key=lambda c: c.cycles)
        return self.found

    def price(self) -> None:
        """Price all that may be on the front: those first whose bound promises most."""
        self.open.sort(key=lambda o: (o.bound, o.share))
        while self.open:
            front = [(c.cycles, c.share) for c in self.front()]
            self.open = [o for o in self.open if not any(cycles <= o.bound and share <= o.share
                                                         for cycles, share in front)]
            step = max(1, len(self.open) // BATCH)  # some of every size: they rule out most of the rest
            now, self.open = self.open[::step][:BATCH], [o for i, o in enumerate(self.open)
                                                         if i % step or i // step >= BATCH]
            batch = BatchModel([o.config for o in now]).price(self.graph, bands=False)
            self.priced += len(now)
            for one, fits, counters in zip(now, batch.fits, batch.counters.tolist(), strict=True):
                if fits:
                    self._add(one, counters)
                else:
                    self.small.append(one)

    def price_bands(self) -> None:
        """Price the most promising of those that must run the network in bands, with the deepest banks."""
        deepest: dict[tuple[int, int], _Open] = {}
        for one in sorted(self.small, key=lambda o: o.config.bank_depth):
            deepest[one.config.rows, one.config.cols] = one
        for one in sorted(deepest.values(), key=lambda o: (o.bound, o.share))[:BANDED]:
            batch = BatchModel([one.config]).price(self.graph)
            if batch.fits[0]:
                self._add(one, batch.counters[0].tolist())

    def _add(self, one: _Open, counters: list[int]) -> None:
        named = dict(zip(COUNTERS, counters, strict=True))
        needed = (named["read_beats"] + named["write_beats"]) * one.config.bus_bits // 8
        room = self.board.memory_bytes
        if room is not None and needed > room:
            self.least_memory = min(needed, self.least_memory or needed)
            return
        self.found.append(Candidate(config=one.config, cycles=named["cycles"], counters=named, resources=one.resources,
                                    share=one.share, memory_bytes=needed))

    def reason(self) -> str:
        """Why nothing was found: which resource, how much over."""
        where = f"Accelerator must fit {self.board.name}"
        if self.least_memory is not None:
            return (f"{where} and its {self.board.memory_bytes:,} bytes of memory: program, image and results take at "
                    f"least {self.least_memory:,}")
        if self.small:
            return f"{where} and hold the network's maps: the banks of none of {len(self.small):,} within the limits do"
        if self.closest is None:
            return f"{where}: there is none to choose from"
        _, over, resources = self.closest
        needs = ", ".join(f"{getattr(resources, kind):,} {KINDS[kind]} of {max(0, self.allowed[kind]):,} "
                          f"({more:,} too many)" for kind, more in over.items())
        return f"{where} within the limits: the one that is nearest needs {needs}"
