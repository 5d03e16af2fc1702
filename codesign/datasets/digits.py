"""scikit-learn's handwritten digits."""

import numpy as np

from .dataset import Dataset, stratified

__all__ = ["digits"]

TEST_IMAGES = 360
SPLIT_SEED = 0


def digits() -> Dataset:
    """1,797 images of 8x8, values 0..16 scaled to 0..255 by (255*value + 8) // 16; exactly 360 held out.

    They fill their frame, so that moving them costs accuracy; and a mirrored 2 is no 2.
    """
    from sklearn.datasets import load_digits  # takes a second to import

    data = load_digits()
    images = ((data.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)[:, None]
    labels = data.target.astype(np.int64)
    held = stratified(labels, TEST_IMAGES, SPLIT_SEED)
    return Dataset(name="digits", classes=tuple("0123456789"), reference="digits", can_mirror=False,
                   train_images=images[~held], train_labels=labels[~held],
                   test_images=images[held], test_labels=labels[held])
