"""What every data set is: labelled images in a part to train on and one held out."""

import zlib
from dataclasses import dataclass

import numpy as np

from ..errors import require
from .augmentation import Augmentation
from .stored import Images, take

__all__ = ["Dataset", "stratified"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """uint8 images (N, C, H, W) and int64 labels (N,), in a part to train on and one held out.

    Pixels are those that the accelerator sees: whatever scaling and cropping there is was done before, in 8 bits, so
    training, reference and device get the same bytes.

    reference : what :func:`~codesign.datasets.load_dataset` finds it by, from any directory; None if by nothing
    augmentation : fit for training on it; can_mirror : whether a mirrored image still shows the same class
    """

    name: str
    classes: tuple[str, ...]
    train_images: Images
    train_labels: np.ndarray
    test_images: Images
    test_labels: np.ndarray
    reference: str | None = None
    augmentation: Augmentation = Augmentation()
    can_mirror: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width) of an image."""
        return self.train_images.shape[1:]

    @property
    def labels_digest(self) -> str:
        """CRC-32 of all labels, hexadecimal: what tells another version of a data set without reading its images."""
        return f"{zlib.crc32(self.test_labels.tobytes(), zlib.crc32(self.train_labels.tobytes())):08x}"

    def augmented_as(self, asked: Augmentation | None) -> Augmentation:
        """``asked``, or its own; raises :class:`CodesignError` where that would change what an image shows."""
        augmentation = asked or self.augmentation
        require(self.can_mirror or not augmentation.mirror,
                f"Augmentation of {self.name} must not mirror: mirrored, its classes are others")
        return augmentation

    def split_validation(self, seed: int, fraction: float = 0.2) -> "Dataset":
        """The train part alone, ``fraction`` of it, stratified, in place of the test part: what a search may see."""
        require(0 < fraction < 1, f"Validation fraction must be between 0 and 1, not {fraction!r}")
        held = stratified(self.train_labels, round(fraction * len(self.train_labels)), seed)
        return self.parted(f"{self.name} (validation split {seed})", held)

    def parted(self, name: str, held: np.ndarray) -> "Dataset":
        """The train part alone, those ``held`` (bool (N,)) in place of the test part."""
        return Dataset(name=name, classes=self.classes, reference=self.reference, augmentation=self.augmentation,
                       can_mirror=self.can_mirror,
                       train_images=take(self.train_images, ~held), train_labels=self.train_labels[~held],
                       test_images=take(self.train_images, held), test_labels=self.train_labels[held])


def stratified(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Which ``count`` of ``labels`` are held out, bool (N,): of every class its share, by largest remainder.

    NumPy's legacy generator picks within a class: its stream is frozen, so the split is the same everywhere.
    """
    generator = np.random.RandomState(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    shares = sizes * count / len(labels)
    counts = np.floor(shares).astype(int)
    counts[np.argsort(counts - shares, kind="stable")[:count - counts.sum()]] += 1
    held = np.zeros(len(labels), bool)
    for label, n in zip(classes, counts, strict=True):
        held[generator.permutation(np.flatnonzero(labels == label))[:n]] = True
    return held
