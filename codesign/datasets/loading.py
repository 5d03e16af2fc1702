"""From what a person calls a data set to the data set, and to images of it for a device."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CodesignError, require
from .arrays import array_file
from .cifar10 import cifar10, is_cifar10
from .dataset import Dataset
from .digits import digits
from .pictures import picture_folder

__all__ = ["MEMORY_BYTES", "choose_images", "dataset_for", "load_dataset"]

MEMORY_BYTES = 2 << 30
RANDOM_IMAGES, RANDOM_IMAGES_SEED = 8, 0


def load_dataset(reference: str, resolution: int | None = None, memory_bytes: int = MEMORY_BYTES) -> Dataset:
    """``digits``; a folder of CIFAR-10's binary version; a folder of pictures, in ``train/CLASS/`` and ``test/CLASS/``
    (or ``val/CLASS/``), or in ``CLASS/`` alone; or a NumPy file, ``.npz`` (see :mod:`.arrays`).

    Pictures need ``resolution``: each is scaled so that its shorter side has that many pixels and its middle is taken,
    in RGB. The others are what they are. A part larger than ``memory_bytes`` is read when it is used. Nothing is ever
    unpickled. Raises :class:`CodesignError` on what is not such a data set, is broken or cut off.
    """
    if reference == "digits":
        require(resolution in (None, 8), f"Digits' resolution must be 8 pixels, not {resolution!r}")
        return digits()
    path = Path(reference)
    if path.is_file():
        return array_file(path, resolution, memory_bytes)
    require(path.is_dir(), f"Data set must be digits, a folder or an .npz file, not {reference!r}")
    if is_cifar10(path):
        require(resolution in (None, 32), f"CIFAR-10's resolution must be 32 pixels, not {resolution!r}")
        return cifar10(path)
    if type(resolution) is not int or not 1 <= resolution <= 4096:
        raise CodesignError(f"Data set resolution must be an integer in 1..4096 pixels, not {resolution!r}")
    return picture_folder(path, resolution, memory_bytes)


def dataset_for(reference: str, shape: Sequence[int]) -> Dataset:
    """The same for networks whose input is ``shape`` (C, H, W): pictures are scaled to it; the others are what they
    are, which may be of another shape."""
    path = Path(reference)
    scaled = reference != "digits" and path.is_dir() and not is_cifar10(path)
    return load_dataset(reference, shape[1] if scaled else None)


def choose_images(count: int | None, shape: tuple[int, int, int], info: Mapping[str, Any],
                  reference: str | None = None) -> tuple[np.ndarray, np.ndarray | None, str]:
    """The first ``count`` (None: all) held-out images (N, C, H, W), their labels (N,) and the data set's name.

    The data set is ``reference``, or what the model whose ``info`` is given was trained on; where there is none, images
    are random, without labels. Raises :class:`CodesignError` where they are not of ``shape``, or too few.
    """
    reference = reference or info.get("dataset_path") or info.get("dataset")
    if reference is None:
        return np.random.default_rng(RANDOM_IMAGES_SEED).integers(
            0, 256, (count or RANDOM_IMAGES, *shape), dtype=np.uint8), None, "random"
    # A search's networks say which part of the data set they were validated on; the held-out part is another.
    reference = reference.partition(" (validation split")[0]
    dataset = dataset_for(reference, shape)
    require(dataset.shape == shape, f"Data set's images must be {list(shape)} like the network's input, "
                                    f"not {list(dataset.shape)}")
    count = len(dataset.test_images) if count is None else count
    require(count <= len(dataset.test_images),
            f"Images must be at most the {len(dataset.test_images)} held out of {dataset.name}, not {count}")
    return np.ascontiguousarray(dataset.test_images[:count]), dataset.test_labels[:count], dataset.name
