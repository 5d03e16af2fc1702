"""One's own data set as a NumPy file, ``.npz``.

It holds uint8 images (N, H, W) or (N, H, W, C) and integer labels (N,) from 0 up: ``images`` and ``labels``, of which
a fifth of each class is held out; or ``train_images``, ``train_labels``, ``test_images``, ``test_labels`` (or, as
others call them, ``x_train``, ``y_train``, ``x_test``, ``y_test``). ``classes``, if there, are the classes' names;
``augmentation``, if there, is what :class:`.Augmentation` takes and ``can_mirror``, as JSON.
"""

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CodesignError, require
from .augmentation import Augmentation
from .dataset import Dataset, stratified
from .stored import Images, MappedFile, StoredImages

__all__ = ["PARTED", "array_file"]

WHOLE = ("images", "labels")
PARTED = ("train_images", "train_labels", "test_images", "test_labels")
ALSO = ("x_train", "y_train", "x_test", "y_test")
OPTIONAL = {"classes", "augmentation"}
TEST_FRACTION = 0.2
SPLIT_SEED = 0
LOCAL_HEADER_BYTES = 30  # of a member in a ZIP file, before its name; lengths of name and extra field are the last 4


def array_file(path: Path, resolution: int | None, memory_bytes: int) -> Dataset:
    """The data set in ``path``. Images that take more than ``memory_bytes`` are mapped, for which the file must not be
    compressed (``numpy.savez``, not ``savez_compressed``). Raises :class:`CodesignError`."""
    try:
        with open(path, "rb") as opened:
            require(zipfile.is_zipfile(opened), f"Data set {str(path)!r} must be a whole .npz file of arrays, "
                                                "not another one, or one cut off")
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as file:
                return _dataset(path, file, resolution, memory_bytes)
    except CodesignError:
        raise
    except (OSError, ValueError, EOFError, KeyError, AttributeError, TypeError, MemoryError, NotImplementedError,
            OverflowError, struct.error, zipfile.BadZipFile, zlib.error) as e:
        raise CodesignError(f"Data set {str(path)!r} must be a whole .npz file of arrays: "
                            f"{' '.join(str(e).split())}") from None


def _dataset(path: Path, file: np.lib.npyio.NpzFile, resolution: int | None, memory_bytes: int) -> Dataset:
    keys = next((keys for keys in (WHOLE, PARTED, ALSO) if set(keys) == set(file.files) - OPTIONAL), None)
    if keys is None:
        raise CodesignError(f"Data set {str(path)!r} must hold {', '.join(WHOLE)}, or {', '.join(PARTED)} (and maybe "
                            f"{', '.join(sorted(OPTIONAL))}), not {', '.join(file.files)[:200] or 'nothing'}")
    parts = [(_images(path, file, image_key, memory_bytes), _labels(path, file, label_key))
             for image_key, label_key in zip(keys[::2], keys[1::2], strict=True)]
    for (images, labels), key in zip(parts, keys[1::2], strict=True):
        require(len(images) == len(labels) > 0,
                f"Data set {str(path)!r}: {key} must be one for each of its {len(images)} images, not {len(labels)}")
    shape = parts[0][0].shape[1:]
    require(parts[-1][0].shape[1:] == shape, f"Data set {str(path)!r}: {keys[-2]} must be {list(shape)} like {keys[0]} "
                                             f"(channels first), not {list(parts[-1][0].shape[1:])}")
    require(resolution in (None, shape[1]), f"Data set {str(path)!r}: resolution must be its own, {shape[1]} pixels, "
                                            f"not {resolution!r}")
    count = 1 + max(int(labels.max()) for _, labels in parts)
    classes = tuple(map(str, file["classes"].tolist())) if "classes" in file.files else tuple(map(str, range(count)))
    require(len(classes) >= count, f"Data set {str(path)!r}: labels must be below its {len(classes)} classes, "
                                   f"not {count - 1}")
    (train_images, train_labels), (test_images, test_labels) = parts[0], parts[-1]
    dataset = Dataset(name=path.stem, classes=classes, reference=str(path.resolve()), **_augmentation(path, file),
                      train_images=train_images, train_labels=train_labels,
                      test_images=test_images, test_labels=test_labels)
    if len(parts) == 2:
        return dataset
    held = round(TEST_FRACTION * len(train_labels))
    require(held > 0, f"Data set {str(path)!r} must hold at least 3 images, some of them to be held out, "
                      f"not {len(train_labels)}")
    return dataset.parted(dataset.name, stratified(train_labels, held, SPLIT_SEED))


def _augmentation(path: Path, file: np.lib.npyio.NpzFile) -> dict[str, Any]:
    """The data set's fields of that; none where the file says nothing of it."""
    if "augmentation" not in file.files:
        return {}
    try:
        fields = json.loads(str(file["augmentation"]))
        can_mirror = fields.pop("can_mirror")
        require(type(can_mirror) is bool, f"can_mirror must be true or false, not {can_mirror!r}")
        return {"augmentation": Augmentation(**fields), "can_mirror": can_mirror}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError, CodesignError) as e:
        raise CodesignError(f"Data set {str(path)!r}: augmentation must be its fields and can_mirror, as JSON: "
                            f"{' '.join(str(e).split())}") from None


def _labels(path: Path, file: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    labels = file[key]
    require(np.issubdtype(labels.dtype, np.integer) and labels.ndim == 1,
            f"Data set {str(path)!r}: {key} must be integers (N,), not {labels.dtype} {labels.shape}")
    require(labels.size == 0 or labels.min() >= 0,
            f"Data set {str(path)!r}: {key} must be at least 0, not {labels.min() if labels.size else 0}")
    return labels.astype(np.int64)


def _images(path: Path, file: np.lib.npyio.NpzFile, key: str, memory_bytes: int) -> Images:
    """(N, C, H, W), in memory or mapped."""
    assert file.zip is not None  # it is open
    with file.zip.open(f"{key}.npy") as member:
        version = np.lib.format.read_magic(member)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        require(version in read, f"Data set {str(path)!r}: {key} must be an array of format 1.0 or 2.0, not {version}")
        shape, fortran, dtype = read[version](member)
        header_bytes = member.tell()
    require(dtype == np.uint8 and len(shape) in (3, 4),
            f"Data set {str(path)!r}: {key} must be uint8 (N, H, W) or (N, H, W, C), not {dtype} {shape}")
    n, h, w, c = shape if len(shape) == 4 else (*shape, 1)
    if n * h * w * c <= memory_bytes:
        return file[key].reshape(n, h, w, c).transpose(0, 3, 1, 2)
    info = file.zip.getinfo(f"{key}.npy")
    require(info.compress_type == zipfile.ZIP_STORED and not fortran,
            f"Data set {str(path)!r}: {key} must be stored without compression (numpy.savez) in C order, since it is "
            f"larger than {memory_bytes} bytes")
    with open(path, "rb") as raw:
        raw.seek(info.header_offset)
        name_bytes, extra_bytes = struct.unpack("<HH", raw.read(LOCAL_HEADER_BYTES)[-4:])
    offset = info.header_offset + LOCAL_HEADER_BYTES + name_bytes + extra_bytes + header_bytes
    return StoredImages(MappedFile(path.resolve(), offset, (n, h, w, c)))
