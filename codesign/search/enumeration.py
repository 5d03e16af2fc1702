"""Accelerators for a network on a board: which there is room for, and what those that matter cost.

What a lower bound of its cycles shows to be beaten is not priced.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..accelerator import AcceleratorConfig
from ..batch import BatchModel
from ..board import Board
from ..errors import require
from ..graph import Graph
from ..lowering import lower
from ..registers import COUNTERS
from ..resources import KINDS, Resources, board_resources, estimate_resources, exceeding, system_resources
from .accelerators import least_bytes, least_cycles
from .pareto import pareto_front

__all__ = ["SHARE", "Candidate", "Enumeration", "capacity", "limits"]

SHARE = 0.8  # of look-up tables and flip-flops: the rest is for routing and, with a processor, for its interconnect
BATCH = 256  # priced at once
LARGEST = 8  # that show whether a board runs a network at all
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


@dataclass(frozen=True, kw_only=True)
class Open:
    """An accelerator that is not priced yet; no schedule of the network takes fewer than ``bound`` cycles."""

    config: AcceleratorConfig
    resources: Resources
    share: float
    bound: int


def capacity(one: Open) -> tuple[int, float]:
    """To sort by: those with the largest activation memory first, of these the smallest."""
    return -one.config.rows * one.config.bank_depth, one.share


class Enumeration:
    """Accelerators considered so far, and those that were priced."""

    def __init__(self, graph: Graph, board: Board, allowed: Mapping[str, int]):
        self.graph, self.board, self.allowed = graph, board, allowed
        self.gemms = lower(graph)
        self.seen: set[AcceleratorConfig] = set()
        self.too_large = self.priced = 0
        self.open: list[Open] = []
        self.small: list[Open] = []  # that do not hold the maps at once
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
            if self._is_too_much(least_bytes(self.gemms, config)):
                continue
            share = max(getattr(resources, kind) / limit for kind, limit in whole.items() if limit)
            self.open.append(Open(config=config, resources=resources, share=share,
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
        """Price the most promising of those that must run the network in bands, with the deepest banks; where these
        cannot, those with the largest."""
        deepest: dict[tuple[int, int], Open] = {}
        for one in sorted(self.small, key=lambda o: o.config.bank_depth):
            deepest[one.config.rows, one.config.cols] = one
        for first in (lambda o: (o.bound, o.share), capacity):
            for one in sorted(deepest.values(), key=first)[:BANDED]:
                batch = BatchModel([one.config]).price(self.graph)
                self.priced += 1
                if batch.fits[0]:
                    self._add(one, batch.counters[0].tolist())
            if self.found:
                return

    def runs(self) -> bool:
        """Whether some of the largest of those considered run the network at all."""
        self.open = sorted(self.open, key=capacity)[:LARGEST]
        self.price()
        if not self.found:
            self.price_bands()
        return bool(self.found)

    def _add(self, one: Open, counters: list[int]) -> None:
        named = dict(zip(COUNTERS, counters, strict=True))
        needed = (named["read_beats"] + named["write_beats"]) * one.config.bus_bits // 8
        if self._is_too_much(needed):
            return
        self.found.append(Candidate(config=one.config, cycles=named["cycles"], counters=named, resources=one.resources,
                                    share=one.share, memory_bytes=needed))

    def _is_too_much(self, needed: int) -> bool:
        """Whether ``needed`` bytes are more than the board's memory; notes the least of these."""
        room = self.board.memory_bytes
        if room is None or needed <= room:
            return False
        self.least_memory = min(needed, self.least_memory or needed)
        return True
