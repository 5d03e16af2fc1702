import numpy as np
import pytest
from PIL import Image

from codesign.datasets import StoredImages, load_dataset
from codesign.datasets.packing import pack
from codesign.errors import CodesignError


@pytest.fixture
def folder(tmp_path):
    for seed in range(9):
        path = tmp_path / "pictures" / "abc"[seed % 3] / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (13, 17, 3), dtype=np.uint8)).save(path)
    return tmp_path / "pictures"


def test_packed_pixels_are_the_folder_s(folder, tmp_path):
    seen = []
    pack(load_dataset(str(folder), 7, memory_bytes=0), tmp_path / "packed.npz", seen.append)
    assert sum(seen) == 9
    whole = load_dataset(str(folder), 7)
    for memory_bytes in (0, 1 << 20):
        packed = load_dataset(str(tmp_path / "packed.npz"), 7, memory_bytes)
        assert isinstance(packed.train_images, StoredImages) == (memory_bytes == 0)
        assert packed.classes == whole.classes == ("a", "b", "c")
        assert packed.augmentation == whole.augmentation and packed.augmentation.mirror and packed.can_mirror
        for part in ("train", "test"):
            assert np.array_equal(getattr(packed, f"{part}_images")[:], getattr(whole, f"{part}_images"))
            assert np.array_equal(getattr(packed, f"{part}_labels"), getattr(whole, f"{part}_labels"))


def test_packed_digits_are_still_not_to_be_mirrored(tmp_path):
    pack(load_dataset("digits"), tmp_path / "digits.npz")
    assert not load_dataset(str(tmp_path / "digits.npz")).can_mirror


def test_a_failure_leaves_nothing(folder, tmp_path):
    data = load_dataset(str(folder), 7, memory_bytes=0)
    next((folder / "a").iterdir()).write_bytes(b"spoiled meanwhile")
    (tmp_path / "out").mkdir()
    with pytest.raises(CodesignError, match="must be a PNG or JPEG"):
        pack(data, tmp_path / "out" / "packed.npz")
    assert not list((tmp_path / "out").iterdir())
    with pytest.raises(CodesignError, match="must be an .npz file, not .*packed.zip'"):
        pack(data, tmp_path / "out" / "packed.zip")
    with pytest.raises(CodesignError, match="'.*/nowhere/packed.npz' must be writable: No such file"):
        pack(data, tmp_path / "nowhere" / "packed.npz")
    (tmp_path / "out" / "packed.npz").touch()
    with pytest.raises(CodesignError, match="must not exist yet, not .*packed.npz' which does"):
        pack(data, tmp_path / "out" / "packed.npz")
