import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig, Memory
from codesign.cycles import predict, predict_schedule
from codesign.errors import CodesignError
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear, MaxPool
from codesign.network import diracdeltanet
from codesign.registers import COUNTERS
from codesign.schedule import schedule
from tests.random_graphs import CONFIGS, random_graph

ROOMY = [dataclasses.replace(config, bank_depth=1 << 15) for config in CONFIGS]
PARTS = ("active_cycles", "load_cycles", "stall_output_cycles", "stall_fence_cycles", "stall_weights_cycles",
         "stall_control_cycles")


@pytest.fixture(params=ROOMY, ids=lambda c: c.name)
def config(request):
    return request.param


@pytest.mark.parametrize("seed", range(8))
def test_counters_add_up(config, seed):
    """Every cycle has one reason, every layer its part, every word and result its count."""
    plan = schedule(random_graph(np.random.default_rng(seed)), config)
    prediction = predict_schedule(plan)
    counters = prediction.counters
    assert list(counters) == list(COUNTERS)
    assert all(type(value) is int and value >= 0 for value in counters.values())
    assert sum(counters[name] for name in PARTS) == counters["cycles"] == prediction.cycles
    assert sum(layer.cycles for layer in prediction.layers) == prediction.cycles
    assert [layer.name for layer in prediction.layers] == [gemm.name for gemm in plan.gemms]
    assert sum(layer.active for layer in prediction.layers) == counters["active_cycles"] == sum(
        p.beats for p in plan.passes)
    for layer in prediction.layers:
        spent = (layer.active, layer.weights, layer.input, layer.write_back, layer.pipeline)
        assert min(spent) >= 0 and sum(spent) == layer.cycles
    results = sum(gemm.out_channels * gemm.shape[1] * gemm.shape[2] * gemm.out_planes for gemm in plan.gemms[:-1])
    assert counters["bank_writes"] == results
    assert counters["bank_reads"] == sum(p.beats * sum(feed is not None for feed in p.feeds) for p in plan.passes)


@pytest.mark.parametrize("seed", range(4))
def test_a_better_memory_takes_no_longer(config, seed):
    graph = random_graph(np.random.default_rng(seed))

    def cycles(**memory):
        return predict(graph, dataclasses.replace(config, memory=Memory(**memory))).cycles

    rates = [cycles(bytes_per_cycle=rate, latency_cycles=20) for rate in (0.5, 2, 8, 64)]
    assert rates == sorted(rates, reverse=True) and rates[0] > rates[-1]
    waits = [cycles(bytes_per_cycle=8, latency_cycles=latency) for latency in (1, 30, 300)]
    assert waits == sorted(waits) and waits[0] + 290 <= waits[-1]


def test_a_slow_memory_decides():
    """At a tenth of a byte a cycle, a beat of 8 bytes takes 80 cycles."""
    config = dataclasses.replace(PRESETS["tiny"], memory=Memory(bytes_per_cycle=0.1, latency_cycles=1))
    prediction = predict(diracdeltanet(4, resolution=32, classes=4).graph(), config)
    reading = 80 * (prediction.counters["read_beats"] - 1)  # the first one does not wait for another
    assert reading <= prediction.cycles <= reading + 80 * prediction.counters["write_beats"] + 2000


def test_large_maps_are_bound_by_their_beats():
    """With memory out of the way, a layer of one tile and one group takes its pixels and little more."""
    builder = GraphBuilder((1, 64, 64))
    builder.add("a", Conv(out_channels=4), 0)
    builder.add("b", Conv(out_channels=4), 1)
    builder.add("pool", MaxPool(), 2)
    builder.add("average", GlobalAverage(), 3)
    builder.add("linear", Linear(out_channels=3), 4)
    config = dataclasses.replace(PRESETS["tiny"], bank_depth=1 << 13,
                                 memory=Memory(bytes_per_cycle=1024, latency_cycles=1))
    layers = {layer.name: layer for layer in predict(builder.graph(), config).layers}
    assert abs(layers["b"].active - 4096) <= 1 and layers["b"].cycles <= 4096 + 30


def test_columns_that_share_a_bank_write_in_turn():
    """9 columns on 4 banks: a layer whose sums all go to the banks takes three cycles a pixel."""
    builder = GraphBuilder((1, 32, 32))
    builder.add("a", Conv(out_channels=4), 0)
    builder.add("b", Conv(out_channels=9), 1)
    builder.add("pool", MaxPool(), 2)
    builder.add("average", GlobalAverage(), 3)
    builder.add("linear", Linear(out_channels=3), 4)
    config = AcceleratorConfig(rows=4, cols=9, bank_depth=4096, acc_depth=16, bus_bits=64,
                               memory=Memory(bytes_per_cycle=1024, latency_cycles=1))
    layers = {layer.name: layer for layer in predict(builder.graph(), config).layers}
    assert abs(layers["b"].active - 1024) <= 1 and 3 * 1024 <= layers["b"].cycles <= 3 * 1024 + 50


def test_what_cannot_run_has_no_price():
    small = dataclasses.replace(PRESETS["tiny"], bank_depth=64)
    with pytest.raises(CodesignError, match=r"^Accelerator bank_depth must be at least \d+ words "):
        predict(diracdeltanet(8, resolution=64, classes=4).graph(), small)
