"""The database of trials: what was proposed, and what became of it. The one truth of a sweep.

It is a study in one of Optuna's relational storages, so that tools for those can read it: an SQLite file, or a server's
database (PostgreSQL) that many sweeps share. One process drives a sweep and writes its trials, in transactions that
survive a kill; a trial that is running when the database is opened was in flight when its process ended.
"""

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from ..errors import CodesignError, require
from ..goals import Goals
from .proposers.interface import Outcome, Proposal
from .space import Space

__all__ = ["Trial", "TrialDatabase", "reach", "sqlite_url", "storage_url"]

BUSY_TIMEOUT_S = 30
RETRIES_S = (0.5, 1, 2, 4, 8, 16, 30)  # pauses before a server that is out of reach is tried again
FAILURES = "failures of finalists"
ADVISORY_LOCK = 0x636F6465736967  # PostgreSQL's name for it is a number: "codesig"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A proposal and its ``record`` (see :mod:`codesign.search.records`), which is None while it is in flight.

    number : 0, 1, ... in the order of proposal
    generation : 0, 1, ...; its trials were proposed together
    round : 1 before the first measurements, then 2
    """

    number: int
    generation: int
    round: int
    proposal: Proposal
    record: dict | None

    def outcome(self, goals: Goals) -> Outcome:
        """What a proposer is told of it."""
        record = self.record or {}
        return Outcome(number=self.number, proposal=self.proposal, violation=record.get("violation", 0.0),
                       accuracy=record.get("accuracy"), losses=goals.losses(record) if "accuracy" in record else None)


def storage_url(storage: str) -> sqlalchemy.URL:
    """The database that ``storage`` names, ``postgresql://USER@HOST/NAME`` say; raises :class:`CodesignError`."""
    try:
        url = sqlalchemy.make_url(storage)
    except sqlalchemy.exc.ArgumentError:
        raise CodesignError(f"Storage must be a database's URL such as postgresql://USER@HOST/NAME, not {storage!r}"
                            ) from None
    require(url.get_backend_name() in ("postgresql", "sqlite"),
            f"Storage must be a postgresql:// or sqlite:// URL, not {url.render_as_string()}")
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


