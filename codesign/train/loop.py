"""Quantization-aware training from a network and a data set to integers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ..datasets import Dataset
from ..errors import CodesignError, require
from ..integer import IntegerNetwork
from ..network import Network
from . import checkpoints
from .augment import augmented
from .module import QuantizedConv, QuantizedNetwork, build
from .recipe import Recipe

__all__ = ["Progress", "TrainResult", "accuracy_of", "train"]

Progress = Callable[[int, int, dict], None]
EVALUATION_BATCH = 512
CALIBRATION_BATCHES = 32


@dataclass(frozen=True, eq=False)
class TrainResult:
    """integer : what is deployed, provenance in its ``info``
    accuracy : share of the data set's test part that ``integer`` gets right, 0..1
    history : one dictionary per epoch (epoch, loss, train_accuracy; the last also test_accuracy)
    """

    integer: IntegerNetwork
    accuracy: float
    history: list[dict]


def train(network: Network, dataset: Dataset, *, epochs: int, seed: int, quantizer: str = "dorefa",
          recipe: Recipe | None = None, progress: Progress | None = None,
          checkpoint: str | Path | None = None, device: str | None = None) -> TrainResult:
    """Train ``network`` on the train part of ``dataset``; its test part is looked at once, at the end.

    Same arguments, same machine: same integers. ``progress(epoch, epochs, numbers)`` is called after every epoch.
    ``checkpoint`` is a file written after every epoch and continued from where it exists; the result is that of
    an uninterrupted run. ``device`` is ``cpu``, ``cuda`` or, by default, whichever there is. Raises
    :class:`CodesignError` on arguments that do not fit and when the loss is no longer finite.
    """
    recipe = recipe or Recipe()
    require(type(epochs) is int and 1 <= epochs <= 100_000, f"Epochs must be an integer in 1..100000, not {epochs!r}")
    require(type(seed) is int and 0 <= seed < 2**31, f"Seed must be an integer in 0..{2**31 - 1}, not {seed!r}")
    require(network.input == dataset.shape, f"Network input must be the data set's {list(dataset.shape)}, "
                                            f"not {list(network.input)}")
    classes = network.graph().classes
    require(classes == len(dataset.classes),
            f"Network's linear must be the data set's {len(dataset.classes)} classes, not {classes}")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    module = build(network, quantizer, seed).to(device)
    images, labels = (torch.from_numpy(v).to(device) for v in (dataset.train_images, dataset.train_labels))
    batches = max(1, len(images) // recipe.batch)
    optimizer = _optimizer(module, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _one_cycle(epochs * batches, recipe.warm_up))
    identity = {"network": network.digest(), "dataset": dataset.name, "images": len(images), "epochs": epochs,
                "seed": seed, "quantizer": quantizer, "recipe": str(recipe)}
    history = checkpoints.restore(checkpoint, identity, module, optimizer, schedule) if checkpoint else []

    for epoch in range(len(history), epochs):
        generator = torch.Generator().manual_seed(seed << 20 | epoch)
        module.train()
        total, right = torch.zeros((), device=device), torch.zeros((), device=device)
        for chosen in torch.randperm(len(images), generator=generator).to(device).tensor_split(batches):
            logits = module(augmented(images[chosen], recipe.move_pixels, recipe.mirror, generator))
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach() * len(chosen)
            right += (logits.detach().argmax(1) == labels[chosen]).sum()
        numbers = {"epoch": epoch + 1, "loss": total.item() / len(images), "train_accuracy": right.item() / len(images)}
        if not math.isfinite(numbers["loss"]):
            raise CodesignError(f"Training loss must stay finite, not {numbers['loss']} (epoch {epoch + 1}; "
                                f"try a smaller learning rate than {recipe.learning_rate})")
        history.append(numbers)
        if checkpoint:
            checkpoints.save(checkpoint, identity, module, optimizer, schedule, history)
        if progress:
            progress(epoch + 1, epochs, numbers)

    _settle_statistics(module, images, recipe.batch)
    module.eval()
    accuracy = accuracy_of(module, dataset.test_images, dataset.test_labels)
    history[-1] = {**history[-1], "test_accuracy": accuracy}
    integer = module.integer()
    integer.info.update(identity, accuracy=accuracy, torch=torch.__version__, device=device)
    return TrainResult(integer, accuracy, history)


@torch.no_grad()
def accuracy_of(module: QuantizedNetwork, images: np.ndarray, labels: np.ndarray) -> float:
    """Share (0..1) of uint8 ``images`` (N, C, H, W) that the integer function gets right (first largest logit)."""
    module.eval()
    device = next(module.parameters()).device
    right = 0
    for start in range(0, len(images), EVALUATION_BATCH):
        logits = module(torch.from_numpy(images[start:start + EVALUATION_BATCH]).to(device))
        right += int((logits.cpu().numpy().argmax(axis=1) == labels[start:start + EVALUATION_BATCH]).sum())
    return right / len(images)


def _optimizer(module: QuantizedNetwork, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight matrices decay; gains, offsets, clips and steps do not."""
    matrices = [p for p in module.parameters() if p.dim() == 2]
    others = [p for p in module.parameters() if p.dim() != 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": recipe.weight_decay},
                              {"params": others, "weight_decay": 0.0}], lr=recipe.learning_rate, fused=True)


def _one_cycle(steps: int, warm_up: float) -> Callable[[int], float]:
    def factor(step: int) -> float:
        done = (step + 1) / steps
        return done / warm_up if done < warm_up else 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))
    return factor


@torch.no_grad()
def _settle_statistics(module: QuantizedNetwork, images: torch.Tensor, batch: int) -> None:
    """Batch norm's means and variances anew, under the final weights: plain averages over training batches."""
    module.train()
    convolutions = [layer for layer in module.layers if isinstance(layer, QuantizedConv)]
    chunks = images.split(max(batch, -(-len(images) // CALIBRATION_BATCHES)))[:CALIBRATION_BATCHES]
    for number, chunk in enumerate(chunks):
        for layer in convolutions:
            layer.momentum = 1 / (number + 1)
        module(chunk)
