"""The options of training, which ``codesign train`` and ``codesign sweep`` share."""

import argparse
import dataclasses

import pytest

from codesign.cli.training import add_training, read_recipe, recipe_words
from codesign.datasets import Augmentation, load_dataset
from codesign.recipe import QUANTIZERS, Recipe
from codesign.train import quantizers

DIGITS = load_dataset("digits")
CHANGED = ["--quantizer", "lsq", "--batch", "32", "--learning-rate", "0.02", "--teacher", "2", "--teacher-weight",
           "0.3", "--precision", "bfloat16", "--compile", "--move", "2", "--no-mirror", "--rotate", "7.5"]


def recipe_of(words):
    parser = argparse.ArgumentParser()
    add_training(parser)
    return read_recipe(parser.parse_args(words), DIGITS)


def test_defaults_are_the_recipes():
    assert recipe_of([]) == Recipe() and recipe_words(Recipe().to_dict()) == []
    assert tuple(quantizers.QUANTIZERS) == QUANTIZERS


@pytest.mark.parametrize("words", [CHANGED, ["--rotate", "5"], ["--learning-rate", "0.1"]])
def test_options_lead_to_a_recipe_and_back(words):
    recipe = recipe_of(words)
    assert recipe != Recipe() and recipe_of(recipe_words(recipe.to_dict())) == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_every_field_can_be_said_or_is_fixed():
    changed, usual = recipe_of(CHANGED), Recipe()
    same = {f.name for f in dataclasses.fields(Recipe) if getattr(changed, f.name) == getattr(usual, f.name)}
    assert same == {"weight_decay", "warm_up", "label_smoothing", "temperature"}
    assert changed.augmentation == Augmentation(move_pixels=2, rotate_degrees=7.5)


def test_what_is_not_given_stays_the_data_sets():
    assert recipe_of(["--rotate", "3"]).augmentation == dataclasses.replace(DIGITS.augmentation, rotate_degrees=3)
