"""How to train: the options of ``codesign train`` and ``codesign sweep``."""

import argparse
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .arguments import integer, number

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..recipe import Recipe

__all__ = ["add_training", "read_recipe", "recipe_words"]

#: Fields of a recipe and of its augmentation, and the options that say them.
FIELDS = {"quantizer": "quantizer", "batch": "batch", "learning_rate": "learning-rate", "teacher_width": "teacher",
          "teacher_weight": "teacher-weight", "precision": "precision", "compiled": "compile"}
AUGMENTATION = {"move_pixels": "move", "mirror": "mirror", "rotate_degrees": "rotate"}


def add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument("--quantizer", choices=("dorefa", "lsq"), default="dorefa", help="of the weights")
    group.add_argument("--batch", type=integer(2), default=64, help="images per step")
    group.add_argument("--learning-rate", type=number(0, 10), default=0.05, metavar="X",
                       help="the schedule's highest")
    group.add_argument("--teacher", type=integer(0, 16), default=0, metavar="WIDTH",
                       help="train a floating-point network of so many times the channels first, and learn from it; "
                            "0: none")
    group.add_argument("--teacher-weight", type=number(0, 1), default=0.5, metavar="X", help="of its part of the loss")
    group.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="float32",
                       help="of convolutions while training")
    group.add_argument("--compile", action="store_true", help="by torch.compile, which takes a minute at first")
    group.add_argument("--training-device", default="auto", metavar="D",
                       help="cpu, cuda, cuda:1, ..., or auto: a GPU where there is one; workers take turns at several")
    images = parser.add_argument_group("training images", "instead of what suits the data set")
    images.add_argument("--move", type=integer(0, 64), metavar="PIXELS",
                        help="up to so far either way, zeros coming in: a random crop after padding")
    images.add_argument("--mirror", action=argparse.BooleanOptionalAction, help="half of them; never digits")
    images.add_argument("--rotate", type=number(0, 180), metavar="DEGREES", help="up to so far either way")


def read_recipe(args: argparse.Namespace, dataset: "Dataset") -> "Recipe":
    """The recipe asked for; the data set's own augmentation, but for what is given."""
    from ..recipe import Recipe

    given = {field: getattr(args, option) for field, option in AUGMENTATION.items()
             if getattr(args, option) is not None}
    return Recipe(augmentation=dataclasses.replace(dataset.augmentation, **given) if given else None,
                  **{field: getattr(args, option.replace("-", "_")) for field, option in FIELDS.items()})


def recipe_words(recipe: Mapping) -> list[str]:
    """The options for a recipe (its ``to_dict``), but for defaults."""
    from ..recipe import Recipe

    usual = Recipe().to_dict()
    said = {option: recipe[field] for field, option in FIELDS.items() if recipe[field] != usual[field]}
    said |= {option: recipe["augmentation"][field] for field, option in AUGMENTATION.items()
             if recipe["augmentation"] is not None}
    words: list[str] = []
    for option, value in said.items():
        words += [f"--{option}" if value else f"--no-{option}"] if isinstance(value, bool) else [f"--{option}",
                                                                                                 str(value)]
    return words
