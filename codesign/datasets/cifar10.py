"""CIFAR-10's binary version. Source of the format: cs.toronto.edu/~kriz/cifar.html."""

from pathlib import Path

import numpy as np

from ..errors import CodesignError, require
from .augmentation import Augmentation
from .dataset import Dataset

__all__ = ["FILE_RECORDS", "RECORD_BYTES", "cifar10", "is_cifar10"]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD_BYTES = 1 + 3 * 32 * 32  # a label, then red, green and blue, row by row
FILE_RECORDS = 10_000
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILE = "test_batch.bin"


def is_cifar10(path: Path) -> bool:
    """Whether the folder has any of the data set's files, of the binary or the Python version."""
    return any((path / file).exists() or (path / Path(file).stem).is_file() for file in (*TRAIN_FILES, TEST_FILE))


def cifar10(path: Path) -> Dataset:
    """All six published files; the Python version's, which are pickles, are refused unread."""
    for file in (*TRAIN_FILES, TEST_FILE):
        require((path / file).exists() or not (path / Path(file).stem).is_file(),
                f"CIFAR-10 folder {str(path)!r} must hold the binary version ({file}), not Python pickles "
                f"({Path(file).stem}), which are never loaded")
        require((path / file).exists(), f"CIFAR-10 folder {str(path)!r} must hold {file}")
    train = np.concatenate([_read(path / file) for file in TRAIN_FILES])
    test = _read(path / TEST_FILE)
    return Dataset(name="cifar10", classes=CLASSES, reference=str(path.resolve()),
                   augmentation=Augmentation(move_pixels=4, mirror=True),
                   train_images=train[:, 1:].reshape(-1, 3, 32, 32), train_labels=train[:, 0].astype(np.int64),
                   test_images=test[:, 1:].reshape(-1, 3, 32, 32), test_labels=test[:, 0].astype(np.int64))


def _read(file: Path) -> np.ndarray:
    """uint8 (FILE_RECORDS, RECORD_BYTES)."""
    try:
        size = file.stat().st_size
        require(size == FILE_RECORDS * RECORD_BYTES, f"CIFAR-10 file {str(file)!r} must be {FILE_RECORDS} records of "
                f"{RECORD_BYTES} bytes, not {size} bytes")
        data = np.fromfile(file, np.uint8).reshape(-1, RECORD_BYTES)
    except OSError as e:
        raise CodesignError(f"CIFAR-10 file {str(file)!r} must be readable: {e.strerror or e}") from None
    require(data[:, 0].max() < len(CLASSES),
            f"CIFAR-10 file {str(file)!r}: label must be in 0..9, not {data[:, 0].max()}")
    return data
