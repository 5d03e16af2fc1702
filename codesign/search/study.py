"""Proposals by Optuna, kept in an SQLite file that survives a kill.

One process drives a study (the sweep's lock sees to it), so a trial that is RUNNING when a study is opened was
lost with its process: it is failed and its parameters are queued to be proposed again. The sampler's seed comes
from the study's seed and its number of trials, since the same seed after a restart would repeat its proposals.
"""

import hashlib
import json
import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState
from sqlalchemy import URL

from ..errors import CodesignError
from .space import Choices, Space

__all__ = ["CandidateStudy"]

DIRECTIONS = (StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE, StudyDirection.MINIMIZE)  # accuracy, cycles, LUTs
STARTUP_TRIALS = 12
BUSY_TIMEOUT_S = 30
RECORD, NEIGHBOURS = "record", "neighbours"


class CandidateStudy:
    """The proposals of one sweep, in ``path``; objectives are accuracy (up), cycles and LUTs (down)."""

    def __init__(self, path: Path, space: Space, seed: int):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.seed = space, seed
        try:
            self._storage = optuna.storages.RDBStorage(
                URL.create("sqlite", database=str(path)).render_as_string(),
                engine_kwargs={"connect_args": {"timeout": BUSY_TIMEOUT_S}})
            self._study = optuna.create_study(storage=self._storage, study_name=space.name, load_if_exists=True,
                                              directions=DIRECTIONS)
        except Exception as e:  # whatever SQLAlchemy or Alembic make of a file they cannot use
            reason = str(e).splitlines()[0]
            raise CodesignError(f"Study {str(path)!r} must be a usable Optuna database: {reason}") from e
        self._revive()

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _revive(self) -> None:
        """Fail trials that a killed process left running, and queue their parameters again."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.params:
                self._study.enqueue_trial(dict(trial.params), user_attrs={"retries": trial.number})
            self._study.tell(trial.number, state=TrialState.FAIL)

    def records(self) -> list[dict]:
        """What was told of each finished trial, in order."""
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        return [trial.user_attrs[RECORD] for trial in trials if RECORD in trial.user_attrs]

    def ask(self, count: int) -> list[tuple[Trial, dict[str, Any]]]:
        """``count`` new proposals, not told to one another's results."""
        trials = len(self._study.get_trials(deepcopy=False))
        seed = int.from_bytes(hashlib.sha256(f"{self.seed} {trials}".encode()).digest()[:4])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study.sampler = optuna.samplers.TPESampler(
                multivariate=True, group=True, seed=seed, n_startup_trials=STARTUP_TRIALS)
        return [self._propose(self._study.ask()) for _ in range(count)]

    def enqueue_neighbours(self, numbers: Sequence[int], count: int) -> None:
        """Propose next, once in a study's life, ``count`` neighbours of each of the trials ``numbers``: one choice
        of theirs made otherwise, what that choice brings along drawn anew."""
        if NEIGHBOURS in self._study.user_attrs:
            return
        for number in numbers:
            trial = self._study.get_trials(deepcopy=False)[number]
            generator = random.Random(f"{self.seed} {number}")
            names = [n for n, d in trial.distributions.items() if not d.single()]
            for name in generator.sample(names, min(count, len(names))):
                others = [v for v in _values(trial.distributions[name]) if v != trial.params[name]]
                self._study.enqueue_trial({**trial.params, name: generator.choice(others)})
        self._study.set_user_attr(NEIGHBOURS, list(numbers))

    def _propose(self, trial: Trial) -> tuple[Trial, dict[str, Any]]:
        def choose(name: str, choices: Choices) -> Any:
            if all(type(c) in (int, float) for c in choices) and list(choices) == sorted(choices):
                return choices[trial.suggest_int(name, 0, len(choices) - 1)]  # ordered: neighbours are alike
            texts = [json.dumps(c) for c in choices]
            return json.loads(trial.suggest_categorical(name, texts))

        return trial, self.space.propose(choose)

    def tell_trained(self, trial: Trial, record: dict, *, accuracy: float, cycles: float, lut: int) -> None:
        """The trial was trained: its objectives."""
        trial.set_user_attr(RECORD, record)
        trial.set_constraint("budget", 0.0)
        self._study.tell(trial, values=(accuracy, cycles, lut))

    def tell_skipped(self, trial: Trial, record: dict, violation: float) -> None:
        """The trial was not trained; ``violation`` > 0 says by how much it misses the budget."""
        trial.set_user_attr(RECORD, record)
        trial.set_constraint("budget", violation)
        self._study.tell(trial, state=TrialState.PRUNED)


def _values(distribution: BaseDistribution) -> Sequence:
    """All values of a parameter: choices, or indices of ordered ones."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    assert isinstance(distribution, IntDistribution)  # there is no third kind, see _propose
    return range(distribution.low, distribution.high + 1)
