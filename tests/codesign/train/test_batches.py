import numpy as np
import pytest
import torch

from codesign.datasets import Augmentation, Dataset, StoredImages
from codesign.train.batches import Batches


class Numbered:
    """Images that are their own number; counts how many are read before they are asked for."""

    shape = (103, 1, 1, 1)

    def __init__(self):
        self.read_positions = []

    def read(self, positions):
        self.read_positions.append(positions.tolist())
        return positions.astype(np.uint8)[:, None, None, None]


def _batches(images, size=10):
    labels = np.arange(103)
    return Batches(Dataset(name="numbers", classes=("a",), train_images=images, train_labels=labels,
                           test_images=images, test_labels=labels), size, Augmentation(), "cpu")


def _sources():
    return np.arange(103, dtype=np.uint8)[:, None, None, None], StoredImages(Numbered())


@pytest.mark.parametrize("stored", [False, True])
def test_an_epoch_shows_every_image_once(stored):
    batches = _batches(_sources()[stored])
    assert len(batches) == 10 and batches.repeat == (not stored)
    seen = list(batches.epoch(7, 0))
    assert len(seen) == 10
    for chosen, images, labels in seen:
        assert images.flatten().tolist() == chosen.tolist() == labels.tolist()
    order = torch.cat([chosen for chosen, _, _ in seen])
    assert sorted(order.tolist()) == list(range(103)) != order.tolist()
    assert torch.equal(order, torch.cat([chosen for chosen, _, _ in _batches(_sources()[0]).epoch(7, 0)]))
    assert not torch.equal(order, torch.cat([chosen for chosen, _, _ in batches.epoch(7, 1)]))


def test_few_batches_are_read_ahead():
    source = Numbered()
    epoch = _batches(StoredImages(source)).epoch(0, 0)
    next(epoch)
    epoch.close()
    assert 1 <= len(source.read_positions) <= 5


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("count, size", [(32, 10), (4, 8), (200, 1)])
def test_samples_are_spread_over_the_data_set(stored, count, size):
    sample = [images.flatten().tolist() for images in _batches(_sources()[stored]).sample(count, size)]
    assert len(sample) <= count and all(len(batch) <= size + 1 for batch in sample)
    every = [number for batch in sample for number in batch]
    assert len(set(every)) == len(every) == min(103, count * size)
    assert all(max(batch) - min(batch) > 70 for batch in sample if len(batch) > 7)  # no batch is of neighbours


def test_a_broken_file_ends_the_epoch():
    class Broken(Numbered):
        def read(self, positions):
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(_batches(StoredImages(Broken())).epoch(0, 0))
