"""Progressive shrinking: which sub-networks a supernet trains when (Cai et al., "Once-for-all: train one network and
specialize it for efficient deployment", ICLR 2020)."""

import random
from collections.abc import Collection
from typing import Any

from ...errors import CodesignError
from ..space import Choices, Space
from .roles import largest

__all__ = ["ELASTIC", "PER_STEP", "PHASES", "draw_elastic", "phase_of", "sandwich"]

SIZES = ("largest", "any")  # of the sub-networks of a step
PER_STEP = len(SIZES)

#: What becomes elastic one after another, and the share of the training after which it does. Before, all is largest.
PHASES: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.1, ("mix", "stages", "depth")),
    (0.25, ("stem", "mix_width", "width")),
    (0.5, ("expansion",)),
)
ELASTIC = tuple(key for _, keys in PHASES for key in keys)
TRIES = 1000  # draws, before a space counts as one without networks


def phase_of(done: float) -> frozenset[str]:
    """What is elastic when so much of the training is ``done``, 0..1."""
    return frozenset(key for begin, keys in PHASES for key in keys if done >= begin)


def sandwich(space: Space, free: Collection[str], generator: random.Random) -> list[dict[str, Any]]:
    """Choices of the networks of one step: a largest, and one at random of those now allowed (Yu and Huang,
    "Universally slimmable networks", ICCV 2019, with a smallest, too; but for a given number of passes over the images
    fewer networks a step are more steps). What is not of a size, a shift or a pool or a head, is drawn."""
    return [draw_elastic(space, free, size, generator) for size in SIZES]


def draw_elastic(space: Space, free: Collection[str], size: str, generator: random.Random) -> dict[str, Any]:
    """Choices of a network of ``size``, ``largest`` or ``any``, with what is not ``free`` the largest."""
    def choose(name: str, choices: Choices) -> Any:
        key = name.rpartition(".")[2]
        if key not in ELASTIC:
            return generator.choice(choices)
        if key not in free or size == "largest":
            return largest(choices)
        return generator.choice(choices)

    for _ in range(TRIES):
        choices = space.propose(choose)
        try:
            space.build(choices)
        except CodesignError as e:
            reason = e
            continue
        return choices
    raise CodesignError(f"Space {space.name} must have networks of the {size} size: {reason}")
