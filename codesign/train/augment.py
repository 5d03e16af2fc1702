"""Training batches: random whole-pixel moves, mirror images and rotations, drawn afresh for every image."""

import math

import torch
import torch.nn.functional as F

from ..datasets import Augmentation

__all__ = ["augmented", "rotated"]


def augmented(images: torch.Tensor, augmentation: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """``images``, uint8 (B, C, H, W), each varied as ``augmentation`` says; uint8 again."""
    if augmentation.rotate_degrees:
        angles = 2 * torch.rand(len(images), generator=generator) - 1
        images = rotated(images, angles * math.radians(augmentation.rotate_degrees))
    if augmentation.move_pixels or augmentation.mirror:
        images = _moved(images, augmentation.move_pixels, augmentation.mirror, generator)
    return images


def _moved(images: torch.Tensor, pixels: int, mirror: bool, generator: torch.Generator) -> torch.Tensor:
    b, _, h, w = images.shape
    device = images.device

    def draw(low: int, high: int) -> torch.Tensor:
        return torch.randint(low, high, (b,), generator=generator).to(device)

    columns = torch.arange(w, device=device).expand(b, w)
    if mirror:
        columns = torch.where(draw(0, 2)[:, None] == 1, columns.flip(1), columns)
    rows = torch.arange(h, device=device) + draw(0, 2 * pixels + 1)[:, None]
    columns = columns + draw(0, 2 * pixels + 1)[:, None]
    padded = F.pad(images, (pixels,) * 4)
    batch = torch.arange(b, device=device)[:, None, None]
    # Indices around a slice put the channels last.
    return padded[batch, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def rotated(images: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Each of ``images``, uint8 (B, C, H, W), turned by its angle (B,), in radians, about the middle: bilinear, zeros
    from outside, rounded to whole pixel values."""
    h, w = images.shape[2:]
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    # Places are in -1..1 both ways, so that a map that is not square needs its sides' ratio.
    inverse = torch.stack([torch.stack([cosine, -sine * h / w, zero], 1), torch.stack([sine * w / h, cosine, zero], 1)],
                          1).to(images.device)
    places = F.affine_grid(inverse, list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), places, align_corners=False).round_().to(torch.uint8)
