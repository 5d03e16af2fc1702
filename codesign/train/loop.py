"""Quantization-aware training from a network and a data set to integers."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..datasets import Dataset
from ..datasets.stored import Images
from ..errors import require
from ..integer import IntegerNetwork
from ..network import Network
from ..recipe import Recipe
from .batches import Batches
from .exact import evaluate
from .fitting import Fitting, Progress
from .float_module import FloatNetwork
from .module import QuantizedConv, QuantizedNetwork, build
from .teacher import Teacher, widen

__all__ = ["TrainResult", "accuracy_of", "train", "training_device"]

EVALUATION_BATCH, EVALUATION_PIXELS = 512, 1 << 23  # at most; pixels of a batch, for large images
CALIBRATION_BATCHES, CALIBRATION_BATCH = 32, 1024  # at most


@dataclass(frozen=True, eq=False)
class TrainResult:
    """integer : what is deployed, provenance in its ``info``
    accuracy : share of the data set's test part that ``integer`` gets right, 0..1
    history : one dictionary per epoch (epoch, loss, train_accuracy; the last also test_accuracy)
    teacher_history : its teacher's, where it had one
    images_per_s : trained on by this process, teacher apart; None where a checkpoint had it all
    """

    integer: IntegerNetwork
    accuracy: float
    history: list[dict]
    teacher_history: list[dict] | None = None
    images_per_s: float | None = None


def train(network: Network, dataset: Dataset, *, epochs: int, seed: int, recipe: Recipe | None = None,
          progress: Progress | None = None, checkpoint: str | Path | None = None,
          device: str = "auto") -> TrainResult:
    """Train ``network`` on the train part of ``dataset``; its test part is looked at once, at the end.

    Same arguments, same machine: same integers (on a CPU; the order of a GPU's sums may differ). ``progress(done,
    epochs, numbers)`` is called after every epoch, the teacher's counting, too. ``checkpoint`` is a file (a teacher has
    another beside it) written after every epoch and continued from where it exists; the result is that of an
    uninterrupted run. ``device`` : see :func:`training_device`. Raises :class:`CodesignError` on
    arguments that do not fit and when the loss is no longer finite.
    """
    recipe = recipe or Recipe()
    _check(network, dataset, epochs, seed)
    augmentation = dataset.augmented_as(recipe.augmentation)
    device = training_device(device)
    module = build(network, recipe.quantizer, seed).to(device)
    batches = Batches(dataset, recipe.batch, augmentation, device)
    identity = {"network": network.digest(), "dataset": dataset.name, "images": len(dataset.train_labels),
                "labels": dataset.labels_digest, "epochs": epochs, "seed": seed, "quantizer": recipe.quantizer,
                "recipe": str(recipe), "augmentation": str(augmentation)}
    path = Path(checkpoint) if checkpoint else None
    parts = 2 if recipe.teacher_width else 1

    def told(part: str) -> Progress | None:
        before = epochs * (part == "network" and parts == 2)
        return progress and (lambda done, _, numbers: progress(before + done, parts * epochs,
                                                               {**numbers, "training": part}))

    teacher, teacher_history = None, None
    if recipe.teacher_width:
        wide = FloatNetwork(widen(network, recipe.teacher_width), seed).to(device)
        teaching = Fitting(wide, batches, recipe, epochs=epochs, seed=seed)
        teaching.run({**identity, "training": "teacher"}, path and path.with_name(f"{path.name}.teacher"),
                     told("teacher"))
        teacher_history = teaching.history
        teacher = Teacher(wide, batches, recipe.teacher_weight, recipe.temperature)
    fitting = Fitting(module, batches, recipe, epochs=epochs, seed=seed, teacher=teacher)
    fitting.run(identity, path, told("network"))

    settle_statistics(module, batches)
    accuracy = accuracy_of(module, dataset.test_images, dataset.test_labels)
    fitting.history[-1] = {**fitting.history[-1], "test_accuracy": accuracy}
    integer = module.integer()
    integer.info.update(identity, accuracy=accuracy, torch=torch.__version__, device=torch.device(device).type)
    if dataset.reference not in (None, dataset.name):
        integer.info["dataset_path"] = dataset.reference
    return TrainResult(integer, accuracy, fitting.history, teacher_history, fitting.images_per_s)


def training_device(name: str = "auto") -> str:
    """The device that ``name`` (``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...) means here.

    ``auto`` is a GPU where there is one. Of several (that CUDA_VISIBLE_DEVICES leaves), ``auto`` and ``cuda`` are the
    one whose turn it is by the worker's number, ``LOCAL_RANK``. Raises :class:`CodesignError` where it is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto" and not count:
        return "cpu"
    there = ["cpu", *(["cuda"] if count else []), *(f"cuda:{i}" for i in range(count))]
    require(name in ("auto", *there), f"Training device must be one that is here ({', '.join(there)}), not {name!r}")
    if name not in ("auto", "cuda"):
        return name
    rank = os.environ.get("LOCAL_RANK", "")
    return f"cuda:{int(rank) % count if rank.isdecimal() else 0}"


def _check(network: Network, dataset: Dataset, epochs: int, seed: int) -> None:
    require(type(epochs) is int and 1 <= epochs <= 100_000, f"Epochs must be an integer in 1..100000, not {epochs!r}")
    require(type(seed) is int and 0 <= seed < 2**31, f"Seed must be an integer in 0..{2**31 - 1}, not {seed!r}")
    require(network.input == dataset.shape, f"Network input must be the data set's {list(dataset.shape)}, "
                                            f"not {list(network.input)}")
    classes = network.graph().classes
    require(classes == len(dataset.classes),
            f"Network's linear must be the data set's {len(dataset.classes)} classes, not {classes}")


@torch.no_grad()
def accuracy_of(module: QuantizedNetwork, images: Images, labels: np.ndarray) -> float:
    """Share (0..1) of uint8 ``images`` (N, C, H, W) that the integer function gets right (first largest logit)."""
    device, integer = next(module.parameters()).device, module.integer()
    size = max(1, min(EVALUATION_BATCH, EVALUATION_PIXELS // (images.shape[2] * images.shape[3])))
    right = 0
    for start in range(0, len(images), size):
        logits = evaluate(integer, torch.from_numpy(images[start:start + size]).to(device))
        right += int((logits.cpu().numpy().argmax(axis=1) == labels[start:start + size]).sum())
    return right / len(images)


@torch.no_grad()
def settle_statistics(module: QuantizedNetwork, batches: Batches) -> None:
    """Batch norm's means and variances anew, under the final weights: plain averages over training batches."""
    module.train()
    convolutions = [layer for layer in module.layers if isinstance(layer, QuantizedConv)]
    size = max(batches.size, min(CALIBRATION_BATCH, -(-len(batches.labels) // CALIBRATION_BATCHES)))
    for number, images in enumerate(batches.sample(CALIBRATION_BATCHES, size)):
        for layer in convolutions:
            layer.momentum = 1 / (number + 1)
        module(images)
