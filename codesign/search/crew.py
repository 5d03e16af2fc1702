"""Who works for a sweep."""

from ..pool import Crew
from ..workers import LocalCrew
from .options import SweepOptions
from .training import Shared

__all__ = ["open_crew"]


def open_crew(options: SweepOptions, shared: Shared) -> Crew:
    """Processes on this machine, or on the machines of a Ray cluster."""
    if options.ray is None:
        return LocalCrew(options.workers or 2, shared)
    from ..ray_workers import RayCrew

    return RayCrew(options.ray, shared, options.workers)
