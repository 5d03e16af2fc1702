"""Folders of pictures, one folder per class, as ImageNet's are; scaled and cropped to 8-bit pixels."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import CodesignError, require
from .augmentation import MOVE_PIXELS, Augmentation
from .dataset import Dataset, stratified
from .stored import Images, StoredImages

__all__ = ["PictureFiles", "picture_folder"]

PICTURES = (".png", ".jpg", ".jpeg")
HELD_OUT = ("test", "val")
TEST_FRACTION = 0.2
SPLIT_SEED = 0
READERS = min(16, os.cpu_count() or 1)  # threads: decoding and scaling let go of the interpreter


@dataclass(frozen=True)
class PictureFiles:
    """PNG and JPEG files as RGB images: each is scaled (bilinear, antialiased) so that its shorter side has
    ``resolution`` pixels, and its middle is taken. Whoever reads a file gets the same bytes."""

    files: tuple[str, ...]
    resolution: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.files), 3, self.resolution, self.resolution

    def read(self, positions: np.ndarray) -> np.ndarray:
        images = np.empty((len(positions), *self.shape[1:]), np.uint8)

        def decode(place: int) -> None:
            images[place] = _picture(self.files[positions[place]], self.resolution)

        with ThreadPoolExecutor(READERS) as pool:
            for _ in pool.map(decode, range(len(positions))):
                pass  # the first error is raised
        return images


def picture_folder(path: Path, resolution: int, memory_bytes: int) -> Dataset:
    """``train/CLASS/*.png`` (or jpg) and as much in ``test/`` or ``val/``; or ``CLASS/*.png``, a fifth of each class
    being held out. What is larger than ``memory_bytes`` stays in its files and is decoded whenever it is read."""
    def images(files: list[str]) -> Images:
        stored = StoredImages(PictureFiles(tuple(files), resolution))
        return stored if len(files) * 3 * resolution**2 > memory_bytes else stored[:]

    whole = path if not (path / "train").is_dir() else path / "train"
    classes = tuple(sorted(p.name for p in _entries(whole) if p.is_dir()))
    require(len(classes) > 0, f"Data set {str(whole)!r} must hold one folder per class")
    train_files, train_labels = _listed(whole, classes)
    held_out = [path / part for part in HELD_OUT if (path / part).is_dir()] if whole != path else []
    require(whole == path or len(held_out) > 0, f"Data set {str(path)!r} must hold test/ or val/ beside train/")
    test_files, test_labels = _listed(held_out[0], classes, some=True) if held_out else ([], train_labels[:0])
    dataset = Dataset(
        name=path.resolve().name, classes=classes, reference=str(path.resolve()),
        augmentation=Augmentation(move_pixels=min(MOVE_PIXELS, resolution // 8), mirror=True),
        train_images=images(train_files), train_labels=train_labels,
        test_images=images(test_files), test_labels=test_labels)
    if held_out:
        return dataset
    count = round(TEST_FRACTION * len(train_files))
    require(count > 0, f"Data set {str(path)!r} must hold at least 3 pictures, some of them to be held out, "
                       f"not {len(train_files)}")
    return dataset.parted(dataset.name, stratified(train_labels, count, SPLIT_SEED))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as e:
        raise CodesignError(f"Data set folder {str(folder)!r} must be readable: {e.strerror or e}") from None


def _listed(part: Path, classes: tuple[str, ...], some: bool = False) -> tuple[list[str], np.ndarray]:
    """The pictures of ``part`` and their labels, every class having some, or (with ``some``) some class."""
    unknown = sorted({p.name for p in _entries(part) if p.is_dir()} - set(classes))
    require(not unknown, f"Data set {str(part)!r} must hold classes of train/ alone, not {', '.join(unknown)[:200]}")
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        folder = part / name
        found = [str(file) for file in _entries(folder) if file.suffix.lower() in PICTURES] if folder.is_dir() else []
        require(some or len(found) > 0, f"Data set folder {str(folder)!r} must hold pictures ({', '.join(PICTURES)})")
        files += found
        labels += [label] * len(found)
    require(len(files) > 0, f"Data set {str(part)!r} must hold pictures ({', '.join(PICTURES)}) in folders of classes")
    return files, np.array(labels, np.int64)


def _picture(file: str, resolution: int) -> np.ndarray:
    """RGB uint8 (3, resolution, resolution): the middle of the picture, scaled."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (resolution, resolution), Image.Resampling.BILINEAR)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise CodesignError(f"Picture {file!r} must be a PNG or JPEG: {' '.join(str(e).split())}") from None
    return np.asarray(fitted).transpose(2, 0, 1)
