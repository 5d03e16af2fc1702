"""Where each layer's cycles go, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from .output import print_table

if TYPE_CHECKING:
    from ..layer_cycles import LayerCycles

__all__ = ["layer_values", "print_layers"]

PARTS = ("active", "weights", "input", "write_back", "pipeline")


def layer_values(layers: "Sequence[LayerCycles]", bounds: Sequence[int]) -> list[dict]:
    """One mapping per layer: its cycles, what they were spent on, and its tiling bound, all in cycles."""
    return [{**asdict(layer), "bound": bound} for layer, bound in zip(layers, bounds, strict=True)]


def print_layers(values: Sequence[dict]) -> None:
    """A line per layer, and their sum."""
    keys = ("cycles", "bound", *PARTS)
    print_table(("layer", "cycles", "tiling bound", "active", "weights", "input", "write-back", "pipeline"),
                [*((x["name"], *(x[key] for key in keys)) for x in values),
                 ("total", *(sum(x[key] for x in values) for key in keys))])
    print("cycles = active + what the array waited for: weights (counter stall_weights_cycles), input (load_cycles),\n"
          "write-back (stall_fence_cycles + stall_output_cycles), pipeline (stall_control_cycles)\n"
          "tiling bound: ceil(K / rows) * ceil(M / cols) * pixels")
