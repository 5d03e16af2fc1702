"""Tools of a small, real sweep: two-epoch trainings of digits, and the cost model and reference as the device."""

import dataclasses
from functools import partial

from codesign.board import load_board
from codesign.costs.measurement import measure_on
from codesign.cycles import predict
from codesign.datasets import load_dataset
from codesign.device import RunResult
from codesign.reference import evaluate
from codesign.search import Space, SweepOptions, Tools
from codesign.train import train

SPACE = Space.from_dict({
    "name": "small", "input": [1, 8, 8], "classes": 10,
    "network": {"stem": [8, 12], "mix": [1], "mix_width": [8, 12], "stem_pool": ["none"], "shift": ["released"],
                "stages": [1, 2], "head": ["none"],
                "stage": {"kind": ["plain", "dirac"], "width": [12, 16], "depth": [1], "pool": ["none"],
                          "expansion": [1]}},
    "accelerator": {"rows": [8], "cols": [4, 8]}, "share": [0.5], "budget": {"cycles": 2200}})
DATASET = partial(load_dataset, "digits")


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


def tools(**changes):
    return dataclasses.replace(Tools(train=train, measure=measure, verilog_digest=verilog_digest,
                                     dataset=DATASET, log=lambda line: None), **changes)
