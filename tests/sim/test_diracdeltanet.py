"""The released network at full size: DiracDeltaNet, base 116, 224x224, 1000 classes, on the 32x32 preset."""

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.cycles import predict
from codesign.network import load_network
from codesign.random_weights import random_network
from codesign.sim.verilated import VerilatorDevice
from codesign.verification import verify_run


def test_frame_takes_at_most_400_000_cycles():
    prediction = predict(load_network("diracdeltanet-116").graph(), PRESETS["ultra96"])
    assert prediction.cycles <= 400_000  # 250 MHz / 400,000 = 625 frames/s
    assert sum(layer.cycles for layer in prediction.layers) == prediction.cycles


@pytest.mark.slow
def test_frame_on_the_rtl():
    config, graph = PRESETS["ultra96"], load_network("diracdeltanet-116").graph()
    image = np.random.default_rng(0).integers(0, 256, (1, *graph.input_shape)).astype(np.uint8)
    verification = verify_run(random_network(graph, 0), config, image, VerilatorDevice(config))
    assert verification.problem is None
    assert len(np.unique(verification.result.logits)) > 100  # weights and image matter
