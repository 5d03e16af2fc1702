"""What a sweep's workers do: train a network, run a model on the device."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ..accelerator import AcceleratorConfig
from ..costs.measurement import Measure, Measurement
from ..costs.pricing import Prediction
from ..datasets import Dataset
from ..integer import IntegerNetwork
from ..model import load_model, model_digest, save_model
from ..network import Network
from ..recipe import Recipe
from .measurement import verify
from .prepared import Inheritance

__all__ = ["Job", "Shared", "Train", "TrainResult", "Trained", "load_trained", "measure_model", "save_trained",
           "train_network"]


class TrainResult(Protocol):
    """What training returns: the integers, their accuracy on the data set's test part, a record per epoch."""

    @property
    def integer(self) -> IntegerNetwork: ...

    @property
    def accuracy(self) -> float: ...

    @property
    def history(self) -> Sequence[dict]: ...


#: ``train(network, dataset, epochs=..., seed=..., recipe=..., device=...)``, as :func:`codesign.train.train`: at
#: the top level of a module, as workers need it.
Train = Callable[..., TrainResult]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training, into the model directory ``path``; on all training data, or (in the search) on all but a part for
    validation, another one with every ``split``. With an ``inheritance``, weights are that's, and only batch norm's
    statistics are fitted."""

    network: Network
    epochs: int
    seed: int
    all_data: bool
    path: Path
    split: int = 0
    inheritance: Inheritance | None = None


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What every worker has. ``seed`` is of the split into training and validation, ``device`` what trains."""

    train: Train
    measure: Measure
    dataset: Dataset
    seed: int
    recipe: Recipe = field(default_factory=Recipe)
    device: str = "auto"

    @cached_property
    def search_dataset(self) -> Dataset:
        """Only validation is seen in the search: the test part is replaced."""
        return self.dataset.split_validation(self.seed)

    def dataset_of(self, job: Job) -> Dataset:
        """What ``job`` trains on."""
        if job.all_data:
            return self.dataset
        return self.dataset.split_validation(self.seed + job.split) if job.split else self.search_dataset


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model: its directory, the digest of its integers, accuracy on what its data set holds out."""

    path: Path
    digest: str
    accuracy: float


def train_network(shared: Shared, job: Job) -> TrainResult:
    """In a worker: train."""
    import torch  # here: the parent need not have it

    torch.set_num_threads(1)
    if job.inheritance is not None:
        return job.inheritance.network(job.network, shared.dataset_of(job), shared.search_dataset, shared.device)
    return shared.train(job.network, shared.dataset_of(job), epochs=job.epochs, seed=job.seed, recipe=shared.recipe,
                        device=shared.device)


def save_trained(job: Job, result: TrainResult, dataset: Dataset) -> Trained:
    """Write the model with its accuracy, history and how it came to be."""
    info = {**result.integer.info, "accuracy": float(result.accuracy), "history": list(result.history),
            "dataset": dataset.name, "seed": job.seed, "epochs": job.epochs}
    integer = dataclasses.replace(result.integer, info=info)
    save_model(job.path, job.network, integer)
    return Trained(path=job.path, digest=model_digest(integer), accuracy=info["accuracy"])


def load_trained(path: Path) -> Trained:
    """Read back what :func:`save_trained` wrote."""
    integer = load_model(path)[1]
    return Trained(path=path, digest=model_digest(integer), accuracy=integer.info["accuracy"])


def measure_model(shared: Shared, network: Network, integer: IntegerNetwork, config: AcceleratorConfig,
                  prediction: Prediction) -> Measurement:
    """In a worker: run all held-out images on the device; raises where it contradicts reference or model."""
    images = shared.dataset.test_images[:]
    measurement = shared.measure(network, integer, config, images)
    verify(measurement, integer, images, prediction)
    return measurement
