"""What a device said of a model: logits and cycles of every image; kept with what it is about."""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..costs.measurement import Measurement
from ..costs.pricing import Prediction
from ..errors import CodesignError, Contradiction
from ..integer import IntegerNetwork
from ..reference import evaluate

__all__ = ["load_measurement", "save_measurement", "verify"]


def verify(measurement: Measurement, integer: IntegerNetwork, images: np.ndarray, prediction: Prediction) -> None:
    """Raise unless logits equal the reference's bit for bit and every image's cycles, if simulated, the model's."""
    expected = evaluate(integer, images)
    if measurement.logits.shape != expected.shape or len(measurement.cycles) != len(images):
        raise Contradiction(f"Measurement must have logits of shape {expected.shape} and as many cycles, "
                            f"not {measurement.logits.shape} and {len(measurement.cycles)}")
    wrong = np.argwhere(measurement.logits != expected)
    if len(wrong):
        image, label = map(int, wrong[0])
        raise Contradiction(f"Logit of image {image}, class {label} must be the reference's {expected[image, label]}, "
                            f"not {measurement.logits[image, label]} ({len(wrong)} of {expected.size} logits differ)")
    if measurement.method != "simulated":
        return  # a board's cycles may differ from the model: that is what its rows are for
    for image, cycles in enumerate(measurement.cycles):
        if cycles != prediction.cycles:
            pairs = zip(measurement.layers, prediction.layers, strict=False)
            name, got, wanted = next(((n, c, p.cycles) for (n, c), p in pairs if c != p.cycles), ("", 0, 0))
            where = f"; first at layer {name}: model {wanted}, run {got}" if name else ""
            raise Contradiction(f"Cycles of image {image} must be the model's {prediction.cycles}, not {cycles}{where}")


def save_measurement(path: Path, measurement: Measurement, about: dict) -> None:
    """Write the directory ``path`` whole or not at all: ``measurement.json`` (with ``about``) and ``logits.npy``.
    Power is kept in its rows alone."""
    values = {f.name: getattr(measurement, f.name) for f in dataclasses.fields(measurement)
              if f.name not in ("logits", "power")}
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


def _pairs(layers: Sequence) -> tuple[tuple[str, int], ...]:
    return tuple((name, cycles) for name, cycles in layers)
