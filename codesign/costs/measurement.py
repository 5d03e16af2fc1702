"""A model run on a device: held against the reference and the cost model, and turned into cost rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ..accelerator import AcceleratorConfig
from ..device import Device, RunResult
from ..errors import Contradiction, require
from ..integer import IntegerNetwork
from ..network import Network
from ..power_samples import PowerEstimate
from ..verification import verify_run
from .power_rows import power_rows
from .pricing import Prediction, layer_keys, network_key
from .row import Row

__all__ = ["Measure", "Measurement", "measure_on", "measurement_of", "measurement_rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """A run of a model on an accelerator.

    logits : int64 (images, classes), raw
    cycles : of each image
    layers : (name, cycles) of one image, named as the cost model names them
    counters : the accelerator's, of one image
    verilog_digest : SHA-256 of the emitted Verilog that ran
    method : ``simulated``, or ``measured`` on a board, whose serial number is then ``board_serial``
    power : of the run, if there were sensors; its method is its own; power_problem : why there is none
    """

    logits: np.ndarray
    cycles: tuple[int, ...]
    layers: tuple[tuple[str, int], ...]
    counters: Mapping[str, int]
    verilog_digest: str
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    method: str = "simulated"
    board_serial: str | None = None
    power: PowerEstimate | None = None
    power_problem: str | None = None


#: ``measure(network, integer, config, images) -> Measurement``: compiles, generates, builds, runs.
Measure = Callable[[Network, IntegerNetwork, AcceleratorConfig, np.ndarray], Measurement]


def measure_on(open_device: Callable[[AcceleratorConfig], Device], verilog_digest: Callable[[AcceleratorConfig], str],
               tool_versions: Mapping[str, str] | None = None, board_serial: str | None = None) -> Measure:
    """A :data:`Measure` on the devices that ``open_device(config)`` opens.

    A device that says (``device.rtl``) that it was made from other Verilog than today's gives a measurement of that,
    whose rows are stale. It raises :class:`~codesign.errors.Contradiction` on the first wrong logit, with layer,
    channel, pixel and both values where the device can show its activation memory; of a simulated one also on cycles or
    counters that are not the cost model's.
    """
    return partial(_measure, open_device, verilog_digest, tool_versions, board_serial)


def _measure(open_device: Callable[[AcceleratorConfig], Device], verilog_digest: Callable[[AcceleratorConfig], str],
             tool_versions: Mapping[str, str] | None, board_serial: str | None, network: Network,
             integer: IntegerNetwork, config: AcceleratorConfig, images: np.ndarray) -> Measurement:
    device = open_device(config)
    run = verify_run(integer, config, images, device)
    if run.problem:
        raise Contradiction(run.problem)
    return measurement_of(run.result, device, verilog_digest(config), tool_versions, board_serial)


def measurement_of(result: RunResult, device: Device, verilog_digest: str,
                   tool_versions: Mapping[str, str] | None = None, board_serial: str | None = None) -> Measurement:
    """What ``device`` reported of a run; ``verilog_digest`` is today's, see :func:`measure_on`."""
    made_from = getattr(device, "rtl", None) or verilog_digest
    return Measurement(logits=result.logits, cycles=tuple(result.cycles), layers=tuple(result.layer_cycles),
                       counters=dict(result.counters or {}),
                       verilog_digest=verilog_digest if verilog_digest.startswith(made_from) else made_from,
                       tool_versions=dict(tool_versions or {}), method=device.method, board_serial=board_serial,
                       power=result.power, power_problem=result.power_problem)


def measurement_rows(measurement: Measurement, network: Network, config: AcceleratorConfig, board: str,
                     prediction: Prediction, run_id: str) -> list[Row]:
    """The run as rows: one of the whole network, one of each layer, and three of power where there are sensors."""
    graph = network.graph()
    common: dict[str, Any] = dict(
        unit="cycles", method=measurement.method, run_id=run_id, verilog_digest=measurement.verilog_digest,
        tool_versions=dict(measurement.tool_versions), board_serial=measurement.board_serial)
    low, middle, high = (_whole(q) for q in np.quantile(measurement.cycles, (0.1, 0.5, 0.9)))
    rows = [Row(key=network_key(graph, config, board), value=middle, n=len(measurement.cycles),
                quantiles={"0.1": low, "0.9": high}, model_value=prediction.cycles,
                counters=dict(measurement.counters), **common)]
    require([n for n, _ in measurement.layers] == [layer.name for layer in prediction.layers],
            "Measurement's layers must be named as the cost model's")
    keys = layer_keys(graph, config, board, prediction.layers)
    rows += [Row(key=key, value=cycles, model_value=model.cycles, **common)
             for key, (_, cycles), model in zip(keys, measurement.layers, prediction.layers, strict=True)]
    if measurement.power:
        rows += power_rows(measurement.power, graph, config, board, measurement.counters, run_id=run_id,
                           verilog_digest=measurement.verilog_digest, board_serial=measurement.board_serial,
                           tool_versions=dict(measurement.tool_versions))
    return rows


def _whole(value: float) -> int | float:
    """``value`` as an integer where it is one: simulated cycles stay exact."""
    return int(value) if float(value).is_integer() else float(value)
