"""What runs a program: one interface for the reference, the simulated accelerator and a board."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .accelerator import AcceleratorConfig
from .errors import require
from .integer import IntegerNetwork
from .layer_cycles import LayerCycles
from .power_samples import PowerEstimate
from .program import Program
from .reference import evaluate

__all__ = ["Device", "ReferenceDevice", "RunResult", "check_images", "check_program"]


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a device reports.

    logits : int64 (n, classes)
    cycles : per image; empty where the device has no clock
    counters : of one image (they do not depend on its content; a device that finds otherwise raises)
    layers : of that image; they add up to its cycles
    power : while the last image was run again and again, and while nothing was; None where nobody looked, or could:
        then ``power_problem`` says why
    """

    logits: np.ndarray
    cycles: tuple[int, ...] = ()
    counters: dict[str, int] | None = None
    layers: tuple[LayerCycles, ...] = ()
    power: PowerEstimate | None = None
    power_problem: str | None = None

    @property
    def layer_cycles(self) -> tuple[tuple[str, int], ...]:
        """(name, cycles) of each layer."""
        return tuple((layer.name, layer.cycles) for layer in self.layers)

    @classmethod
    def collect(cls, logits: list, counters: list[dict[str, int]],
                layers: list[tuple[LayerCycles, ...]]) -> "RunResult":
        """From each image's values."""
        for index, (count, layer) in enumerate(zip(counters, layers, strict=True)):
            require(count == counters[0] and layer == layers[0],
                    f"Image {index} must take the counters of image 0, {counters[0]}, not {count}")
        return cls(np.array(logits), tuple(c["cycles"] for c in counters), counters[0], layers[0])


class Device(Protocol):
    """``method`` labels its figures in the cost table: model, simulated or measured.

    ``run`` takes uint8 ``images`` (n, C, H, W), one after another, and calls ``progress(done)`` after each. It raises
    :class:`CodesignError` where images are not the program's, or the program not the device's.
    """

    method: str

    def run(self, program: Program, images: np.ndarray, progress=None) -> RunResult: ...


def check_program(program: Program, config: AcceleratorConfig) -> None:
    """Raise :class:`CodesignError` unless ``program`` is for an accelerator of ``config``."""
    require(program.config.digest() == config.digest(),
            f"Program must be for accelerator {config.digest()[:16]}, not {program.config.digest()[:16]}")


def check_images(images: np.ndarray, program: Program) -> None:
    """Raise :class:`CodesignError` unless ``images`` are such as ``program`` takes, and at least one."""
    require(images.dtype == np.uint8 and images.shape[1:] == program.input_shape and len(images) >= 1,
            f"Images must be uint8 of shape (1 or more, {', '.join(map(str, program.input_shape))}), not "
            f"{images.dtype} of shape {images.shape}")


class ReferenceDevice:
    """The integer reference: right logits, no cycles."""

    method = "model"

    def __init__(self, network: IntegerNetwork):
        self.network = network

    def run(self, program: Program, images: np.ndarray, progress=None) -> RunResult:
        check_images(images, program)
        require(program.schedule.graph == self.network.graph,
                "Program must be of the network that the reference computes, not of another")
        logits = evaluate(self.network, images)
        for done in range(len(images) if progress else 0):
            progress(done + 1)
        return RunResult(logits)
