"""C++ against Python's cost model, which equals the RTL: every counter, every layer, no tolerance."""

import dataclasses
import subprocess
from importlib import resources

import numpy as np
import pytest

import codesign.schedule
from codesign.accelerator import PRESETS, Memory
from codesign.batch import BatchModel, BatchPredict, library
from codesign.batch.layout import fields_header
from codesign.cycles import predict, predict_schedule
from codesign.errors import CodesignError
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear
from codesign.network import diracdeltanet
from codesign.registers import COUNTERS
from codesign.schedule import schedule
from tests.random_graphs import CONFIGS, MEMORIES, random_config, random_graph


def varied(rng):
    """A random accelerator that nobody has to build."""
    config = random_config(rng)
    rows, cols = (int(n) for n in rng.integers(4, 22, 2))
    return dataclasses.replace(
        config, rows=rows, cols=cols, wide_rows=int(rng.choice([0, min(rows, 4)])), weight_rows=1,
        acc_depth=int(rng.choice([4, 32, 256])), burst_beats=int(rng.choice([2, 8])),
        bus_bits=int(rng.choice([128, 512])), fifo_bursts=int(rng.choice([2, 4, 16])),
        memory=MEMORIES[rng.integers(len(MEMORIES))])


def check(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(codesign.schedule, "PIECE_WORDS", int(rng.choice([3, 64])))
    graph = random_graph(rng)
    configs = [random_config(rng), *(varied(rng) for _ in range(3))]
    for config, prediction in zip(configs, BatchModel(configs).predictions(graph), strict=True):
        try:
            plan = schedule(graph, config)
        except CodesignError:
            assert prediction is None
            continue
        if len(plan.visits) > len(plan.gemms):
            assert prediction is None  # it takes bands
        else:
            assert prediction == predict_schedule(plan)


@pytest.mark.parametrize("seed", range(60))
def test_random_pairs(seed, monkeypatch):
    check(seed, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 3000))
def test_more_random_pairs(seed, monkeypatch):
    check(seed, monkeypatch)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda c: c.name)
def test_presets(preset):
    graph = diracdeltanet(32, resolution=32, classes=10).graph()
    slow = dataclasses.replace(preset, memory=Memory(bytes_per_cycle=1.3, latency_cycles=70))
    assert BatchModel([preset, slow]).predictions(graph) == [predict(graph, preset), predict(graph, slow)]


def test_order_does_not_matter():
    """Configurations that share stages, in any order, and twice."""
    rng = np.random.default_rng(0)
    graph = random_graph(rng)
    configs = [dataclasses.replace(CONFIGS[i % 3], memory=MEMORIES[i % 5], acc_depth=(4, 64)[i % 2]) for i in range(30)]
    batch = BatchModel(configs).price(graph)
    assert batch.fits.all() and len(set(batch.cycles.tolist())) > 10
    for index in rng.permutation(30):
        np.testing.assert_array_equal(BatchModel([configs[index]]).price(graph).counters[0], batch.counters[index])


def test_bands_are_priced_by_python_if_asked_for():
    graph = diracdeltanet(8, resolution=64, classes=10).graph()
    shallow = dataclasses.replace(PRESETS["ulx3s"], bank_depth=2048)
    tiny = dataclasses.replace(PRESETS["tiny"], bank_depth=64)
    model = BatchModel([shallow, PRESETS["ulx3s"], tiny])
    batch = model.price(graph)
    assert batch.fits.tolist() == [True, True, False]
    assert batch.cycles.tolist() == [predict(graph, shallow).cycles, predict(graph, PRESETS["ulx3s"]).cycles, 0]
    at_once = model.price(graph, bands=False)
    assert at_once.fits.tolist() == [False, True, False]
    np.testing.assert_array_equal(at_once.counters[1], batch.counters[1])


def test_without_a_compiler_python_prices(monkeypatch):
    graph = random_graph(np.random.default_rng(3))
    with_one = BatchModel(CONFIGS).price(graph)
    monkeypatch.setattr(library, "find_compiler", lambda: None)
    library.load_library.cache_clear()
    try:
        without = BatchModel(CONFIGS).price(graph)
        large = diracdeltanet(8, resolution=64, classes=10).graph()
        shallow = dataclasses.replace(PRESETS["ulx3s"], bank_depth=2048)
        at_once = BatchModel([shallow, PRESETS["ulx3s"]]).price(large, bands=False)
        assert at_once.fits.tolist() == [False, True]
        assert at_once.cycles[1] == predict(large, PRESETS["ulx3s"]).cycles
    finally:
        library.load_library.cache_clear()
    np.testing.assert_array_equal(without.counters, with_one.counters)


def test_no_accelerators():
    assert BatchModel([]).price(random_graph(np.random.default_rng(0))).counters.shape == (0, len(COUNTERS))


def test_a_map_that_no_accelerator_can_address():
    with pytest.raises(CodesignError, match="map must be at most 1023 pixels wide and high, not 1024x4"):
        b = GraphBuilder((1, 1024, 4))
        b.add("average", GlobalAverage(), b.add("conv", Conv(out_channels=4), 0))
        b.add("linear", Linear(out_channels=3), 2)
        BatchModel(CONFIGS).price(b.graph())


def test_a_compiler_that_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path))
    monkeypatch.setattr(library, "fields_header", lambda: "#error no\n")
    library.load_library.cache_clear()
    try:
        with pytest.raises(CodesignError, match="must compile the cost model, not fail: .*error.* no"):
            library.load_library()
    finally:
        library.load_library.cache_clear()
    assert list((tmp_path / "cost-models").iterdir()) == []


def test_compiles_without_a_warning(tmp_path):
    for file in resources.files("codesign.batch").iterdir():
        if file.name.endswith("pp"):
            (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "fields.hpp").write_text(fields_header())
    result = subprocess.run([library.find_compiler(), "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                             "-fsyntax-only", "predict.cpp"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_one_after_another():
    graphs = [random_graph(np.random.default_rng(seed)) for seed in (1, 2)]
    ask = BatchPredict(CONFIGS[:3])
    for graph in (*graphs, graphs[0]):
        for config in (*CONFIGS[:3], dataclasses.replace(CONFIGS[3], name="another")):
            assert ask(graph, config) == predict(graph, config)
    with pytest.raises(CodesignError, match="bank_depth must be"):
        tiny = dataclasses.replace(CONFIGS[0], bank_depth=64)
        BatchPredict([tiny])(diracdeltanet(8, resolution=64, classes=10).graph(), tiny)
