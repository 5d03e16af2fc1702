"""How to train: the numbers of a training run, apart from its network, data and seed."""

from dataclasses import dataclass

from ..errors import require

__all__ = ["Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """AdamW under a one-cycle schedule: linear warm-up over ``warm_up`` of the steps, then half a cosine to zero.

    ``move_pixels`` and ``mirror`` are the augmentation (see :mod:`.augment`). The defaults are the best of those tried
    on validation splits of the digits, whose 8x8 images fill their frame, so that moving them costs accuracy.
    """

    batch: int = 64
    learning_rate: float = 0.05
    weight_decay: float = 0.2
    warm_up: float = 0.15
    label_smoothing: float = 0.05
    move_pixels: int = 0
    mirror: bool = False

    def __post_init__(self):
        require(type(self.batch) is int and self.batch >= 2,
                f"Training batch must be an integer of at least 2, not {self.batch!r}")
        require(type(self.move_pixels) is int and 0 <= self.move_pixels <= 64,
                f"Training move_pixels must be an integer in 0..64, not {self.move_pixels!r}")
        for field, low, high in (("learning_rate", 0, 10), ("weight_decay", 0, 10), ("warm_up", 0, 0.9),
                                 ("label_smoothing", 0, 0.9)):
            value = getattr(self, field)
            require(isinstance(value, int | float) and low <= value <= high,
                    f"Training {field} must be a number in {low}..{high}, not {value!r}")
