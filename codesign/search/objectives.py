"""What a search is after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["OBJECTIVES", "Objective", "losses"]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A number of a trained candidate's record that is to be large (``maximize``) or small."""

    name: str
    of: Callable[[Mapping], float]
    maximize: bool = False

    def loss(self, record: Mapping) -> float:
        """The number, turned so that less is better."""
        return -self.of(record) if self.maximize else self.of(record)


OBJECTIVES = (
    Objective(name="accuracy", of=lambda record: record["accuracy"], maximize=True),
    Objective(name="cycles", of=lambda record: record["price"]["cycles"]),
    Objective(name="lut", of=lambda record: record["resources"]["lut"]),
)


def losses(record: Mapping) -> tuple[float, ...]:
    """All objectives of a trained candidate, less is better."""
    return tuple(objective.loss(record) for objective in OBJECTIVES)
