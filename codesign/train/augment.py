"""Training batches: random whole-pixel moves and mirror images, drawn afresh for every image."""

import torch

__all__ = ["augmented"]


def augmented(images: torch.Tensor, pixels: int, mirror: bool, generator: torch.Generator) -> torch.Tensor:
    """``images`` (B, C, H, W), each moved by -``pixels``..``pixels`` in both directions (zeros come in) and, where
    ``mirror``, half of them flipped left to right."""
    b, _, h, w = images.shape
    device = images.device

    def draw(low: int, high: int) -> torch.Tensor:
        return torch.randint(low, high, (b,), generator=generator).to(device)

    columns = torch.arange(w, device=device).expand(b, w)
    if mirror:
        columns = torch.where(draw(0, 2)[:, None] == 1, columns.flip(1), columns)
    rows = torch.arange(h, device=device) + draw(0, 2 * pixels + 1)[:, None]
    columns = columns + draw(0, 2 * pixels + 1)[:, None]
    padded = torch.nn.functional.pad(images, (pixels,) * 4)
    batch = torch.arange(b, device=device)[:, None, None]
    # Indices around a slice put the channels last.
    return padded[batch, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
