"""Points that differ from a given one by one choice."""

import random
from collections.abc import Mapping
from typing import Any

from ..space import Choices, Space
from .interface import Proposal

__all__ = ["neighbours"]


def neighbours(space: Space, proposal: Proposal, count: int, generator: random.Random) -> list[Proposal]:
    """``count`` points (fewer where there are no more choices): one choice of ``proposal`` made otherwise, what that
    choice brings along drawn anew."""
    names = sorted(name for name in proposal.choices if len(space.choices(name)) > 1)
    return [_changed(space, proposal.choices, name, generator) for name in
            generator.sample(names, min(count, len(names)))]


def _changed(space: Space, choices: Mapping[str, Any], changed: str, generator: random.Random) -> Proposal:
    def choose(name: str, of: Choices) -> Any:
        if name == changed:
            return generator.choice([c for c in of if c != choices[name]])
        return choices[name] if name in choices else generator.choice(of)

    return Proposal(choices=space.propose(choose))
