"""Differentiable search (Wu et al., "FBNet: hardware-aware efficient ConvNet design via differentiable neural
architecture search", CVPR 2019) on the choices of a space.

Every choice has a distribution, ``softmax(theta)``. A step draws a relaxed one of each by Gumbel-softmax,
``m = softmax((log softmax(theta) + G) / tau)``, and what is trained is the mixture of all networks, each as likely as
its choices are by ``m``. FBNet mixes the maps of a layer's alternatives; a space's choices (pools, kinds of stage,
widths) have maps of different shapes, so it is whole networks' probabilities of the classes that are mixed, and of all
the networks that there are, PATHS are drawn from ``m``: each counts ``1/PATHS``, with the gradient that its likelihood
has.

Loss of theta: ``CE * log(LAT)^beta``, FBNet's (its factor alpha changes nothing under Adam), where CE is the mixture's
cross-entropy, and LAT its expected latency: the mean of the networks' cycles on the fastest accelerators of the board
(:mod:`.latency`), priced by the rows of the cost table that the sweep began with (FBNet adds up a table's rows of
layers; a board's rows here correct the cost model), and where there are none by the cost model, exactly, which is what
such a table says. The larger beta, the more a cycle counts; several make a family.

Temperature: tau falls exponentially from 5 (FBNet's) to 0.5 in the course of the epochs. Weights are learned on four
fifths of the training images, theta on the others, in turns, as there. The weights are a supernet's, shared by all
networks, and begin where its training ended.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from ...board import Board
from ...costs import Row, rows_digest
from ...datasets import Dataset
from ...errors import CodesignError, require
from ...train.loop import training_device
from ..space import Choices, Space
from .checkpoint import ByEpochs
from .fitting import SupernetPlan, SupernetTraining, batches_of, make_optimizer, one_cycle
from .latency import Latency

__all__ = ["FbnetPlan", "FbnetTraining", "PASSES", "choice_names"]

HOT, COLD = 5.0, 0.5  # temperatures
LEARNING_RATE = 0.1  # of theta
PATHS = 8  # networks in the mixture
TRAINED_PATHS = 2  # of them, whose weights a step trains
THETA_SHARE = 0.2  # of the training images
THETA_PASSES = 4  # over theta's images, for each over the weights'
TRIES = 100  # draws for a network that can be built
#: What an epoch takes, in passes of one network over all training images; a pass without gradients is a third of one.
PASSES = (1 - THETA_SHARE) * TRAINED_PATHS + THETA_SHARE * THETA_PASSES * PATHS / 3


def choice_names(space: Space) -> list[str]:
    """All that choices may have names for, but ``share``."""
    stages = (f"stage{i}.{key}" for i in range(max(space.network["stages"])) for key in space.stage)
    return [*space.network, *stages]


@dataclass(frozen=True, kw_only=True)
class FbnetPlan:
    """One member of the family: ``warm`` is the supernet to begin from, and ``warm_state`` its end; ``rows`` are what
    latency is priced by, see :class:`.latency.Latency`."""

    warm: SupernetPlan
    warm_state: bytes
    board: Board
    beta: float
    epochs: int
    rows: tuple[Row, ...] = ()

    def identity(self, dataset: Dataset) -> dict[str, Any]:
        """What a checkpoint must share."""
        return {**self.warm.identity(dataset), "board": str(self.board.to_dict()), "beta": self.beta,
                "fbnet_epochs": self.epochs, "costs": rows_digest(self.rows) if self.rows else None}

    def begin(self, dataset: Dataset, state: bytes | None, device: str) -> "FbnetTraining":
        """The training, where ``state`` has it; from the supernet without one."""
        return FbnetTraining(self, dataset, state, device)


class FbnetTraining(ByEpochs):
    """Weights and thetas. history : one dictionary per epoch (epoch, tau; cross_entropy and latency of the mixture,
    means)."""

    def __init__(self, plan: FbnetPlan, dataset: Dataset, state: bytes | None, device: str):
        self.plan, self.space, self.identity = plan, plan.warm.space, plan.identity(dataset)
        self.device, self.latency = training_device(device), Latency(plan.warm.space, plan.board, plan.rows)
        warm = SupernetTraining(plan.warm, dataset, plan.warm_state, device)
        device = self.device
        require(warm.done, "Differentiable search must begin from a supernet whose training has ended")
        self.supernet, recipe = warm.supernet, plan.warm.recipe
        parts = dataset.split_validation(plan.warm.seed, THETA_SHARE)
        others = dataclasses.replace(parts, train_images=parts.test_images, train_labels=parts.test_labels)
        self.batches, self.theta_batches = batches_of(parts, recipe, device), batches_of(others, recipe, device)
        self.theta = torch.nn.ParameterDict({
            _key(name): torch.zeros(len(self.space.choices(name))) for name in choice_names(self.space)})
        self.optimizer = make_optimizer(self.supernet, recipe)
        self.theta_optimizer = torch.optim.Adam(self.theta.parameters(), lr=LEARNING_RATE, betas=(0.5, 0.999))
        self.result = {"theta": self.theta}
        self.means = {"supernet": self.supernet, "optimizer": self.optimizer, "theta_optimizer": self.theta_optimizer}
        self.restore(state)

    def outcome(self) -> dict[str, Any]:
        """``beta``, and each choice's probabilities, rounded as JSON's readers do not have to agree on more."""
        return {"beta": self.plan.beta, "probabilities": {
            name: [round(p, 6) for p in self.theta[_key(name)].softmax(0).tolist()]
            for name in choice_names(self.space)}}

    def epoch(self) -> None:
        """Weights, then thetas; raises :class:`CodesignError` where a loss is no longer finite."""
        number, seed, recipe = len(self.history), self.plan.warm.seed, self.plan.warm.recipe
        generator = torch.Generator().manual_seed(hash_seed(seed, number))
        tau = HOT * (COLD / HOT) ** (number / max(1, self.plan.epochs - 1))
        for step, (_, images, labels) in enumerate(self.batches.epoch(seed, number)):
            done = (number + step / len(self.batches)) / self.plan.epochs
            for group in self.optimizer.param_groups:
                group["lr"] = 0.5 * recipe.learning_rate * one_cycle(done, recipe.warm_up)
            self.optimizer.zero_grad()
            relaxed = self._relaxed(tau, generator)
            for _ in range(TRAINED_PATHS):
                choices = self._draw(relaxed, generator)[0]
                F.cross_entropy(self.supernet(choices, images), labels,
                                label_smoothing=recipe.label_smoothing).backward()
            self.optimizer.step()
        numbers = [self._theta_step(images, labels, tau, generator) for turn in range(THETA_PASSES)
                   for _, images, labels in self.theta_batches.epoch(seed, number * THETA_PASSES + turn)]
        cross_entropy, latency = (sum(v) / len(numbers) for v in zip(*numbers, strict=True))
        require(math.isfinite(cross_entropy), f"Differentiable search's loss must stay finite, not {cross_entropy} "
                                              f"(epoch {number + 1})")
        self.history.append({"epoch": number + 1, "tau": tau, "cross_entropy": cross_entropy, "latency": latency})

    def _theta_step(self, images: torch.Tensor, labels: torch.Tensor, tau: float,
                    generator: torch.Generator) -> tuple[float, float]:
        relaxed = self._relaxed(tau, generator)
        drawn = [self._draw(relaxed, generator) for _ in range(PATHS)]
        with torch.no_grad():
            probabilities = torch.stack([self.supernet(choices, images).softmax(1) for choices, _, _ in drawn])
        latencies = torch.tensor([latency for _, _, latency in drawn])
        likelihoods = torch.stack([likelihood for _, likelihood, _ in drawn])
        counts = (likelihoods - likelihoods.detach()).softmax(0)  # 1/PATHS each, with a gradient
        mixture = (counts.to(self.device)[:, None, None] * probabilities).sum(0)
        cross_entropy = F.nll_loss(mixture.clamp_min(1e-6).log(), labels)
        latency = (counts * latencies).sum()
        loss = cross_entropy * latency.log() ** self.plan.beta
        self.theta_optimizer.zero_grad()
        loss.backward()
        self.theta_optimizer.step()
        return cross_entropy.item(), latency.item()

    def _relaxed(self, tau: float, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """``log m`` of every choice."""
        found = {}
        for name in choice_names(self.space):
            theta = self.theta[_key(name)]
            gumbel = -torch.empty_like(theta).exponential_(generator=generator).log()
            found[name] = ((theta.log_softmax(0) + gumbel) / tau).log_softmax(0)
        return found

    def _draw(self, relaxed: Mapping[str, torch.Tensor],
              generator: torch.Generator) -> tuple[dict[str, Any], torch.Tensor, float]:
        """A network by ``m``: choices, the logarithm of their likelihood, cycles."""
        for _ in range(TRIES):
            terms: list[torch.Tensor] = []

            def choose(name: str, choices: Choices, terms=terms) -> Any:
                if name == "share":
                    return choices[0]
                log_m = relaxed[name]
                index = int(torch.multinomial(log_m.detach().exp(), 1, generator=generator))
                terms.append(log_m[index])
                return choices[index]

            choices = self.space.propose(choose)
            try:
                return choices, torch.stack(terms).sum(), self.latency(choices)
            except CodesignError as e:
                reason = e
        raise CodesignError(f"Space {self.space.name} must have networks that can be built and run: {reason}")


def hash_seed(seed: int, epoch: int) -> int:
    """As :meth:`Batches.epoch` mixes them, apart from it."""
    return (seed << 20 | epoch) ^ 0x5EED


def _key(name: str) -> str:
    return name.replace(".", "_")
