"""A device's run of a network, held against the reference and the cost model."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from .accelerator import AcceleratorConfig
from .comparison import first_difference
from .compiler import compile_network
from .cycles import Prediction, predict_schedule
from .device import Device, RunResult
from .errors import CodesignError, require
from .integer import IntegerNetwork
from .program import Program
from .reference import evaluate

__all__ = ["Verification", "verify_run"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Verification:
    """A run beside what the reference and the cost model say of it.

    differences : how many logits are not the reference's
    problem : where the first difference is, in one line; None if there is none. Cycles and counters count for simulated
        devices alone: a board's may differ from the model, that is what its rows in the cost table are for.
    """

    result: RunResult
    prediction: Prediction
    differences: int
    problem: str | None


def verify_run(integer: IntegerNetwork, config: AcceleratorConfig, images: np.ndarray, device: Device,
               progress: Callable[[int], None] | None = None, *, maps: bool = False,
               map_progress: Callable[[int, int], None] | None = None) -> Verification:
    """Compile ``integer``, run uint8 ``images`` (n, C, H, W) on ``device``, and compare every logit, layer's cycles and
    counter.

    A wrong logit is followed to the first wrong value of a map, if the device can show its activation memory
    (``device.banks(program, image)``); with ``maps``, every map of the first image is compared even if the logits are
    right. ``progress(done)`` is called after each image, ``map_progress(done, all)`` after each map. Raises
    :class:`CodesignError` where the network cannot run on ``config``.
    """
    require(len(images) >= 1, "Images must be at least 1, not 0")
    program = compile_network(integer, config)
    expected = evaluate(integer, images)
    result = device.run(program, images, progress)
    prediction = predict_schedule(program.schedule)
    wrong = np.argwhere(result.logits != expected)
    problem = None
    if len(wrong):
        problem = _logit_problem(integer, config, images, device, result, expected, wrong)
    elif device.method == "simulated":
        problem = _cycles_problem(program, result, prediction)
    if maps and not problem:
        banks = getattr(device, "banks", None)
        if banks is None:
            raise CodesignError("Device must show its activation memory for maps to be compared")
        wrong_map = first_difference(integer, config, images[0], banks, map_progress)
        problem = f"Maps of image 0 must be the reference's; first at {wrong_map}" if wrong_map else None
    return Verification(result=result, prediction=prediction, differences=len(wrong), problem=problem)


def _logit_problem(integer: IntegerNetwork, config: AcceleratorConfig, images: np.ndarray, device: Device,
                   result: RunResult, expected: np.ndarray, wrong: np.ndarray) -> str:
    image, label = (int(i) for i in wrong[0])
    where, banks = "", getattr(device, "banks", None)
    if banks:
        inside = first_difference(integer, config, images[image], banks)
        where = f"; first at {inside}" if inside else "; every map before is equal"
    return (f"Logit of image {image}, class {label} must be the reference's {expected[image, label]}, "
            f"not {result.logits[image, label]} ({len(wrong)} of {expected.size} logits differ){where}")


def _cycles_problem(program: Program, result: RunResult, prediction: Prediction) -> str | None:
    for found, layer in zip(result.layers, prediction.layers, strict=True):
        for key, value in asdict(layer).items():
            if getattr(found, key) != value:
                return f"Layer {layer.name}: {key} must be the cost model's {value}, not {getattr(found, key)}"
    counters = result.counters or {}
    for name, value in prediction.counters.items():
        if counters.get(name) != value:
            return f"Counter {name} must be the cost model's {value}, not {counters.get(name)}"
    for image, cycles in enumerate(result.cycles):
        if cycles != prediction.cycles:
            return f"Cycles of image {image} must be the cost model's {prediction.cycles}, not {cycles}"
    return None
