"""The network on its accelerator: pytest [--device verilator | host | serial:/dev/ttyUSB1 | replay]."""

import numpy as np

MODEL = "model"  # what `codesign train network.yaml --dataset digits --out model` made


def test_digits(device):
    """Every logit is the reference's, on whatever device; in simulation every layer's cycles are the cost model's."""
    run = device.check(MODEL, images=12)
    assert run.accuracy >= 0.9


def test_cycle_budget(device):
    """9 us an image at 75 MHz."""
    run = device.check(MODEL, images=1)
    assert all(cycles <= 675 for cycles in run.cycles)


def test_corners(device):
    """Black and white images, which no data set has."""
    images = np.stack([np.zeros((1, 8, 8), np.uint8), np.full((1, 8, 8), 255, np.uint8)])
    run = device.check(MODEL, images)
    assert run.logits.shape == (2, 10)
