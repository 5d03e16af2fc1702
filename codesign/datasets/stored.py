"""Images that stay on disk until they are read, for data sets larger than memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

__all__ = ["Images", "MappedFile", "Source", "StoredImages", "take"]


class Source(Protocol):
    """Where images are read from. It is small, and pickles: workers open the files themselves."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""

    def read(self, positions: np.ndarray) -> np.ndarray:
        """uint8 (len(positions), C, H, W). Raises :class:`CodesignError` where a file is not what it should be."""


@dataclass(frozen=True, eq=False)
class StoredImages:
    """Those at ``positions`` (None: all) of ``source``, as an array (N, C, H, W) that is read when it is indexed."""

    source: Source
    positions: np.ndarray | None = None

    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.source.shape[1:])

    def __len__(self) -> int:
        return self.source.shape[0] if self.positions is None else len(self.positions)

    def _at(self, index: Any) -> np.ndarray:
        return (np.arange(len(self)) if self.positions is None else self.positions)[index]

    def __getitem__(self, index: Any) -> np.ndarray:
        """The images at ``index`` (an integer, a slice, integers or booleans (N,)), in memory."""
        at = self._at(index)
        return self.source.read(at) if at.ndim else self.source.read(at[None])[0]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def subset(self, index: Any) -> "StoredImages":
        """The same without reading them."""
        return StoredImages(self.source, self._at(index))


#: uint8 (N, C, H, W): an array, or what is indexed like one.
Images: TypeAlias = np.ndarray | StoredImages


def take(images: Images, index: np.ndarray) -> Images:
    """``images[index]``; what is stored stays there."""
    return images.subset(index) if isinstance(images, StoredImages) else images[index]


@dataclass(frozen=True)
class MappedFile:
    """Bytes of a file as uint8 images of ``stored_shape`` (N, H, W, C), from ``offset`` on, mapped into memory."""

    path: Path
    offset: int
    stored_shape: tuple[int, int, int, int]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        n, h, w, c = self.stored_shape
        return n, c, h, w

    def read(self, positions: np.ndarray) -> np.ndarray:
        mapped = np.memmap(self.path, np.uint8, "r", self.offset, self.stored_shape)
        return np.asarray(mapped[positions]).transpose(0, 3, 1, 2)
