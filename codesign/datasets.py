"""Labelled images: scikit-learn's handwritten digits, CIFAR-10's binary version, folders of pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CodesignError, require

__all__ = ["Dataset", "choose_images", "load_dataset"]

DIGITS_TEST = 360
DIGITS_SPLIT_SEED = 0
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_RECORD_BYTES = 1 + 3 * 32 * 32
PICTURES = (".png", ".jpg", ".jpeg")
MAX_BYTES = 8 << 30  # everything is held in memory
RANDOM_IMAGES, RANDOM_IMAGES_SEED = 8, 0


@dataclass(frozen=True, eq=False)
class Dataset:
    """uint8 images (N, C, H, W) and int64 labels (N,), in a part to train on and one held out."""

    name: str
    classes: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        return self.train_images.shape[1:]

    def split_validation(self, seed: int, fraction: float = 0.2) -> "Dataset":
        """The train part alone, ``fraction`` of it, stratified, in place of the test part: what a search may see."""
        require(0 < fraction < 1, f"Validation fraction must be between 0 and 1, not {fraction!r}")
        held = stratified(self.train_labels, round(fraction * len(self.train_labels)), seed)
        return Dataset(f"{self.name} (validation split {seed})", self.classes,
                       self.train_images[~held], self.train_labels[~held],
                       self.train_images[held], self.train_labels[held])


def stratified(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Which ``count`` of ``labels`` are held out, bool (N,): of every class its share, by largest remainder.

    NumPy's legacy generator picks within a class: its stream is frozen, so the split is the same everywhere.
    """
    generator = np.random.RandomState(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    shares = sizes * count / len(labels)
    take = np.floor(shares).astype(int)
    take[np.argsort(take - shares, kind="stable")[:count - take.sum()]] += 1
    held = np.zeros(len(labels), bool)
    for label, n in zip(classes, take, strict=True):
        held[generator.permutation(np.flatnonzero(labels == label))[:n]] = True
    return held


def load_dataset(reference: str, resolution: int | None = None) -> Dataset:
    """``digits``, a folder with CIFAR-10's binary version, or one with ``train/CLASS/*.png`` (or jpg) and as much in
    ``test/`` or ``val/``.

    A folder of pictures needs ``resolution``: each is scaled so that its shorter side has that many pixels and
    its middle is taken, in RGB. Nothing is ever unpickled. Raises :class:`CodesignError`.
    """
    if reference == "digits":
        require(resolution in (None, 8), f"Digits' resolution must be 8 pixels, not {resolution!r}")
        return _digits()
    path = Path(reference)
    require(path.is_dir(), f"Data set must be digits or a folder, not {reference!r}")
    if (path / "test_batch.bin").exists():
        require(resolution in (None, 32), f"CIFAR-10's resolution must be 32 pixels, not {resolution!r}")
        return _cifar10(path)
    if (path / "train").is_dir():
        if type(resolution) is not int or not 1 <= resolution <= 4096:
            raise CodesignError(f"Data set resolution must be an integer in 1..4096 pixels, not {resolution!r}")
        return _folder(path, resolution)
    raise CodesignError(f"Data set {reference!r} must hold test_batch.bin (CIFAR-10's binary version) or train/")


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
    dataset = load_dataset(reference, None if reference == "digits" else shape[1])
    require(dataset.shape == shape, f"Data set's images must be {list(shape)} like the network's input, "
                                    f"not {list(dataset.shape)}")
    count = len(dataset.test_images) if count is None else count
    require(count <= len(dataset.test_images),
            f"Images must be at most the {len(dataset.test_images)} held out of {dataset.name}, not {count}")
    return dataset.test_images[:count], dataset.test_labels[:count], dataset.name


def _digits() -> Dataset:
    """1,797 images of 8x8, values 0..16 scaled to 0..255 by (255*value + 8) // 16; exactly 360 held out."""
    from sklearn.datasets import load_digits  # takes a second to import

    data = load_digits()
    images = ((data.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)[:, None]
    labels = data.target.astype(np.int64)
    held = stratified(labels, DIGITS_TEST, DIGITS_SPLIT_SEED)
    return Dataset("digits", tuple("0123456789"), images[~held], labels[~held], images[held], labels[held])


def _cifar10(path: Path) -> Dataset:
    """Records of a label byte and 3x32x32 pixels. Source: cs.toronto.edu/~kriz/cifar.html."""
    def read(file: Path) -> np.ndarray:
        try:
            data = np.fromfile(file, np.uint8)
        except OSError as e:
            raise CodesignError(f"CIFAR-10 file {str(file)!r} must be readable: {e.strerror}") from None
        require(data.size > 0 and data.size % CIFAR10_RECORD_BYTES == 0,
                f"CIFAR-10 file {str(file)!r} must be records of {CIFAR10_RECORD_BYTES} bytes, not {data.size} bytes")
        data = data.reshape(-1, CIFAR10_RECORD_BYTES)
        require(data[:, 0].max() < len(CIFAR10_CLASSES),
                f"CIFAR-10 file {str(file)!r}: label must be in 0..9, not {data[:, 0].max()}")
        return data

    batches = sorted(path.glob("data_batch_*.bin"))
    require(len(batches) > 0, f"CIFAR-10 folder {str(path)!r} must hold data_batch_*.bin")
    train, test = np.concatenate([read(file) for file in batches]), read(path / "test_batch.bin")
    return Dataset("cifar10", CIFAR10_CLASSES,
                   train[:, 1:].reshape(-1, 3, 32, 32), train[:, 0].astype(np.int64),
                   test[:, 1:].reshape(-1, 3, 32, 32), test[:, 0].astype(np.int64))


def _folder(path: Path, resolution: int) -> Dataset:
    classes = tuple(sorted(p.name for p in (path / "train").iterdir() if p.is_dir()))
    require(len(classes) > 0, f"Data set {str(path / 'train')!r} must hold one folder per class")
    held_out = [path / part for part in ("test", "val") if (path / part).is_dir()]
    require(len(held_out) > 0, f"Data set {str(path)!r} must hold test/ or val/ beside train/")
    parts: list[np.ndarray] = []
    for part in (path / "train", held_out[0]):
        files = [(file, label) for label, name in enumerate(classes) if (part / name).is_dir()
                 for file in sorted((part / name).iterdir()) if file.suffix.lower() in PICTURES]
        require(len(files) > 0, f"Data set {str(part)!r} must hold pictures ({', '.join(PICTURES)})")
        require(len(files) * 3 * resolution**2 <= MAX_BYTES,
                f"Data set {str(part)!r} must fit {MAX_BYTES >> 30} GiB, not {len(files)} pictures at {resolution}")
        images = np.empty((len(files), 3, resolution, resolution), np.uint8)
        for i, (file, _) in enumerate(files):
            images[i] = _picture(file, resolution)
        parts += [images, np.array([label for _, label in files], np.int64)]
    return Dataset(path.resolve().name, classes, *parts)


def _picture(file: Path, resolution: int) -> np.ndarray:
    """RGB uint8 (3, resolution, resolution): the middle of the picture, scaled."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (resolution, resolution), Image.Resampling.BILINEAR)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise CodesignError(f"Picture {str(file)!r} must be a PNG or JPEG: {' '.join(str(e).split())}") from None
    return np.asarray(fitted).transpose(2, 0, 1)
