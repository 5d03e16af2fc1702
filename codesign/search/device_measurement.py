"""Measurements from a device: compile, run, and on a wrong bit or cycle say where it first went wrong."""

from collections.abc import Callable, Mapping

import numpy as np

from ..accelerator import AcceleratorConfig
from ..device import Device
from ..errors import CodesignError
from ..integer import IntegerNetwork
from ..network import Network
from ..verification import verify_run
from .measurement import Measure, Measurement

__all__ = ["measure_on"]


def measure_on(open_device: Callable[[AcceleratorConfig], Device], verilog_digest: Callable[[AcceleratorConfig], str],
               tool_versions: Mapping[str, str] | None = None, board_serial: str | None = None) -> Measure:
    """A :data:`Measure` on the devices that ``open_device(config)`` opens.

    It raises :class:`CodesignError` on the first wrong logit, with layer, channel, pixel and both values where the
    device can show its activation memory; of a simulated one also on cycles or counters that are not the cost model's.
    """
    def measure(network: Network, integer: IntegerNetwork, config: AcceleratorConfig,
                images: np.ndarray) -> Measurement:
        device = open_device(config)
        run = verify_run(integer, config, images, device)
        if run.problem:
            raise CodesignError(run.problem)
        result = run.result
        return Measurement(logits=result.logits, cycles=tuple(result.cycles), layers=tuple(result.layer_cycles),
                           counters=dict(result.counters or {}), verilog_digest=verilog_digest(config),
                           tool_versions=dict(tool_versions or {}), method=device.method, board_serial=board_serial)

    return measure