class TrialDatabase:
    """The trials of the sweep ``name``, whose proposals are from ``space``, with ``goals``."""

    def __init__(self, url: sqlalchemy.URL, name: str, space: Space, goals: Goals):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.name, self.goals = space, name, goals
        self._where = url.render_as_string()  # without a password
        self._is_server = url.get_backend_name() != "sqlite"
        limits = {"connect_timeout": BUSY_TIMEOUT_S} if self._is_server else {"timeout": BUSY_TIMEOUT_S}
        self._storage, self._study = self._safely("usable", lambda: self._open(url, limits))

    def _open(self, url: sqlalchemy.URL, limits: Mapping[str, int]) -> tuple[optuna.storages.RDBStorage, optuna.Study]:
        with self._alone(url):
            storage = optuna.storages.RDBStorage(url.render_as_string(hide_password=False), engine_kwargs={
                "connect_args": limits, "pool_pre_ping": self._is_server})
        directions = [StudyDirection.MAXIMIZE if metric.maximize else StudyDirection.MINIMIZE
                      for metric in self.goals.objectives]
        study = optuna.create_study(storage=storage, study_name=self.name, load_if_exists=True, directions=directions,
                                    sampler=optuna.samplers.RandomSampler(0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([metric.name for metric in self.goals.objectives])
        return storage, study

    @contextlib.contextmanager
    def _alone(self, url: sqlalchemy.URL) -> Iterator[None]:
        """No other sweep makes the server's tables meanwhile; a file is the sweep's own."""
        if not self._is_server:
            yield
            return
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
            yield  # the lock goes with the connection

    def close(self) -> None:
        """Let go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def trials(self) -> list[Trial]:
        """All, in the order of their numbers."""
        found = self._safely("readable", lambda: self._study.get_trials(deepcopy=False))
        return [self._trial(frozen) for frozen in found]

    def add(self, generation: int, round: int, proposals: Sequence[Proposal]) -> None:
        """Store ``proposals`` as trials in flight, but for those of this generation that are there already."""
        def add() -> None:
            there = {t.proposal.key for t in map(self._trial, self._study.get_trials(deepcopy=False))
                     if t.generation == generation}
            for proposal in proposals:
                if proposal.key not in there:
                    self._study.add_trial(create_trial(
                        state=TrialState.RUNNING, user_attrs={"generation": generation, "round": round,
                                                              "fidelity": proposal.fidelity},
                        params={name: _text(value) for name, value in proposal.choices.items()},
                        distributions={name: self._distribution(name) for name in proposal.choices}))

        self._safely("writable", add)

    def finish(self, number: int, record: dict) -> None:
        """The trial is over, and ``record`` says how: trained (``accuracy``), failed, or not tried, and why."""
        def finish() -> None:
            frozen = self._study.get_trials(deepcopy=False)[number]
            if frozen.state.is_finished():  # by an attempt whose confirmation was lost
                return
            trial = optuna.trial.Trial(self._study, frozen._trial_id)
            if not frozen.constraints:
                trial.set_constraint("budget", float(record.get("violation", 0.0)))
            trial.set_user_attr("record", record)
            if record["status"] == "failed":
                self._study.tell(number, state=TrialState.FAIL)
            elif record["status"] == "trained":
                self._study.tell(number, values=[metric.of(record) for metric in self.goals.objectives])
            else:
                self._study.tell(number, state=TrialState.PRUNED)

        self._safely("writable", finish)

    def final_failures(self) -> dict[str, dict]:
        """Candidates that could not be measured: ``what`` failed, the ``kind`` of failure and its ``reason``."""
        return dict(self._safely("readable", lambda: self._study.user_attrs).get(FAILURES, {}))

    def fail_final(self, id: str, failure: dict) -> None:
        """The candidate ``id`` could not be measured."""
        failures = {**self.final_failures(), id: failure}
        self._safely("writable", lambda: self._study.set_user_attr(FAILURES, failures))

    def _distribution(self, name: str) -> BaseDistribution:
        return CategoricalDistribution([_text(c) for c in self.space.choices(name)])

    def _trial(self, frozen: FrozenTrial) -> Trial:
        attributes = frozen.user_attrs
        choices = {name: next(c for c in self.space.choices(name) if _text(c) == value)
                   for name, value in frozen.params.items()}
        return Trial(number=frozen.number, generation=attributes["generation"], round=attributes["round"],
                     proposal=Proposal(choices=choices, fidelity=attributes["fidelity"]),
                     record=attributes.get("record") if frozen.state.is_finished() else None)

    def _safely(self, rule: str, operation: Callable[[], T]) -> T:
        """``operation()``, which may be repeated, again and again while a server is out of reach."""
        return _safely(self._where, rule, operation, RETRIES_S if self._is_server else ())


def reach(url: sqlalchemy.URL) -> None:
    """Raise :class:`CodesignError` unless there is a database at ``url`` now that can be asked."""
    def ask() -> None:
        limits = {} if url.get_backend_name() == "sqlite" else {"connect_timeout": BUSY_TIMEOUT_S}
        sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=limits).connect().close()

    _safely(url.render_as_string(), "usable", ask)


def _safely(where: str, rule: str, operation: Callable[[], T], pauses: Sequence[float] = ()) -> T:
    """``operation()``, tried again after each of ``pauses`` (s) where the database is out of reach."""
    left = list(pauses)
    while True:
        try:
            return operation()
        except CodesignError:
            raise
        except ModuleNotFoundError as e:
            raise CodesignError(f"Storage {where} must have its driver: pip install 'codesign[cluster]' "
                                f"({e.name})") from None
        except Exception as e:  # whatever SQLAlchemy or Alembic make of a database they cannot use
            if left and _is_out_of_reach(e):
                time.sleep(left.pop(0))
                continue
            raise CodesignError(f"Database of trials {where} must be {rule}: {_reason(e)}") from e


def _text(value: Any) -> str | int | float:
    """A choice as Optuna takes it: lists as text."""
    return value if isinstance(value, str | int | float) else json.dumps(value)


def _chain(error: BaseException | None) -> list[BaseException]:
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _is_out_of_reach(error: BaseException) -> bool:
    return any(isinstance(e, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError)
               or isinstance(e, sqlalchemy.exc.DBAPIError) and e.connection_invalidated for e in _chain(error))


def _reason(error: BaseException) -> str:
    """What the database itself said, in a line."""
    said = next((e.orig for e in _chain(error) if isinstance(e, sqlalchemy.exc.DBAPIError) and e.orig), error)
    return " ".join((str(said).splitlines() or [type(said).__name__])[0].split())


def sqlite_url(path: Path) -> sqlalchemy.URL:
    """The database in the file ``path``."""
    return sqlalchemy.URL.create("sqlite", database=str(path))
