"""Tree-structured Parzen estimators for several objectives, by Optuna.

The study lives in memory: it is made of the outcomes told, and of nothing else. Measured on a space of this kind,
``multivariate`` and ``group`` are what makes it better than random search for several objectives.
"""

import json
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import Trial, TrialState, create_trial

from ..space import Choices
from .base import ProposerBase
from .interface import Outcome, Problem, Proposal, distinct, seed_of
from .random import draw

__all__ = ["TpeProposer"]

STARTUP_TRIALS = 12
TRIES = 8  # draws for each proposal that is to be new: they take milliseconds


class TpeProposer(ProposerBase):
    """Proposals by ``optuna.samplers.TPESampler``; random ones where it has no new ones left."""

    def __init__(self, problem: Problem):
        super().__init__(problem)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(directions=["minimize"] * len(problem.goals.objectives))

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        super().tell(outcomes)
        for outcome in outcomes:
            choices = outcome.proposal.choices
            trained = outcome.losses is not None
            self._study.add_trial(create_trial(
                state=TrialState.COMPLETE if trained else TrialState.PRUNED, values=outcome.losses,
                params={name: _encode(self.space.choices(name), value) for name, value in choices.items()},
                distributions={name: _distribution(self.space.choices(name)) for name in choices},
                constraints={"budget": outcome.violation}))

    def ask(self, count: int, known: Collection[str]) -> list[Proposal]:
        seed = seed_of(self.seed, len(self.outcomes))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study.sampler = optuna.samplers.TPESampler(
                multivariate=True, group=True, seed=seed, n_startup_trials=STARTUP_TRIALS)
        found = distinct(self._draw, count, known, TRIES)
        generator = self.generator()
        return found + distinct(lambda: draw(self.space, generator), count - len(found),
                                {*known, *(p.key for p in found)})

    def _draw(self) -> Proposal:
        trial = self._study.ask()
        choices = self.space.propose(lambda name, choices: _suggest(trial, name, choices))
        self._study.tell(trial, state=TrialState.FAIL)  # the sampler does not look at it again
        return Proposal(choices=choices)


def _is_ordered(choices: Choices) -> bool:
    """Whether neighbours among them are alike."""
    return all(type(c) in (int, float) for c in choices) and list(choices) == sorted(choices)


def _distribution(choices: Choices) -> BaseDistribution:
    if _is_ordered(choices):
        return IntDistribution(0, len(choices) - 1)
    return CategoricalDistribution([json.dumps(c) for c in choices])


def _encode(choices: Choices, value: Any) -> int | str:
    return choices.index(value) if _is_ordered(choices) else json.dumps(value)


def _suggest(trial: Trial, name: str, choices: Choices) -> Any:
    if _is_ordered(choices):
        return choices[trial.suggest_int(name, 0, len(choices) - 1)]
    return json.loads(trial.suggest_categorical(name, [json.dumps(c) for c in choices]))
