"""The search for pairs of a network and an accelerator."""

from ..costs.measurement import Measurement, measure_on
from .options import SweepOptions, Tools
from .space import Space, load_space, space_names
from .sweep import run_sweep

__all__ = ["Measurement", "Space", "SweepOptions", "Tools", "load_space", "measure_on", "run_sweep", "space_names"]
