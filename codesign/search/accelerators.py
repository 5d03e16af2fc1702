"""Every accelerator of a board's for one network: exact cycles against the share of the board."""

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ..accelerator import AcceleratorConfig
from ..batch import BatchModel
from ..board import Board
from ..errors import CodesignError
from ..graph import Graph
from ..registers import COUNTERS
from ..resources import Resources, estimate_resources
from .pareto import pareto_front

__all__ = ["Candidate", "Survey", "board_configs", "survey"]

SIDES = tuple(range(4, 65, 4))
ACC_DEPTHS = (256, 1024)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One accelerator for the network: ``cycles`` of an image are exact, ``resources`` estimated.

    share : of the board, that of the scarcest resource
    """

    config: AcceleratorConfig
    cycles: int
    counters: dict[str, int]
    resources: Resources
    share: float


@dataclass(frozen=True, kw_only=True)
class Survey:
    """``front`` : the candidates that no other beats in cycles and share, the fastest first.

    considered, too_large, not_at_once : how many accelerators there were; were larger than the share of the board;
    cannot hold the network's maps at once
    """

    front: tuple[Candidate, ...]
    considered: int
    too_large: int
    not_at_once: int


def board_configs(board: Board) -> list[AcceleratorConfig]:
    """Arrays of 4x4 to 64x64 elements with several depths of memories, else as the board's preset."""
    preset, made = board.preset(), []
    depths = (preset.bank_depth // 4, preset.bank_depth // 2, preset.bank_depth, preset.bank_depth * 2)
    for rows, cols, bank_depth, acc_depth in itertools.product(SIDES, SIDES, depths, ACC_DEPTHS):
        try:
            made.append(dataclasses.replace(
                preset, name=f"{board.name}-{rows}x{cols}", rows=rows, cols=cols, bank_depth=bank_depth,
                acc_depth=acc_depth, weight_rows=1, wide_rows=min(preset.wide_rows, rows)))
        except CodesignError:  # a bus too narrow for so many columns
            pass
    return made


def _share(resources: Resources, board: Board) -> float:
    limits = {"lut": board.luts, "ff": board.ffs, "dsp": board.dsps, "bram18": board.bram18}
    return max(getattr(resources, key) / limit if limit else float(getattr(resources, key) > 0) * 2
               for key, limit in limits.items())


def survey(graph: Graph, board: Board, configs: Sequence[AcceleratorConfig], share: float = 1.0) -> Survey:
    """Price ``graph`` on those of ``configs`` that take at most ``share`` of ``board`` and run it at once.

    Those that would have to run it in bands are left out: a second or two each (see :func:`codesign.cycles.predict`).
    Raises :class:`CodesignError` where no accelerator will do.
    """
    needs = [estimate_resources(config, board.family) for config in configs]
    shares = [_share(resources, board) for resources in needs]
    small = [i for i, taken in enumerate(shares) if taken <= share]
    batch = BatchModel([configs[i] for i in small]).price(graph, bands=False)

    def candidate(index: int, counters: dict[str, int]) -> Candidate:
        return Candidate(config=configs[index], cycles=counters["cycles"], counters=counters, resources=needs[index],
                         share=shares[index])

    found = [candidate(i, dict(zip(COUNTERS, counters.tolist(), strict=True)))
             for i, fits, counters in zip(small, batch.fits, batch.counters, strict=True) if fits]
    if not found:
        raise CodesignError(f"Accelerator must fit {share:.0%} of {board.name} and hold the network's maps at once: of "
                            f"{len(configs)}, {len(configs) - len(small)} are too large and {len(small)} hold too "
                            "little")
    front = pareto_front(found, lambda c: (c.cycles, c.share))
    return Survey(front=tuple(sorted(front, key=lambda c: c.cycles)), considered=len(configs),
                  too_large=len(configs) - len(small), not_at_once=len(small) - len(found))
