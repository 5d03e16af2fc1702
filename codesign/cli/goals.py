"""What a person wants of a search, as options: from the metrics there are."""

import argparse
from collections.abc import Callable, Mapping

from ..errors import CodesignError
from ..goals import DEFAULT_OBJECTIVES
from ..objectives import METRICS, Metric

__all__ = ["add_goals", "goal_words", "read_constraints", "read_objectives"]


def add_goals(parser: argparse.ArgumentParser) -> None:
    """Objectives and constraints."""
    group = parser.add_argument_group("what is wanted", "What misses a constraint that the cost model knows is not "
                                      "trained, and no accelerator that misses it is taken where another does not; "
                                      "what misses another is not on the front. Accuracy is on validation images; "
                                      "energy and resources are estimates.")
    group.add_argument("--objective", action="append", choices=tuple(METRICS), metavar="M", dest="objectives",
                       help=f"one of {', '.join(METRICS)}; several, in any order; default: "
                            f"{', '.join(DEFAULT_OBJECTIVES)}")
    for metric in METRICS.values():
        extra = "; default: the space's" if metric.name == "cycles" else ""
        group.add_argument(f"--{metric.option}", type=_bound(metric), metavar="X",
                           help=f"{metric.label}, at {'least' if metric.maximize else 'most'}{extra}")


def _bound(metric: Metric) -> Callable[[str], float]:
    """An argument's type: what a candidate can be held to."""
    def parse(text: str) -> float:
        try:
            value: object = float(text)
        except ValueError:
            value = text
        try:
            return metric.check(value)
        except CodesignError as e:
            raise argparse.ArgumentTypeError(str(e)) from None
    return parse


def read_objectives(args: argparse.Namespace) -> tuple[str, ...]:
    """Those stated, or the usual ones."""
    return tuple(args.objectives or DEFAULT_OBJECTIVES)


def read_constraints(args: argparse.Namespace) -> dict[str, float]:
    """Those stated, by option."""
    found = {metric.option: getattr(args, metric.option.replace("-", "_")) for metric in METRICS.values()}
    return {option: bound for option, bound in found.items() if bound is not None}


def goal_words(settings: Mapping) -> list[str]:
    """What to type for a sweep's objectives and constraints; nothing for the usual ones."""
    objectives = settings.get("objectives", DEFAULT_OBJECTIVES)
    stated = [] if tuple(objectives) == DEFAULT_OBJECTIVES else [("objective", name) for name in objectives]
    bounds = [(option, repr(bound)) for option, bound in settings.get("constraints", {}).items()]
    return [word for key, value in (*stated, *bounds) for word in (f"--{key}", value)]
