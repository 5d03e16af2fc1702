import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.cycles import predict_schedule
from codesign.energy import COUNTERS
from codesign.errors import CodesignError
from codesign.isa import Isa
from codesign.layer_counters import layer_counters, layers_counters
from codesign.schedule import Pass, Schedule, schedule
from tests.random_graphs import random_config, random_graph


def _random_plan(seed: int) -> Schedule:
    rng = np.random.default_rng(seed)
    while True:
        config, graph = random_config(rng), random_graph(rng)
        try:
            return schedule(graph, config)
        except CodesignError:  # it does not fit
            continue


@pytest.mark.parametrize("seed", range(8))
def test_layers_add_up_to_the_whole(seed):
    plan = _random_plan(seed)
    whole = predict_schedule(plan)
    assert tuple(cycles for cycles, _ in layers_counters(plan)) == whole.layers
    layers = [counters for _, counters in layers_counters(plan)]
    assert set(layers[0]) == set(COUNTERS)
    for name in COUNTERS:
        assert sum(layer[name] for layer in layers) == whole.counters[name], name
    assert all(layer["active_cycles"] > 0 and layer["stream_words"] > 0 for layer in layers)


@pytest.mark.parametrize("seed", range(8))
def test_a_layer_has_what_a_run_that_ends_after_it_has_more(seed):
    """Its words and accesses, that is: not the time that it waits for."""
    plan = _random_plan(seed)
    ending = 1 + Isa(plan.config).instruction_words // plan.config.words_per_beat  # beats
    for index in range(len(plan.visit_names)):
        layer, before, after = layer_counters(plan, index), _of_first(plan, index), _of_first(plan, index + 1)
        for name in ("bank_reads", "bank_writes", "stream_words", "write_beats"):
            assert layer[name] == after[name] - before[name], name
        assert abs(layer["read_beats"] - (after["read_beats"] - before["read_beats"])) <= ending


def _of_first(plan: Schedule, visits: int) -> dict[str, int]:
    """Counters of a run of ``plan`` that ends after as many ``visits``; without the words that say so, unless it is the
    whole."""
    if visits == 0:
        return dict.fromkeys(COUNTERS, 0)
    end = next((i for i, step in enumerate(plan.steps) if isinstance(step, Pass) and step.visit >= visits), None)
    counters = predict_schedule(
        dataclasses.replace(plan, steps=plan.steps[:end], visits=plan.visits[:visits])).counters
    words = 0 if end is None else Isa(plan.config).instruction_words
    return {**counters, "stream_words": counters["stream_words"] - words}


def test_reads_follow_from_the_shape():
    """A 1x1 convolution of 8 channels to 8 over 16 pixels on a 4x4 array: two tiles of columns, two groups of rows."""
    from codesign.network import Network

    graph = Network.from_dict({"name": "n", "input": [1, 4, 4], "layers": [
        {"conv": 8}, {"conv": 8}, "average", {"linear": 4}]}).graph()
    counters = layer_counters(schedule(graph, PRESETS["tiny"]), 1)
    assert counters["active_cycles"] == 2 * 2 * 16 and counters["bank_reads"] == 8 * 2 * 16
