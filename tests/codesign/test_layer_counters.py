import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.cycles import predict_schedule
from codesign.errors import CodesignError
from codesign.layer_counters import layer_counters, layers_counters
from codesign.schedule import schedule
from tests.random_graphs import random_config, random_graph

SUMMED = ("cycles", "active_cycles", "bank_reads", "bank_writes", "stream_words", "write_beats")


@pytest.mark.parametrize("seed", range(8))
def test_layers_add_up_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    while True:
        config, graph = random_config(rng), random_graph(rng)
        try:
            plan = schedule(graph, config)
            break
        except CodesignError:  # it does not fit
            continue
    whole = predict_schedule(plan).counters
    layers = [layer_counters(plan, i) for i in range(len(plan.visit_names))]
    assert layers_counters(plan) == layers
    ends = len(layers) - 1  # instructions that end a truncated run, one word pair each, cancel
    for name in SUMMED:
        assert sum(layer[name] for layer in layers) == whole[name], name
    assert abs(sum(layer["read_beats"] for layer in layers) - whole["read_beats"]) <= ends
    assert all(layer["active_cycles"] > 0 and layer["stream_words"] > 0 for layer in layers)


def test_reads_follow_from_the_shape():
    """A 1x1 convolution of 8 channels to 8 over 16 pixels on a 4x4 array: two tiles of columns, two groups of rows."""
    from codesign.network import Network

    graph = Network.from_dict({"name": "n", "input": [1, 4, 4], "layers": [
        {"conv": 8}, {"conv": 8}, "average", {"linear": 4}]}).graph()
    counters = layer_counters(schedule(graph, PRESETS["tiny"]), 1)
    assert counters["active_cycles"] == 2 * 2 * 16 and counters["bank_reads"] == 8 * 2 * 16
