import numpy as np
import pytest

from codesign.datasets import dataset_for, load_dataset
from codesign.datasets.dataset import stratified
from codesign.errors import CodesignError

FIRST_HELD_OUT = [3, 7, 3, 9, 0, 8, 7, 0, 8, 0, 3, 3, 6, 6, 9, 1, 0, 1, 3, 6]


def test_digits_split():
    data = load_dataset("digits")
    assert data.train_images.shape == (1437, 1, 8, 8) and data.test_images.shape == (360, 1, 8, 8)
    assert data.train_images.dtype == data.test_images.dtype == np.uint8
    assert data.train_images.max() == 255 and data.train_images.min() == 0
    assert set(np.unique(data.train_images)) == {(255 * v + 8) // 16 for v in range(17)}
    for digit in range(10):
        whole = (data.train_labels == digit).sum() + (data.test_labels == digit).sum()
        assert abs((data.test_labels == digit).sum() - whole * 360 / 1797) < 1
    train, test = ({image.tobytes() for image in part} for part in (data.train_images, data.test_images))
    assert not train & test
    again = load_dataset("digits")
    assert np.array_equal(data.test_images, again.test_images) and data.labels_digest == again.labels_digest
    # The split is fixed: these are the first held-out images, whatever the machine or NumPy.
    assert data.test_labels[:20].tolist() == FIRST_HELD_OUT
    assert not data.can_mirror and not data.augmentation.mirror


def test_validation_never_holds_test_images():
    data = load_dataset("digits")
    split = data.split_validation(5)
    assert len(split.test_images) == 287 and len(split.train_images) == 1150
    test = {image.tobytes() for image in data.test_images}
    assert not test & {image.tobytes() for part in (split.train_images, split.test_images) for image in part}
    assert not np.array_equal(split.test_images, data.split_validation(6).test_images)
    assert np.array_equal(split.test_images, data.split_validation(5).test_images)
    assert split.labels_digest != data.labels_digest and not split.can_mirror and split.reference == "digits"
    with pytest.raises(CodesignError, match="Validation fraction must be between 0 and 1, not 1"):
        data.split_validation(0, 1)


def test_stratified_takes_every_class_its_share():
    labels = np.repeat([0, 1, 2], [50, 30, 21])
    held = stratified(labels, 10, 0)
    assert np.bincount(labels[held]).tolist() == [5, 3, 2]


def test_digits_have_one_resolution():
    with pytest.raises(CodesignError, match="Digits' resolution must be 8 pixels, not 16"):
        load_dataset("digits", resolution=16)
    assert dataset_for("digits", (3, 16, 16)).shape == (1, 8, 8)
