"""How training images are varied: numbers only, what a data set proposes and a recipe may replace."""

from dataclasses import dataclass

from ..errors import require

__all__ = ["Augmentation"]

MOVE_PIXELS = 64


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Drawn afresh whenever an image is seen, and rounded to the 8 bits the accelerator takes.

    move_pixels : up to so far in both directions, zeros coming in; that is a random crop after so much padding
    mirror : half of the images left to right
    rotate_degrees : up to so far either way about the middle, zeros coming in
    """

    move_pixels: int = 0
    mirror: bool = False
    rotate_degrees: float = 0.0

    def __post_init__(self):
        require(type(self.move_pixels) is int and 0 <= self.move_pixels <= MOVE_PIXELS,
                f"Augmentation move_pixels must be an integer in 0..{MOVE_PIXELS}, not {self.move_pixels!r}")
        require(type(self.mirror) is bool, f"Augmentation mirror must be true or false, not {self.mirror!r}")
        require(type(self.rotate_degrees) in (int, float) and 0 <= self.rotate_degrees <= 180,
                f"Augmentation rotate_degrees must be a number in 0..180, not {self.rotate_degrees!r}")
