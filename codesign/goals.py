"""What a person wants of a search: objectives, and the constraints that a candidate must meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .errors import require
from .objectives import METRICS, Metric

__all__ = ["DEFAULT_OBJECTIVES", "Constraint", "Goals"]

DEFAULT_OBJECTIVES = ("accuracy", "cycles", "luts")
LEAST = 1e-6  # of a bound, as which less than that counts


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """``metric`` must be at most ``bound``, or at least, where more is better."""

    metric: Metric
    bound: float

    def violation(self, record: Mapping) -> float:
        """By how much ``record`` misses it, in parts of the bound (of the number itself, where more is better: half the
        rate is like twice the time); 0 where it does not."""
        value = self.metric.of(record)
        ratio = self.bound / max(value, LEAST * self.bound) if self.metric.maximize else value / self.bound
        return max(0.0, ratio - 1)

    def words(self) -> str:
        """Such as ``max-latency-ms 1.5``."""
        return f"{self.metric.option} {self.metric.number(self.bound)}"


@dataclass(frozen=True, kw_only=True)
class Goals:
    """``objectives`` are to be as small, or large, as can be; ``constraints`` met. Both in the order of
    :data:`~codesign.objectives.METRICS`, whatever the order they were stated in."""

    objectives: tuple[Metric, ...]
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def of(cls, objectives: Sequence[str] = DEFAULT_OBJECTIVES, constraints: Mapping[str, float] | None = None,
           max_cycles: int | None = None) -> "Goals":
        """From names of metrics, and bounds by option (``max-latency-ms``). ``max_cycles`` : the space's own budget,
        unless ``constraints`` say otherwise. Raises :class:`CodesignError` on what cannot be wanted."""
        bounds: dict[str, float] = {"max-cycles": max_cycles} if max_cycles is not None else {}
        bounds |= dict(constraints or {})
        for name in objectives:
            require(name in METRICS, f"Objective must be one of {', '.join(METRICS)}, not {name!r}")
        require(len(objectives) > 0 and len(set(objectives)) == len(objectives),
                f"Objectives must be one or more different metrics, not {', '.join(objectives) or 'none'}")
        options = {metric.option: metric for metric in METRICS.values()}
        for option in bounds:
            require(option in options, f"Constraint must be one of {', '.join(options)}, not {option!r}")
        found = cls(objectives=tuple(METRICS[name] for name in METRICS if name in objectives),
                    constraints=tuple(Constraint(metric=metric, bound=metric.check(bounds[option]))
                                      for option, metric in options.items() if option in bounds))
        asked = [*found.objectives, *(c.metric for c in found.constraints)]
        require(any(metric.trained for metric in asked),
                "Objectives must have accuracy among them, or --min-accuracy beside them: without it there is nothing "
                "to train for")
        return found

    @classmethod
    def of_settings(cls, settings: Mapping) -> "Goals":
        """Those of a sweep, by its settings."""
        return cls.of(settings.get("objectives", DEFAULT_OBJECTIVES), settings.get("constraints", {}),
                      settings["space"].get("budget", {}).get("cycles"))

    @cached_property
    def cost(self) -> Metric:
        """What matters most of what is known before training: the first such objective, cycles if there is none."""
        return next(iter(self.known_first()), METRICS["cycles"])

    def known_first(self) -> tuple[Metric, ...]:
        """The objectives that are known before training."""
        return tuple(metric for metric in self.objectives if not metric.trained)

    def losses(self, record: Mapping) -> tuple[float, ...]:
        """All objectives of a trained candidate, less is better."""
        return tuple(metric.loss(record) for metric in self.objectives)

    def missed(self, record: Mapping, *, trained: bool = False) -> list[Constraint]:
        """The constraints that ``record`` misses, of those known before training or (``trained``) of all."""
        return [c for c in self.constraints if (trained or not c.metric.trained) and c.violation(record) > 0]

    def violation(self, record: Mapping, *, trained: bool = False) -> float:
        """The sum of what ``record`` misses them by, in parts of their bounds; 0 where it meets all."""
        return sum(c.violation(record) for c in self.missed(record, trained=trained))

    def reason(self, record: Mapping) -> str:
        """Why ``record`` need not be trained: what it misses, in words."""
        return "; ".join(f"{c.metric.written(c.metric.of(record))}, {c.words()}" for c in self.missed(record))

    def words(self) -> str:
        """Objectives and constraints in a line."""
        wanted = ", ".join(f"{'most' if m.maximize else 'least'} {m.name}" for m in self.objectives)
        return f"objectives: {wanted}; constraints: {', '.join(c.words() for c in self.constraints) or 'none'}"
