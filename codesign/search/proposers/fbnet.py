"""Networks by what differentiable search has learned (FBNet: Wu et al., CVPR 2019).

The search itself was a training, see :mod:`codesign.search.supernet.differentiable`; its distributions, one for each
weight of latency, are sampled here.
"""

import itertools
import random
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..space import Choices
from .base import ProposerBase
from .interface import Proposal, distinct
from .random import draw

__all__ = ["FbnetProposer"]


class FbnetProposer(ProposerBase):
    """First each distribution's likeliest network, with every share of the board; then draws from one after another.
    Random ones where these give nothing new, and without distributions."""

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        generator = self.generator()
        found = [p for p in self._likeliest() if p.key not in known][:count]
        turns = itertools.cycle(self.problem.family)
        for sample in ([lambda: self._sampled(next(turns), generator)] if self.problem.family else []) + [
                lambda: draw(self.space, generator)]:
            found += distinct(sample, count - len(found), {*known, *(p.key for p in found)})
        return found

    def _likeliest(self) -> Iterator[Proposal]:
        for share in self.space.share:
            for member in self.problem.family:
                def choose(name: str, choices: Choices, member=member, share=share) -> Any:
                    if name == "share":
                        return share
                    weights = member["probabilities"][name]
                    return choices[weights.index(max(weights))]

                yield Proposal(choices=self.space.propose(choose))

    def _sampled(self, member: Mapping[str, Any], generator: random.Random) -> Proposal:
        def choose(name: str, choices: Choices) -> Any:
            weights = None if name == "share" else member["probabilities"][name]
            return generator.choices(choices, weights)[0]

        return Proposal(choices=self.space.propose(choose))
