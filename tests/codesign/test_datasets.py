import numpy as np
import pytest
from PIL import Image

from codesign.datasets import CIFAR10_RECORD_BYTES, load_dataset, stratified
from codesign.errors import CodesignError


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
    assert np.array_equal(data.test_images, again.test_images)
    # The split is fixed: these are the first held-out images, whatever the machine or NumPy.
    assert data.test_labels[:20].tolist() == FIRST_HELD_OUT


FIRST_HELD_OUT = [3, 7, 3, 9, 0, 8, 7, 0, 8, 0, 3, 3, 6, 6, 9, 1, 0, 1, 3, 6]


def test_validation_never_holds_test_images():
    data = load_dataset("digits")
    split = data.split_validation(5)
    assert len(split.test_images) == 287 and len(split.train_images) == 1150
    test = {image.tobytes() for image in data.test_images}
    assert not test & {image.tobytes() for part in (split.train_images, split.test_images) for image in part}
    assert not np.array_equal(split.test_images, data.split_validation(6).test_images)
    assert np.array_equal(split.test_images, data.split_validation(5).test_images)
    with pytest.raises(CodesignError, match="Validation fraction must be between 0 and 1, not 1"):
        data.split_validation(0, 1)


def test_stratified_takes_every_class_its_share():
    labels = np.repeat([0, 1, 2], [50, 30, 21])
    held = stratified(labels, 10, 0)
    assert np.bincount(labels[held]).tolist() == [5, 3, 2]


def _record(label, value):
    return np.concatenate([[label], np.full(CIFAR10_RECORD_BYTES - 1, value)]).astype(np.uint8)


def test_cifar10_binary(tmp_path):
    np.concatenate([_record(3, 10), _record(9, 200)]).tofile(tmp_path / "data_batch_1.bin")
    _record(0, 77).tofile(tmp_path / "data_batch_2.bin")
    image = _record(5, 0)
    image[1], image[1 + 1024], image[1 + 2048 + 33] = 1, 2, 3  # red at (0, 0), green at (0, 0), blue at (1, 1)
    image.tofile(tmp_path / "test_batch.bin")
    data = load_dataset(str(tmp_path))
    assert data.train_labels.tolist() == [3, 9, 0] and data.classes[3] == "cat"
    assert data.train_images.shape == (3, 3, 32, 32) and data.train_images[1, 2, 31, 31] == 200
    picture = data.test_images[0]
    assert (picture[0, 0, 0], picture[1, 0, 0], picture[2, 1, 1]) == (1, 2, 3) and picture.sum() == 6


@pytest.mark.parametrize("content, pattern", [
    (np.zeros(100, np.uint8), "must be records of 3073 bytes, not 100 bytes"),
    (_record(10, 0), r"label must be in 0..9, not 10"), (np.zeros(0, np.uint8), "must be records of 3073")])
def test_bad_cifar10(tmp_path, content, pattern):
    _record(0, 0).tofile(tmp_path / "test_batch.bin")
    content.tofile(tmp_path / "data_batch_1.bin")
    with pytest.raises(CodesignError, match=pattern):
        load_dataset(str(tmp_path))


def _pictures(root):
    for part in ("train", "val"):
        for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
            (root / part / name).mkdir(parents=True)
            Image.new("RGB", (20, 10), colour).save(root / part / name / "a.png")
    Image.new("L", (7, 9), 128).save(root / "train" / "red" / "b.jpg")
    (root / "train" / "red" / "notes.txt").write_text("not a picture")


def test_folder(tmp_path):
    _pictures(tmp_path)
    data = load_dataset(str(tmp_path), resolution=6)
    assert data.classes == ("blue", "red") and data.train_labels.tolist() == [0, 1, 1]
    assert data.train_images.shape == (3, 3, 6, 6) and data.test_labels.tolist() == [0, 1]
    assert (data.test_images[0] == np.array([0, 0, 255])[:, None, None]).all()
    assert abs(int(data.train_images[2].mean()) - 128) <= 1


def test_bad_folder(tmp_path):
    with pytest.raises(CodesignError, match="Data set must be digits or a folder, not 'mnist'"):
        load_dataset("mnist")
    with pytest.raises(CodesignError, match="must hold test_batch.bin .* or train/"):
        load_dataset(str(tmp_path))
    _pictures(tmp_path)
    with pytest.raises(CodesignError, match=r"resolution must be an integer in 1..4096 pixels, not None"):
        load_dataset(str(tmp_path))
    (tmp_path / "val" / "red" / "c.png").write_bytes(b"GIF89a no picture")
    with pytest.raises(CodesignError, match="c.png' must be a PNG or JPEG") as error:
        load_dataset(str(tmp_path), resolution=6)
    assert "\n" not in str(error.value)
    with pytest.raises(CodesignError, match="Digits' resolution must be 8 pixels, not 16"):
        load_dataset("digits", resolution=16)
