import pickle

import numpy as np
import pytest

from codesign.datasets import dataset_for, load_dataset
from codesign.datasets.cifar10 import FILE_RECORDS, RECORD_BYTES
from codesign.errors import CodesignError

FILES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]


def _record(label, value):
    return np.concatenate([[label], np.full(RECORD_BYTES - 1, value)]).astype(np.uint8)


def _publish(folder, records, name):
    """A file of the published size: ``records`` first, then zeros (a hole that takes no space)."""
    with open(folder / name, "wb") as file:
        file.write(b"".join(record.tobytes() for record in records))
        file.truncate(FILE_RECORDS * RECORD_BYTES)


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        _publish(tmp_path, [], name)
    return tmp_path


def test_binary_version(folder):
    _publish(folder, [_record(3, 10), _record(9, 200)], "data_batch_1.bin")
    _publish(folder, [_record(4, 77)], "data_batch_5.bin")
    image = _record(5, 0)
    image[1], image[1 + 1024], image[1 + 2048 + 33] = 1, 2, 3  # red at (0, 0), green at (0, 0), blue at (1, 1)
    _publish(folder, [image], "test_batch.bin")
    data = load_dataset(str(folder), 32)
    assert data.train_images.shape == (50_000, 3, 32, 32) and data.test_images.shape == (10_000, 3, 32, 32)
    assert data.train_labels[:3].tolist() == [3, 9, 0] and data.classes[3] == "cat"
    assert data.train_images[1, 2, 31, 31] == 200
    assert data.train_labels[40_000] == 4 and (data.train_images[40_000] == 77).all()
    picture = data.test_images[0]
    assert (picture[0, 0, 0], picture[1, 0, 0], picture[2, 1, 1]) == (1, 2, 3) and picture.sum() == 6
    assert data.reference == str(folder) and data.augmentation.mirror and data.augmentation.move_pixels == 4
    with pytest.raises(CodesignError, match="CIFAR-10's resolution must be 32 pixels, not 28"):
        load_dataset(str(folder), 28)
    assert dataset_for(str(folder), (1, 8, 8)).shape == (3, 32, 32)  # whoever has networks for others says so


@pytest.mark.parametrize("size", [0, 100, FILE_RECORDS * RECORD_BYTES - 1, (FILE_RECORDS - 1) * RECORD_BYTES])
def test_a_file_cut_off_is_refused(folder, size):
    with open(folder / "data_batch_4.bin", "r+b") as file:
        file.truncate(size)
    with pytest.raises(CodesignError, match=rf"data_batch_4.bin' must be 10000 records of .*, not {size} bytes"):
        load_dataset(str(folder))


def test_a_wrong_label_is_refused(folder):
    _publish(folder, [_record(10, 0)], "data_batch_3.bin")
    with pytest.raises(CodesignError, match="data_batch_3.bin': label must be in 0..9, not 10"):
        load_dataset(str(folder))


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(CodesignError, match=f"must hold {missing}$"):
        load_dataset(str(folder))


def test_pickles_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path / "sprung").touch, ()

    for name in FILES:
        (tmp_path / name.removesuffix(".bin")).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CodesignError, match="must hold the binary version .*, not Python pickles") as error:
        load_dataset(str(tmp_path))
    assert "\n" not in str(error.value) and not (tmp_path / "sprung").exists()
