import pickle
import re

import numpy as np
import pytest

from codesign.datasets import StoredImages, choose_images, load_dataset
from codesign.errors import CodesignError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 5, 4, 3), dtype=np.uint8)
LABELS = np.arange(30) % 3


def test_whole_is_split(tmp_path):
    np.savez(tmp_path / "own.npz", images=IMAGES[..., 0], labels=LABELS.astype(np.uint8))
    data = load_dataset(str(tmp_path / "own.npz"))
    assert data.name == "own" and data.classes == ("0", "1", "2") and data.shape == (1, 5, 4)
    assert len(data.train_images) == 24 and np.bincount(data.test_labels).tolist() == [2, 2, 2]
    every = {image.tobytes(): label for image, label in zip(IMAGES[..., 0], LABELS, strict=True)}
    for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels)):
        assert [every.pop(image.tobytes()) for image in images] == labels.tolist()
    assert not every


@pytest.mark.parametrize("keys", [("train_images", "train_labels", "test_images", "test_labels"),
                                  ("x_train", "y_train", "x_test", "y_test")])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_parts(tmp_path, keys, save):
    save(tmp_path / "own.npz", classes=["a", "b", "c", "d"],
         **dict(zip(keys, (IMAGES[:20], LABELS[:20], IMAGES[20:], LABELS[20:]), strict=True)))
    data = load_dataset(str(tmp_path / "own.npz"), 5)
    assert data.classes == ("a", "b", "c", "d") and data.shape == (3, 5, 4)
    assert np.array_equal(data.train_images, IMAGES[:20].transpose(0, 3, 1, 2))
    assert np.array_equal(data.test_labels, LABELS[20:])
    images, labels, name = choose_images(4, (3, 5, 4), {"dataset": "own", "dataset_path": data.reference})
    assert np.array_equal(images, IMAGES[20:24].transpose(0, 3, 1, 2)) and images.flags.c_contiguous
    assert labels.tolist() == LABELS[20:24].tolist() and name == "own"


def test_larger_than_memory_is_mapped(tmp_path):
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    held, mapped = (load_dataset(str(tmp_path / "own.npz"), memory_bytes=m) for m in (IMAGES.size, IMAGES.size - 1))
    assert isinstance(held.train_images, np.ndarray) and isinstance(mapped.train_images, StoredImages)
    assert np.array_equal(mapped.train_images[:], held.train_images)
    assert np.array_equal(mapped.test_images[1:3], held.test_images[1:3])
    assert len(pickle.dumps(mapped.train_images)) < 2000
    np.savez_compressed(tmp_path / "small.npz", images=IMAGES, labels=LABELS)
    with pytest.raises(CodesignError, match=r"images must be stored without compression \(numpy.savez\)"):
        load_dataset(str(tmp_path / "small.npz"), memory_bytes=100)


@pytest.mark.parametrize("arrays, pattern", [
    ({"images": IMAGES}, "must hold images, labels, or train_images, .*, not images"),
    ({"images": IMAGES / 255, "labels": LABELS}, r"images must be uint8 \(N, H, W\) or .*, not float64"),
    ({"images": IMAGES[:, 0, 0], "labels": LABELS}, r"images must be uint8 .*, not uint8 \(30, 3\)"),
    ({"images": IMAGES, "labels": LABELS[:-1]}, "labels must be one for each of its 30 images, not 29"),
    ({"images": IMAGES, "labels": LABELS / 2}, r"labels must be integers \(N,\), not float64"),
    ({"images": IMAGES, "labels": LABELS - 1}, "labels must be at least 0, not -1"),
    ({"images": IMAGES, "labels": LABELS, "classes": ["a", "b"]}, "labels must be below its 2 classes, not 2"),
    ({"images": IMAGES[:2], "labels": LABELS[:2]}, "must hold at least 3 images, .*, not 2"),
    ({"images": IMAGES[:0], "labels": LABELS[:0]}, "labels must be one for each of its 0 images, not 0"),
    ({"train_images": IMAGES, "train_labels": LABELS, "test_images": IMAGES[:, :4], "test_labels": LABELS},
     r"test_images must be \[3, 5, 4\] like train_images .*, not \[3, 4, 4\]"),
    ({"images": IMAGES, "labels": LABELS, "augmentation": '{"mirror": 1, "can_mirror": true}'},
     "augmentation must be .*, as JSON: Augmentation mirror must be true or false, not 1"),
    ({"images": IMAGES, "labels": LABELS, "augmentation": "[1]"}, "augmentation must be its fields and can_mirror"),
    ({"images": IMAGES, "labels": LABELS, "augmentation": '{"flip": true, "can_mirror": true}'}, "as JSON: .*flip"),
    ({"images": IMAGES, "labels": np.array([object()] * 30, dtype=object)}, "must be a whole .npz file of arrays"),
])
def test_wrong_arrays(tmp_path, arrays, pattern):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(CodesignError, match=pattern) as error:
        load_dataset(str(tmp_path / "own.npz"))
    assert "\n" not in str(error.value)


def test_another_resolution(tmp_path):
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    with pytest.raises(CodesignError, match="own.npz': resolution must be its own, 5 pixels, not 8"):
        load_dataset(str(tmp_path / "own.npz"), 8)


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
@pytest.mark.parametrize("kept", [0, 10, 500, -1])
def test_a_file_cut_off(tmp_path, kept, memory_bytes):
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    whole = (tmp_path / "own.npz").read_bytes()
    (tmp_path / "own.npz").write_bytes(whole[:kept])
    with pytest.raises(CodesignError, match=re.escape("own.npz' must be")) as error:
        load_dataset(str(tmp_path / "own.npz"), memory_bytes=memory_bytes)
    assert "\n" not in str(error.value)


def test_changed_bytes_in_memory_are_noticed(tmp_path):
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    content = bytearray((tmp_path / "own.npz").read_bytes())
    content[600] ^= 1
    (tmp_path / "own.npz").write_bytes(content)
    with pytest.raises(CodesignError, match="must be a whole .npz file of arrays: .*CRC"):
        load_dataset(str(tmp_path / "own.npz"))


def test_other_files(tmp_path):
    np.save(tmp_path / "own.npy", IMAGES)
    with pytest.raises(CodesignError, match="own.npy' must be a whole .npz file of arrays, not another one"):
        load_dataset(str(tmp_path / "own.npy"))
    (tmp_path / "own.npz").write_bytes(pickle.dumps({"images": IMAGES}))
    with pytest.raises(CodesignError, match="must be a whole .npz file of arrays"):
        load_dataset(str(tmp_path / "own.npz"))
