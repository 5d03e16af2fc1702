"""What the accelerator was built to reach: the released DiracDeltaNet, 224x224, batch 1, transfers and stalls included.

Of the cost model, which equals the RTL to the cycle; ``python -m codesign.sim.bench`` runs it.
"""

from pathlib import Path

import pytest

from codesign.accelerator import load_accelerator
from codesign.cycles import predict
from codesign.network import load_network

QUARTER = str(Path(__file__).parents[1] / "accelerators" / "16x16.yaml")


@pytest.mark.parametrize("accelerator, rows, most", [("ultra96", 32, 391_000), (QUARTER, 16, 1_310_000),
                                                     ("zcu102", 64, 170_000)], ids=["32x32", "16x16", "64x64"])
def test_cycles_of_a_frame(accelerator, rows, most):
    config = load_accelerator(accelerator)
    assert (config.rows, config.cols) == (rows, rows)
    assert (config.memory.bytes_per_cycle, config.memory.latency_cycles) == (38 if rows == 64 else 13.6, 40)
    assert predict(load_network("diracdeltanet-116").graph(), config).cycles <= most


def test_no_bubble_between_tiles_of_chunks_as_long_as_the_array_is_high():
    """stage3's maps have 49 pixels, the array 32 rows: what a layer loses is the wait for the layer before it."""
    layers = predict(load_network("diracdeltanet-116").graph(), load_accelerator("ultra96")).layers
    for layer in layers:
        if layer.name.startswith("stage"):
            assert layer.cycles - layer.active <= 150, layer
