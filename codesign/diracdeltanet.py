"""DiracDeltaNet, the reference network, from the same layers that anybody's network is made of.

Source: Yang et al., "Synetgy: Algorithm-hardware Co-design for ConvNet Accelerators on Embedded FPGAs", FPGA 2019,
and its public training code.
"""

from .layers import (
    Average,
    Block,
    Convolution,
    LayerSpec,
    LinearClassifier,
    Pool,
    ShiftPattern,
    check_integer,
)

__all__ = ["BUILT_IN", "diracdeltanet_layers"]

BUILT_IN = {"diracdeltanet-116": 116, "diracdeltanet-128": 128}  # name: base channels
STAGE_BLOCKS = (4, 8, 4)


def diracdeltanet_layers(base: int, classes: int = 1000) -> tuple[LayerSpec, ...]:
    """The layers with stages of ``base``, 2 ``base`` and 4 ``base`` channels."""
    check_integer("DiracDeltaNet base", base, 2, 4096)
    layers: list[LayerSpec] = [Convolution(32), Pool(1), ShiftPattern(), Convolution(64), Pool(1), ShiftPattern()]
    for stage, blocks in enumerate(STAGE_BLOCKS):
        out = base << stage
        layers.append(Block(out, downsample=True, split=stage == 0))
        layers += [Block(out)] * (blocks - 1)
    return (*layers, Convolution(1024), Average(), LinearClassifier(classes))
