"""What weights cannot be shared for, told before anything is trained."""

from ...errors import require
from ...recipe import Recipe
from ..space import Space
from .shrinking import ELASTIC

__all__ = ["check_elastic", "check_recipe"]


def check_elastic(space: Space) -> None:
    """Raise :class:`CodesignError` unless networks of ``space`` have weights to share."""
    choices = {**space.network, **space.stage}
    require(any(len(choices[key]) > 1 for key in ELASTIC),
            f"Space {space.name} must leave open one of {', '.join(ELASTIC)} for networks to share weights")


def check_recipe(recipe: Recipe) -> None:
    """Raise :class:`CodesignError` where it asks for what a supernet's training has not: it is its own teacher."""
    require(recipe.teacher_width == 0, f"Training of a supernet must have no --teacher, not {recipe.teacher_width}")
    require(recipe.quantizer == "dorefa" and recipe.precision == "float32" and not recipe.compiled,
            "Training of a supernet must be with dorefa, in float32, not compiled, "
            f"not {recipe.quantizer}, {recipe.precision}{', compiled' if recipe.compiled else ''}")
