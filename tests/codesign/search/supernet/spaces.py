"""A small space with every kind of choice, and few images to train on."""

import dataclasses

from codesign.datasets import load_dataset
from codesign.search import Space

SPACE = Space.from_dict({
    "name": "elastic", "input": [1, 8, 8], "classes": 10,
    "network": {"stem": [4, 8], "mix": [1, 2], "mix_width": [8, 16], "stem_pool": ["none", 0],
                "shift": ["released", ["up", "left", "right"]], "stages": [0, 1, 2], "head": ["none", 16, 24],
                "stage": {"kind": ["plain", "dirac"], "width": [8, 12, 16], "depth": [1, 2], "pool": ["none", 0],
                          "expansion": [1, 2]}},
    "accelerator": {"rows": [4, 8], "cols": [4, 8]}, "share": [0.2, 0.5], "budget": {"cycles": 4000}})
#: The same, its stages plain and never more than one.
PLAIN = Space.from_dict({**SPACE.to_dict(), "network": {**SPACE.to_dict()["network"], "stages": [0, 1],
                         "shift": ["released"], "stem_pool": ["none"], "stage": {
                             "kind": ["plain"], "width": [8, 16], "depth": [1], "pool": ["none"], "expansion": [1]}}})


def few_digits(count=192):
    """The search's part of the digits, less most images."""
    whole = load_dataset("digits").split_validation(0)
    return dataclasses.replace(whole, train_images=whole.train_images[:count], train_labels=whole.train_labels[:count])
