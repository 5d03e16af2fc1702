"""Any data set as one ``.npz`` file, its pixels scaled and cropped already: to train on what is larger than memory."""

import dataclasses
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import CodesignError, require
from .arrays import PARTED
from .dataset import Dataset
from .stored import Images

__all__ = ["pack"]

CHUNK = 256  # images


def pack(dataset: Dataset, path: Path, progress: Callable[[int], None] = lambda done: None) -> None:
    """Write ``dataset`` to ``path``, which must not exist: whole, or (on any failure) not at all.

    The file is not compressed, so that :func:`~codesign.datasets.load_dataset` can map it. ``progress(n)`` is called
    after every ``n`` images.
    """
    require(not os.path.lexists(path), f"Packed data set must not exist yet, not {str(path)!r} which does")
    require(path.suffix == ".npz", f"Packed data set must be an .npz file, not {str(path)!r}")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(temporary, "x", zipfile.ZIP_STORED) as file:
            for key in PARTED:
                values = getattr(dataset, key)
                if key.endswith("_images"):
                    _write_images(file, key, values, progress)
                else:
                    _write(file, key, values)
            _write(file, "classes", np.array(dataset.classes))
            _write(file, "augmentation", np.array(json.dumps(
                {**dataclasses.asdict(dataset.augmentation), "can_mirror": dataset.can_mirror})))
        os.replace(temporary, path)
    except OSError as e:
        raise CodesignError(f"Packed data set {str(path)!r} must be writable: {e.strerror or e}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _write(file: zipfile.ZipFile, key: str, values: np.ndarray) -> None:
    with file.open(f"{key}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, values, allow_pickle=False)


def _write_images(file: zipfile.ZipFile, key: str, images: Images, progress: Callable[[int], None]) -> None:
    n, c, h, w = images.shape
    with file.open(f"{key}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": (n, h, w, c)})
        for start in range(0, n, CHUNK):
            chunk = images[start:start + CHUNK]
            member.write(np.ascontiguousarray(chunk.transpose(0, 2, 3, 1)).tobytes())
            progress(len(chunk))
