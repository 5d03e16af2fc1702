"""The training of a supernet, and the networks that inherit from it."""

import math
import random
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from ...datasets import Dataset
from ...errors import require
from ...network import Network
from ...recipe import Recipe
from ...train.batches import Batches
from ...train.loop import TrainResult, accuracy_of, settle_statistics, training_device
from ..canonical import choices_of
from ..space import Space
from .checkpoint import ByEpochs
from .checks import check_elastic, check_recipe
from .shrinking import draw_elastic, phase_of
from .weights import Supernet

__all__ = ["SupernetPlan", "SupernetTraining", "batches_of", "inherit", "make_optimizer", "one_cycle"]

_READ: dict[bytes, "SupernetTraining"] = {}  # the last one that a worker has read


@dataclass(frozen=True, kw_only=True)
class SupernetPlan:
    """The training of the weights that the networks of ``space`` share: ``epochs`` passes over the images, in which
    every batch is seen by one sub-network."""

    space: Space
    epochs: int
    seed: int
    recipe: Recipe = field(default_factory=Recipe)

    def identity(self, dataset: Dataset) -> dict[str, Any]:
        """What a checkpoint must share."""
        return {"space": str(self.space.to_dict()), "epochs": self.epochs, "seed": self.seed,
                "recipe": str(self.recipe), "dataset": dataset.name, "labels": dataset.labels_digest}

    def begin(self, dataset: Dataset, state: bytes | None, device: str) -> "SupernetTraining":
        """The training, where ``state`` has it; from the start without one."""
        return SupernetTraining(self, dataset, state, device)


class SupernetTraining(ByEpochs):
    """Progressive shrinking (:mod:`.shrinking`): every step trains one sub-network, drawn from those now allowed, by
    cross-entropy with the labels.

    Networks do not teach each other. For a given number of passes over the images, a largest one in every step that
    teaches a second (the sandwich rule: Yu and Huang, "Universally slimmable networks", ICCV 2019; in place: Yu et al.,
    "BigNAS", ECCV 2020) are half the steps, and did worse: 83.7 % instead of 85.6 % on average over 90 networks of the
    benchmark's space, after 286 passes (one seed).

    Each sub-network is quantized as if it stood alone. AdamW and its schedule are those of any training here, once over
    all steps. history : one dictionary per epoch (epoch, loss: mean over its steps)
    """

    def __init__(self, plan: SupernetPlan, dataset: Dataset, state: bytes | None, device: str):
        check_elastic(plan.space)
        check_recipe(plan.recipe)
        device = training_device(device)
        self.plan, self.identity = plan, plan.identity(dataset)
        self.batches = batches_of(dataset, plan.recipe, device)
        self.supernet = Supernet(plan.space, plan.seed).to(device)
        self.optimizer = make_optimizer(self.supernet, plan.recipe)
        self.result, self.means = {"supernet": self.supernet}, {"optimizer": self.optimizer}
        self.restore(state)

    def outcome(self) -> dict[str, Any]:
        """What a proposer is to know of it: nothing."""
        return {}

    def epoch(self) -> None:
        """One more pass over the images; raises :class:`CodesignError` where the loss is no longer finite."""
        plan, number, count = self.plan, len(self.history), len(self.batches)
        generator, total = random.Random(f"{plan.seed} {number}"), 0.0
        for step, (_, images, labels) in enumerate(self.batches.epoch(plan.seed, number), number * count):
            done = step / (plan.epochs * count)
            for group in self.optimizer.param_groups:
                group["lr"] = plan.recipe.learning_rate * one_cycle(done, plan.recipe.warm_up)
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.supernet(draw_elastic(plan.space, phase_of(done), generator), images), labels,
                                   label_smoothing=plan.recipe.label_smoothing)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        mean = total / count
        require(math.isfinite(mean), f"Supernet's training loss must stay finite, not {mean} (epoch {number + 1}; "
                                     f"try a smaller learning rate than {plan.recipe.learning_rate})")
        self.history.append({"epoch": number + 1, "loss": mean})


def inherit(plan: SupernetPlan, state: bytes, network: Network, dataset: Dataset, searched: Dataset,
            device: str = "cpu") -> TrainResult:
    """``network`` with its weights from the finished supernet in ``state``, trained on ``searched`` and not any more:
    batch norm's statistics alone are fitted, on the training images of ``dataset``, on whose test part the result's
    accuracy is."""
    device = training_device(device)
    training = _finished(plan, state, searched, device)
    module = training.supernet.sub_network(choices_of(plan.space, network)).inherit(training.supernet.shared)
    settle_statistics(module, batches_of(dataset, plan.recipe, device))
    accuracy = accuracy_of(module, dataset.test_images, dataset.test_labels)
    integer = module.integer()
    integer.info.update(training.identity, network=network.digest(), dataset=dataset.name, accuracy=accuracy,
                        weights="a supernet's", torch=torch.__version__, device=torch.device(device).type)
    history = [*training.history[:-1], {**training.history[-1], "test_accuracy": accuracy}]
    return TrainResult(integer, accuracy, history)


def _finished(plan: SupernetPlan, state: bytes, searched: Dataset, device: str) -> SupernetTraining:
    """Read once for many heirs."""
    if state not in _READ:
        training = plan.begin(searched, state, device)
        _READ.clear()
        _READ[state] = training
    return _READ[state]


def batches_of(dataset: Dataset, recipe: Recipe, device: str) -> Batches:
    """The training images as ``recipe`` has them."""
    return Batches(dataset, recipe.batch, dataset.augmented_as(recipe.augmentation), device)


def make_optimizer(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """As :mod:`codesign.train.fitting` has it. Weights without a gradient, of nobody in a step, stay as they are."""
    weights = [p for p in module.parameters() if p.dim() >= 2]
    others = [p for p in module.parameters() if p.dim() < 2]
    return torch.optim.AdamW([{"params": weights, "weight_decay": recipe.weight_decay},
                              {"params": others, "weight_decay": 0.0}], lr=recipe.learning_rate, fused=True)


def one_cycle(done: float, warm_up: float) -> float:
    """The learning rate's factor when a share ``done`` of the steps is behind: up linearly, then down half a cosine."""
    return done / warm_up if done < warm_up else 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))
