"""Tools of a small, real sweep: two-epoch trainings of digits, and the cost model and reference as the device."""

import copy
import dataclasses
import errno
import os
import signal
import time
from functools import partial

from codesign.board import load_board
from codesign.costs.measurement import measure_on
from codesign.cycles import predict
from codesign.datasets import load_dataset
from codesign.device import RunResult
from codesign.errors import CodesignError
from codesign.integer import IntegerNetwork
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.search import Space, SweepOptions, Tools

SPACE = Space.from_dict({
    "name": "small", "input": [1, 8, 8], "classes": 10,
    "network": {"stem": [8, 12], "mix": [1], "mix_width": [8, 12], "stem_pool": ["none"], "shift": ["released"],
                "stages": [1, 2], "head": ["none"],
                "stage": {"kind": ["plain", "dirac"], "width": [12, 16], "depth": [1], "pool": ["none"],
                          "expansion": [1]}},
    "accelerator": {"rows": [8], "cols": [4, 8]}, "share": [0.5], "budget": {"cycles": 2200}})
DATASET = partial(load_dataset, "digits")


def train(network, dataset, **how):
    """As in earnest. Workers of the other tests do not wait for PyTorch."""
    from codesign.train import train

    return train(network, dataset, **how)


@dataclasses.dataclass(frozen=True)
class TrainResult:
    integer: IntegerNetwork
    accuracy: float
    history: list


def options(out, **changes):
    return SweepOptions(**{**dict(out=out, space=SPACE, board=load_board("ulx3s"), trials=10, trained=4, finalists=2,
                                  epochs=1, final_epochs=2, seed=3, workers=1), **changes})


class ModelDevice:
    """The reference's logits in the cost model's time."""

    method = "simulated"

    def __init__(self, integer, config):
        self.integer, self.config = integer, config

    def run(self, program, images, progress=None):
        model = predict(self.integer.graph, self.config)
        return RunResult(evaluate(self.integer, images), (model.cycles,) * len(images), model.counters,
                         model.layers)


def verilog_digest(config):
    return "verilog of " + config.digest()[:8]


def measure(network, integer, config, images):
    return measure_on(lambda c: ModelDevice(integer, c), verilog_digest, {"device": "model"})(
        network, integer, config, images)


class BoardDevice(ModelDevice):
    """As a board might be, if there were one: layers take 1.3 times the model's cycles, and a run 200 more."""

    method = "measured"

    def run(self, program, images, progress=None):
        modelled = super().run(program, images)
        layers = tuple(dataclasses.replace(layer, cycles=round(1.3 * layer.cycles)) for layer in modelled.layers)
        cycles = 200 + sum(layer.cycles for layer in layers)
        return RunResult(modelled.logits, (cycles,) * len(images), modelled.counters, layers)


def board_measure(network, integer, config, images):
    return measure_on(lambda c: BoardDevice(integer, c), verilog_digest, {"device": "model"}, "no board")(
        network, integer, config, images)


def quick_train(network, dataset, *, epochs, seed, **how):
    """Weights drawn at random, that are different after each epoch: accurate they are not, but there at once."""
    integer = random_network(network.graph(), seed + epochs)
    right = evaluate(integer, dataset.test_images[:100]).argmax(axis=1) == dataset.test_labels[:100]
    return TrainResult(integer, float(right.mean()), [{"epoch": 1, "loss": 1.0, "train_accuracy": 0.1}])


def unhurried_train(network, dataset, *, epochs, seed, **how):
    """The same, with time to be killed in."""
    time.sleep(0.3)
    return quick_train(network, dataset, epochs=epochs, seed=seed)


def diverging_train(network, dataset, *, epochs, seed, **how):
    """Every third network cannot be trained."""
    if int(network.digest(), 16) % 3 == 0:
        raise CodesignError(f"Training loss must stay finite, not nan (epoch {epochs})")
    return quick_train(network, dataset, epochs=epochs, seed=seed)


def reckless_train(network, dataset, *, recipe, **how):
    """In earnest, but for half of the networks with a learning rate beyond what a recipe may say."""
    if _is_unlucky(network):
        recipe = copy.copy(recipe)
        object.__setattr__(recipe, "learning_rate", 1e30)
    return train(network, dataset, recipe=recipe, **how)


def hopeless_train(network, dataset, *, epochs, seed, **how):
    raise CodesignError("Training loss must stay finite, not nan")


def _is_unlucky(network):
    return int(network.digest(), 16) % 2 == 0


def hanging_measure(network, integer, config, images):
    """A simulator that never ends with half of the networks."""
    if _is_unlucky(network):
        time.sleep(600)
    return measure(network, integer, config, images)


def crashing_measure(network, integer, config, images):
    """A simulator that takes its process with it with half of the networks."""
    if _is_unlucky(network):
        os.kill(os.getpid(), signal.SIGSEGV)
    return measure(network, integer, config, images)


def full_disk_measure(network, integer, config, images):
    raise OSError(errno.ENOSPC, "No space left on device")


def slow(network, integer, config, images):
    """A device that takes a cycle more than the model says."""
    good = measure(network, integer, config, images)
    return dataclasses.replace(good, cycles=tuple(c + 1 for c in good.cycles))


def never(*args, **kwargs):
    raise AssertionError("nothing is left to do")


def tools(**changes):
    return dataclasses.replace(Tools(train=train, measure=measure, verilog_digest=verilog_digest,
                                     dataset=DATASET, log=lambda line: None), **changes)
