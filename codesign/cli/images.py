"""Images for commands that run a network, and where they come from."""

import argparse
from typing import TYPE_CHECKING

from ..errors import require
from .arguments import integer

if TYPE_CHECKING:
    import numpy as np

__all__ = ["add_dataset", "add_images", "read_images"]

RANDOM_IMAGES_SEED = 0


def _count(text: str) -> int | None:
    return None if text == "all" else integer(1, 10_000_000)(text)


def add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=_count, default=8, metavar="N", help="how many, from the first; or all")
    add_dataset(parser)


def add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", metavar="D",
                        help="take held-out images of: digits, a folder of CIFAR-10's binary version, or one with "
                             "train/ and test/; without it, of what the model was trained on, or random images")


def read_images(args: argparse.Namespace, shape: tuple[int, int, int],
                info: dict) -> "tuple[np.ndarray, np.ndarray | None, str]":
    """uint8 images (N, C, H, W); where they are known, labels (N,); and what they are: a data set's name, or that they
    are random. ``info`` is the model's own."""
    import numpy as np

    from ..datasets import load_dataset

    reference = args.dataset or info.get("dataset_path") or info.get("dataset")
    if reference is None:
        return np.random.default_rng(RANDOM_IMAGES_SEED).integers(
            0, 256, (args.images or 8, *shape), dtype=np.uint8), None, "random"
    # A search's networks say which part of the data set they were validated on; the held-out part is another.
    reference = reference.partition(" (validation split")[0]
    dataset = load_dataset(reference, None if reference == "digits" else shape[1])
    require(dataset.shape == shape, f"Data set's images must be {list(shape)} like the network's input, "
                                    f"not {list(dataset.shape)}")
    count = len(dataset.test_images) if args.images is None else args.images
    require(count <= len(dataset.test_images),
            f"Images must be at most the {len(dataset.test_images)} held out of {dataset.name}, not {count}")
    return dataset.test_images[:count], dataset.test_labels[:count], dataset.name
