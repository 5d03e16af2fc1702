"""What a device said of a model: logits and cycles of every image; checked, kept, and turned into cost rows."""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..accelerator import AcceleratorConfig
from ..costs import Row, layer_keys, network_key
from ..costs.pricing import Prediction
from ..errors import CodesignError, require
from ..integer import IntegerNetwork
from ..network import Network
from ..reference import evaluate

__all__ = ["Measure", "Measurement", "load_measurement", "measurement_rows", "save_measurement", "verify"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """A run of a model on an accelerator.

    logits : int64 (images, classes), raw
    cycles : of each image
    layers : (name, cycles) of one image, named as the cost model names them
    counters : the accelerator's, of one image
    verilog_digest : SHA-256 of the emitted Verilog that ran
    method : ``simulated``, or ``measured`` on a board, whose serial number is then ``board_serial``
    """

    logits: np.ndarray
    cycles: tuple[int, ...]
    layers: tuple[tuple[str, int], ...]
    counters: Mapping[str, int]
    verilog_digest: str
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    method: str = "simulated"
    board_serial: str | None = None


#: ``measure(network, integer, config, images) -> Measurement``: compiles, generates, builds, runs.
Measure = Callable[[Network, IntegerNetwork, AcceleratorConfig, np.ndarray], Measurement]


def verify(measurement: Measurement, integer: IntegerNetwork, images: np.ndarray, prediction: Prediction) -> None:
    """Raise unless logits equal the reference's bit for bit and every image's cycles, if simulated, the model's."""
    expected = evaluate(integer, images)
    require(measurement.logits.shape == expected.shape and len(measurement.cycles) == len(images),
            f"Measurement must have logits of shape {expected.shape} and as many cycles, "
            f"not {measurement.logits.shape} and {len(measurement.cycles)}")
    wrong = np.argwhere(measurement.logits != expected)
    if len(wrong):
        image, label = map(int, wrong[0])
        raise CodesignError(f"Logit of image {image}, class {label} must be the reference's {expected[image, label]}, "
                            f"not {measurement.logits[image, label]} ({len(wrong)} of {expected.size} logits differ)")
    if measurement.method != "simulated":
        return  # a board's cycles may differ from the model: that is what its rows are for
    for image, cycles in enumerate(measurement.cycles):
        if cycles != prediction.cycles:
            pairs = zip(measurement.layers, prediction.layers, strict=False)
            name, got, wanted = next(((n, c, p.cycles) for (n, c), p in pairs if c != p.cycles), ("", 0, 0))
            where = f"; first at layer {name}: model {wanted}, run {got}" if name else ""
            raise CodesignError(f"Cycles of image {image} must be the model's {prediction.cycles}, not {cycles}{where}")


def measurement_rows(measurement: Measurement, network: Network, config: AcceleratorConfig, board: str,
                     prediction: Prediction, run_id: str) -> list[Row]:
    """The run as rows: one of the whole network, one of each layer."""
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
    return rows


def save_measurement(path: Path, measurement: Measurement, about: dict) -> None:
    """Write the directory ``path`` whole or not at all: ``measurement.json`` (with ``about``) and ``logits.npy``."""
    values = {f.name: getattr(measurement, f.name) for f in dataclasses.fields(measurement) if f.name != "logits"}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            (temporary / "measurement.json").write_text(json.dumps({**values, "about": about}, indent=1))
            np.save(temporary / "logits.npy", measurement.logits, allow_pickle=False)
            os.rename(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as e:
        raise CodesignError(f"Measurement {str(path)!r} must be writable: {e.strerror or e}") from None


def load_measurement(path: Path) -> tuple[Measurement, dict]:
    """What :func:`save_measurement` wrote: the measurement, and what it is about."""
    try:
        values = json.loads((path / "measurement.json").read_text())
        logits = np.load(path / "logits.npy", allow_pickle=False)
        about = values.pop("about")
        values["cycles"] = tuple(values["cycles"])
        values["layers"] = _pairs(values["layers"])
        return Measurement(logits=logits, **values), about
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise CodesignError(f"Measurement {str(path)!r} must be readable: {' '.join(str(e).split())}") from None


def _whole(value: float) -> int | float:
    """``value`` as an integer where it is one: simulated cycles stay exact."""
    return int(value) if float(value).is_integer() else float(value)


def _pairs(layers: Sequence) -> tuple[tuple[str, int], ...]:
    return tuple((name, cycles) for name, cycles in layers)
