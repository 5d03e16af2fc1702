import math

import pytest
import torch

from codesign.datasets import Augmentation
from codesign.errors import CodesignError
from codesign.train.augment import augmented, rotated


def test_augmentation_moves_whole_images():
    images = torch.zeros(400, 2, 5, 4, dtype=torch.uint8)
    images[:, 0, 2, 1], images[:, 1, 2, 2] = 7, 9
    moved = augmented(images, Augmentation(move_pixels=1), torch.Generator().manual_seed(0))
    assert moved.shape == images.shape and moved.dtype == torch.uint8
    places = set()
    for image in moved:
        (y, x), = (image[0] == 7).nonzero().tolist()
        assert image[1, y, x + 1] == 9 and image.sum() == 16
        places.add((y - 2, x - 1))
    assert places == {(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
    mirrored = augmented(images, Augmentation(mirror=True), torch.Generator().manual_seed(0))
    assert 0 < (mirrored[:, 0, 2, 2] == 7).sum() < 400
    assert ((mirrored[:, 0, 2, 1] == 7) ^ (mirrored[:, 0, 2, 2] == 7)).all()
    assert torch.equal(augmented(images, Augmentation(), torch.Generator()), images)


@pytest.mark.parametrize("size", [(6, 6), (5, 9)])
def test_rotation_by_right_angles_is_exact(size):
    images = torch.randint(0, 256, (4, 2, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    turned = rotated(images, torch.tensor([0.0, math.pi, math.pi / 2, -math.pi / 2]))
    assert turned.dtype == torch.uint8 and turned.shape == images.shape
    assert torch.equal(turned[0], images[0]) and torch.equal(turned[1], images[1].flip(1, 2))
    if size[0] == size[1]:
        assert {tuple(t.flatten().tolist()) for t in turned[2:3]} <= {
            tuple(images[2].rot90(k, (1, 2)).flatten().tolist()) for k in (1, 3)}
        assert torch.equal(turned[3].rot90(2, (1, 2)), rotated(images[3:], torch.tensor([math.pi / 2]))[0])


def test_rotation_keeps_the_middle_and_is_drawn_for_each_image():
    images = torch.zeros(300, 1, 9, 9, dtype=torch.uint8)
    images[:, 0, 4, 4:] = 200
    turned = augmented(images, Augmentation(rotate_degrees=20), torch.Generator().manual_seed(0))
    assert (turned[:, 0, 4, 4] == 200).all() and len({t.numpy().tobytes() for t in turned}) > 100
    steep = turned[:, 0, 3, 7:].sum(1) > 0  # the outer end one row up
    assert 0.1 < steep.double().mean() < 0.9
    assert (turned[:, 0, :2] == 0).all() and (turned[:, 0, :, :3] == 0).all()


@pytest.mark.parametrize("change, pattern", [
    ({"move_pixels": -1}, "move_pixels must be an integer in 0..64, not -1"),
    ({"mirror": 1}, "mirror must be true or false, not 1"),
    ({"rotate_degrees": 181}, "rotate_degrees must be .*, not 181"),
    ({"rotate_degrees": float("nan")}, "rotate_degrees must be .*, not nan")])
def test_bad_augmentation(change, pattern):
    with pytest.raises(CodesignError, match=f"Augmentation {pattern}"):
        Augmentation(**change)
