import copy

import numpy as np
import pytest
from PIL import Image

from codesign.datasets import StoredImages, dataset_for, load_dataset
from codesign.errors import CodesignError


def _noise(path, seed, size=(20, 14)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(path)


@pytest.fixture
def pictures(tmp_path):
    for part in ("train", "val"):
        for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (20, 10), colour).save(tmp_path / part / name / "a.png")
    Image.new("L", (7, 9), 128).save(tmp_path / "train" / "red" / "b.jpg")
    (tmp_path / "train" / "red" / "notes.txt").write_text("not a picture")
    return tmp_path


def test_parts(pictures):
    data = load_dataset(str(pictures), resolution=6)
    assert data.classes == ("blue", "red") and data.train_labels.tolist() == [0, 1, 1]
    assert data.train_images.shape == (3, 3, 6, 6) and data.test_labels.tolist() == [0, 1]
    assert (data.test_images[0] == np.array([0, 0, 255])[:, None, None]).all()
    assert abs(int(data.train_images[2].mean()) - 128) <= 1
    assert data.augmentation.mirror and data.reference == str(pictures)


def test_scaled_to_what_networks_take(pictures):
    assert dataset_for(str(pictures), [3, 7, 7]).shape == (3, 7, 7)


def test_one_folder_is_split(tmp_path):
    for seed in range(20):
        _noise(tmp_path / ("cat" if seed % 4 else "dog") / f"{seed}.png", seed)
    data = load_dataset(str(tmp_path), resolution=5)
    assert data.classes == ("cat", "dog") and len(data.train_images) == 16 and len(data.test_images) == 4
    assert np.bincount(data.test_labels).tolist() == [3, 1]
    train, test = ({image.tobytes() for image in part} for part in (data.train_images, data.test_images))
    assert len(train | test) == 20 and not train & test
    assert np.array_equal(data.test_images, load_dataset(str(tmp_path), resolution=5).test_images)


def test_pixels_are_scaled_and_cropped_in_8_bits(tmp_path):
    # 4 x 2 pixels, halved: the middle 2 x 2 of means of nothing but themselves, at 2 pixels on the shorter side.
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    (tmp_path / "train" / "a").mkdir(parents=True)
    (tmp_path / "test" / "a").mkdir(parents=True)
    for part in ("train", "test"):
        Image.fromarray(pixels).save(tmp_path / part / "a" / "x.png")
    data = load_dataset(str(tmp_path), resolution=2)
    assert np.array_equal(data.test_images[0], pixels[:, 1:3].transpose(2, 0, 1))


def test_larger_than_memory_is_read_when_used(tmp_path):
    for seed in range(12):
        _noise(tmp_path / ("train" if seed < 8 else "val") / "ab"[seed % 2] / f"{seed}.jpg", seed)
    held = load_dataset(str(tmp_path), resolution=9)
    stored = load_dataset(str(tmp_path), resolution=9, memory_bytes=4 * 3 * 9 * 9)
    assert isinstance(held.train_images, np.ndarray) and isinstance(stored.train_images, StoredImages)
    assert isinstance(stored.test_images, np.ndarray)  # four of them just fit
    assert stored.train_images.shape == held.train_images.shape and stored.train_images.dtype == np.uint8
    for index in (slice(None), slice(2, 5), np.array([5, 0, 5]), np.arange(8) % 3 == 0):
        assert np.array_equal(stored.train_images[index], held.train_images[index])
    assert np.array_equal(stored.train_images[3], held.train_images[3])
    split, whole = stored.split_validation(1, 0.5), held.split_validation(1, 0.5)
    assert isinstance(split.test_images, StoredImages)
    assert np.array_equal(split.test_images[:], whole.test_images)
    # Copied as for another process.
    assert np.array_equal(copy.deepcopy(split.train_images)[:], whole.train_images)


def _save_truncated(pictures):
    _noise(pictures / "train" / "red" / "c.jpg", 0, (100, 100))
    whole = (pictures / "train" / "red" / "c.jpg").read_bytes()
    (pictures / "train" / "red" / "c.jpg").write_bytes(whole[:len(whole) // 2])


@pytest.mark.parametrize("spoil, pattern", [
    (lambda p: (p / "val" / "red" / "c.png").write_bytes(b"GIF89a no picture"), "c.png' must be a PNG or JPEG"),
    (_save_truncated, "c.jpg' must be a PNG or JPEG: .*truncated"),
    (lambda p: (p / "train" / "red" / "c.png").write_bytes(b""), "c.png' must be a PNG or JPEG"),
    (lambda p: (p / "val" / "green").mkdir(), "must hold classes of train/ alone, not green"),
    (lambda p: (p / "train" / "green").mkdir(), "green' must hold pictures"),
    (lambda p: (p / "val").rename(p / "evaluation"), "must hold test/ or val/ beside train/"),
    (lambda p: [f.unlink() for f in (p / "val").glob("*/*")], "val' must hold pictures .* in folders of classes"),
])
@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
def test_spoiled_folders(pictures, spoil, pattern, memory_bytes):
    spoil(pictures)
    with pytest.raises(CodesignError, match=pattern) as error:
        data = load_dataset(str(pictures), 6, memory_bytes)
        assert memory_bytes == 0
        data.train_images[:], data.test_images[:]
    assert "\n" not in str(error.value)


def test_bad_references(tmp_path, pictures):
    with pytest.raises(CodesignError, match="Data set must be digits, a folder or an .npz file, not 'mnist'"):
        load_dataset("mnist")
    with pytest.raises(CodesignError, match=r"resolution must be an integer in 1..4096 pixels, not None"):
        load_dataset(str(pictures))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CodesignError, match="empty' must hold one folder per class"):
        load_dataset(str(tmp_path / "empty"), 8)
    _noise(tmp_path / "few" / "a" / "1.png", 0)
    with pytest.raises(CodesignError, match="few' must hold at least 3 pictures, .* not 1"):
        load_dataset(str(tmp_path / "few"), 8)
