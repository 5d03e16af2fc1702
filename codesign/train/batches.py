"""An epoch's training batches on the device that trains, from images in memory or on disk."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from ..datasets import Augmentation, Dataset, StoredImages
from .augment import augmented

__all__ = ["Batches"]

READ_AHEAD = 3  # batches read from disk while others are trained on


class Batches:
    """The train part of ``dataset`` in batches of about ``size``, each image once an epoch.

    Images in memory are put on ``device`` as a whole; stored ones are read ahead by another thread.
    """

    def __init__(self, dataset: Dataset, size: int, augmentation: Augmentation, device: str):
        self.augmentation, self.device, self.size = augmentation, device, size
        self.images = dataset.train_images
        self.labels = torch.from_numpy(dataset.train_labels).to(device)
        self.resident = None if isinstance(self.images, StoredImages) else torch.from_numpy(self.images).to(device)

    def __len__(self) -> int:
        """Batches an epoch."""
        return max(1, len(self.labels) // self.size)

    @property
    def repeat(self) -> bool:
        """Whether every epoch shows the very same images, from memory."""
        return self.resident is not None and self.augmentation == Augmentation()

    def epoch(self, seed: int, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """(positions (B,), uint8 images (B, C, H, W), labels (B,)): the same for the same seed and epoch."""
        generator = torch.Generator().manual_seed(seed << 20 | epoch)
        parts = torch.randperm(len(self.labels), generator=generator).tensor_split(len(self))
        for chosen, images in self._read(list(parts)):
            chosen = chosen.to(self.device)
            yield chosen, augmented(images, self.augmentation, generator), self.labels[chosen]

    def sample(self, count: int, size: int) -> Iterator[torch.Tensor]:
        """At most ``count`` batches of at most about ``size`` images, all of them or evenly spread over the data set,
        and each batch spread as well, since folders are sorted by class."""
        n = len(self.labels)
        spread = torch.linspace(0, n - 1, min(n, count * size)).round().long()
        number = min(count, -(-len(spread) // size))
        yield from (images for _, images in self._read([spread[i::number] for i in range(number)]))

    def _read(self, parts: list[torch.Tensor]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if self.resident is not None:
            yield from ((part, self.resident[part.to(self.device)]) for part in parts)
            return
        pending: deque[Future[np.ndarray]] = deque()
        pool = ThreadPoolExecutor(1)
        try:
            for number, part in enumerate(parts):
                while len(pending) <= READ_AHEAD and number + len(pending) < len(parts):
                    pending.append(pool.submit(self.images.__getitem__, parts[number + len(pending)].numpy()))
                yield part, torch.from_numpy(pending.popleft().result()).to(self.device)
        finally:
            pool.shutdown(cancel_futures=True)
