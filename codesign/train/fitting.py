"""The epochs of a training run, of a quantized network or of its teacher."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F

from ..errors import CodesignError
from ..recipe import Recipe
from . import checkpoints
from .batches import Batches
from .graph_module import GraphModule
from .teacher import Teacher

__all__ = ["Fitting", "Progress"]

#: ``progress(epochs done, epochs, numbers)``, after every epoch.
Progress = Callable[[int, int, dict], None]
CHECKED_STEPS = 200  # a loss that is not finite is noticed after so many steps, if not by the epoch's end


class Fitting:
    """Trains ``module`` on ``batches``; between two epochs all of it can be saved, and continued from there.

    history : one dictionary per epoch (epoch, loss, train_accuracy); images_per_s : of the epochs that ran here
    """

    def __init__(self, module: GraphModule, batches: Batches, recipe: Recipe, *, epochs: int, seed: int,
                 teacher: Teacher | None = None):
        self.module, self.batches, self.recipe, self.epochs, self.seed = module, batches, recipe, epochs, seed
        self.teacher, self.device = teacher, torch.device(batches.device)
        self.forward: Callable = torch.compile(module, dynamic=False) if recipe.compiled else module
        self.optimizer = _optimizer(module, recipe)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, _one_cycle(epochs * len(batches), recipe.warm_up))
        # Gradients of float16 vanish unless the loss is scaled up.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "float16")
        self.history: list[dict] = []
        self.images_per_s: float | None = None

    def run(self, identity: dict, checkpoint: Path | None, progress: Progress | None) -> None:
        """All epochs that are not in ``checkpoint`` yet, which must be of the same ``identity``."""
        states: dict[str, checkpoints.Stateful] = {"module": self.module, "optimizer": self.optimizer,
                                                   "schedule": self.schedule, "scaler": self.scaler}
        if checkpoint:
            self.history = checkpoints.restore(checkpoint, identity, states)
        spent_s, begun = 0.0, len(self.history)
        for epoch in range(begun, self.epochs):
            started = time.perf_counter()
            numbers = self._epoch(epoch)
            spent_s += time.perf_counter() - started
            self.images_per_s = (epoch + 1 - begun) * len(self.batches.labels) / spent_s
            self.history.append(numbers)
            if checkpoint:
                checkpoints.save(checkpoint, identity, states, self.history)
            if progress:
                progress(epoch + 1, self.epochs, {**numbers, "images_per_s": self.images_per_s})

    def _epoch(self, epoch: int) -> dict:
        self.module.train()
        total, right = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        for step, (chosen, images, labels) in enumerate(self.batches.epoch(self.seed, epoch)):
            taught = None if self.teacher is None else self.teacher.logits(chosen, images)
            with self._precision(), _compilation(self.recipe.compiled):
                logits = self.forward(images).float()
            loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
            if self.teacher is not None and taught is not None:
                loss = self.teacher.loss(logits, taught, loss)
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.schedule.step()
            total += loss.detach() * len(labels)
            right += (logits.detach().argmax(1) == labels).sum()
            if step % CHECKED_STEPS == CHECKED_STEPS - 1:
                self._check(total, epoch)
        self._check(total, epoch)
        count = len(self.batches.labels)
        return {"epoch": epoch + 1, "loss": total.item() / count, "train_accuracy": right.item() / count}

    def _precision(self) -> contextlib.AbstractContextManager:
        if self.recipe.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, getattr(torch, self.recipe.precision))

    def _check(self, loss: torch.Tensor, epoch: int) -> None:
        if not math.isfinite(loss.item()):
            raise CodesignError(f"Training loss must stay finite, not {loss.item()} (epoch {epoch + 1}; "
                                f"try a smaller learning rate than {self.recipe.learning_rate})")


@contextlib.contextmanager
def _compilation(compiled: bool) -> Iterator[None]:
    if not compiled:
        yield
        return
    try:
        yield
    except torch._dynamo.exc.TorchDynamoException as e:
        raise CodesignError(f"Training must not be compiled where torch.compile fails: {str(e).splitlines()[0]}") from e


def _optimizer(module: GraphModule, recipe: Recipe) -> torch.optim.Optimizer:
    """Weights of convolutions and the linear layer decay; gains, offsets, clips and steps do not."""
    weights = [p for p in module.parameters() if p.dim() >= 2]
    others = [p for p in module.parameters() if p.dim() < 2]
    return torch.optim.AdamW([{"params": weights, "weight_decay": recipe.weight_decay},
                              {"params": others, "weight_decay": 0.0}], lr=recipe.learning_rate, fused=True)


def _one_cycle(steps: int, warm_up: float) -> Callable[[int], float]:
    def factor(step: int) -> float:
        done = (step + 1) / steps
        return done / warm_up if done < warm_up else 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))
    return factor
