"""A device for tests of what surrounds one: the reference's logits in the cost model's time, as if simulated."""

import os
import signal
import time
from pathlib import Path

from codesign.costs.build import SEED
from codesign.cycles import predict_schedule
from codesign.device import RunResult
from codesign.random_weights import random_network
from codesign.reference import evaluate


class ModelDevice:
    """Runs the networks that a build draws. ``spoil`` adds to a logit."""

    method = "simulated"

    def __init__(self, config, spoil=0):
        self.config, self.spoil = config, spoil

    def run(self, program, images, progress=None):
        model = predict_schedule(program.schedule)
        logits = evaluate(random_network(program.schedule.graph, SEED), images)
        logits[0, 0] += self.spoil
        return RunResult(logits, (model.cycles,) * len(images), model.counters, model.layers)


class SlowDevice(ModelDevice):
    """Takes a tenth of a second a run, and leaves word of each process that opens it in $SLOW_DEVICES."""

    def __init__(self, config):
        super().__init__(config)
        (Path(os.environ["SLOW_DEVICES"]) / str(os.getpid())).touch()

    def run(self, program, images, progress=None):
        time.sleep(0.1)
        return super().run(program, images)


class DyingDevice(ModelDevice):
    """Ends the process that runs it, as when memory runs out."""

    def run(self, program, images, progress=None):
        os.kill(os.getpid(), signal.SIGKILL)


def wrong_device(config):
    return ModelDevice(config, spoil=1)
