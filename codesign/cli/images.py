"""Images for commands that run a network, and where they come from."""

import argparse
from typing import TYPE_CHECKING

from .arguments import integer

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DATASET_HELP", "add_dataset", "add_images", "read_images"]

DATASET_HELP = ("digits; a folder of CIFAR-10's binary version; a folder of pictures, train/CLASS/*.png and test/ or "
                "val/, or CLASS/*.png alone; or a NumPy file with images and labels, *.npz")


def _count(text: str) -> int | None:
    return None if text == "all" else integer(1, 10_000_000)(text)


def add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=_count, default=8, metavar="N", help="how many, from the first; or all")
    add_dataset(parser)


def add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", metavar="D",
                        help=f"take held-out images of: {DATASET_HELP}. Without it, of what the model was trained on, "
                             "or random images")


def read_images(args: argparse.Namespace, shape: tuple[int, int, int],
                info: dict) -> "tuple[np.ndarray, np.ndarray | None, str]":
    """uint8 images (N, C, H, W); where they are known, labels (N,); and what they are: a data set's name, or that they
    are random. ``info`` is the model's own."""
    from ..datasets import choose_images

    return choose_images(args.images, shape, info, args.dataset)
