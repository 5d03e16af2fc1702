"""Measurements from a device: compile, run, and on a wrong bit say where it first went wrong."""

from collections.abc import Callable, Mapping

import numpy as np

from ..accelerator import AcceleratorConfig
from ..comparison import first_difference
from ..compiler import compile_network
from ..device import Device
from ..errors import CodesignError
from ..integer import IntegerNetwork
from ..network import Network
from ..reference import evaluate
from .measurement import Measure, Measurement

__all__ = ["measure_on"]


def measure_on(open_device: Callable[[AcceleratorConfig], Device], verilog_digest: Callable[[AcceleratorConfig], str],
               tool_versions: Mapping[str, str] | None = None, board_serial: str | None = None) -> Measure:
    """A :data:`Measure` on the devices that ``open_device(config)`` opens.

    It raises :class:`CodesignError` on the first image with a wrong logit: with layer, channel, pixel and both
    values where the device can show its activation memory (a ``banks(program, image)``).
    """
    def measure(network: Network, integer: IntegerNetwork, config: AcceleratorConfig,
                images: np.ndarray) -> Measurement:
        device = open_device(config)
        result = device.run(compile_network(integer, config), images)
        wrong = np.flatnonzero((result.logits != evaluate(integer, images)).any(axis=1))
        if len(wrong):
            banks = getattr(device, "banks", None)
            where = first_difference(integer, config, images[wrong[0]], banks) if banks else None
            raise CodesignError(f"Logits of image {wrong[0]} must be the reference's; first difference: "
                                f"{where or 'in the logits'} ({len(wrong)} of {len(images)} images differ)")
        return Measurement(logits=result.logits, cycles=tuple(result.cycles), layers=tuple(result.layer_cycles),
                           counters=dict(result.counters or {}), verilog_digest=verilog_digest(config),
                           tool_versions=dict(tool_versions or {}), method=device.method, board_serial=board_serial)

    return measure
