import dataclasses
import math
from types import SimpleNamespace

import pytest

from codesign.accelerator import PRESETS
from codesign.costs import CostTable, Row, graph_digest, layer_keys, network_key, price
from codesign.errors import CodesignError
from codesign.lowering import lower
from codesign.network import Network

CONFIG = PRESETS["tiny"]


def graph(*widths, name="n"):
    layers = [item for w in widths for item in ({"conv": w}, {"shift": "released"})]
    return Network.from_dict({"name": name, "input": [1, 8, 8], "layers": [*layers, "average", {"linear": 10}]}).graph()


def predict(graph, config):
    """The tiling bound, with ten cycles that belong to no layer: a cost model good enough to be priced with."""
    layers = tuple(SimpleNamespace(name=g.name, cycles=(
        math.ceil(len(g.operands) / config.rows) * math.ceil(g.out_channels / config.cols)
        * g.planes * g.in_shape[1] * g.in_shape[2])) for g in lower(graph))
    cycles = 10 + sum(layer.cycles for layer in layers)
    return SimpleNamespace(cycles=cycles, layers=layers, counters={"cycles": cycles})


def measured(key, value, model_value, **changes):
    return Row(**{**dict(key=key, value=value, unit="cycles", method="simulated", model_value=model_value, run_id="r",
                         verilog_digest="v1", counters={"cycles": value}), **changes})


@pytest.fixture
def table(tmp_path):
    with CostTable(tmp_path / "costs.db") as table:
        yield table


def ask(graph, table, **changes):
    return price(graph, CONFIG, **{**dict(predict=predict, board="ulx3s", table=table, verilog_digest="v1"), **changes})


def add_layers(table, graph, factor=1):
    prediction = predict(graph, CONFIG)
    keys = layer_keys(graph, CONFIG, "ulx3s", prediction.layers)
    return table.add([measured(key, factor * layer.cycles, layer.cycles)
                      for key, layer in zip(keys, prediction.layers, strict=True)])


def test_without_rows_the_model_is_the_price(table):
    g = graph(8, 16)
    for answer in (ask(g, table), ask(g, None)):
        assert answer.cycles == answer.model_cycles == predict(g, CONFIG).cycles == sum(p.cycles for p in answer.parts)
        assert {p.source for p in answer.parts} == {"model"} and answer.rows == ()
        assert answer.parts[-1].name == "rest" and answer.parts[-1].cycles == 10


def test_a_networks_row_comes_first_whatever_its_nodes_are_called(table):
    g = graph(8, 16)
    add_layers(table, g)
    [row] = table.add([measured(network_key(g, CONFIG, "ulx3s"), 777, predict(g, CONFIG).cycles)])
    answer = ask(graph(8, 16, name="other"), table)
    assert (answer.cycles, answer.rows, answer.parts[0].source) == (777, (row,), "simulated")
    assert answer.counters == {"cycles": 777} and answer.model_cycles == predict(g, CONFIG).cycles
    assert graph_digest(g) != graph_digest(graph(8, 12))
    assert ask(g, table, board="ultra96").rows == ()
    assert ask(g, table, method="measured").rows == ()


def test_shared_layers_are_priced_from_rows_and_the_rest_from_the_model(table):
    ids = add_layers(table, graph(8, 16), factor=2)
    answer = ask(graph(8, 12), table)
    sources = {p.name: (p.source, p.rows) for p in answer.parts}
    assert sources["conv0"] == ("simulated", (ids[0],))
    assert sources["conv1"] == ("model", ()) and sources["linear"][0] == "model"
    assert answer.cycles == answer.model_cycles + answer.parts[0].model_cycles


def test_stale_rows_are_not_used_unasked(table):
    g = graph(8, 16)
    ids = add_layers(table, g)
    assert ask(g, table, verilog_digest="v2").rows == ()
    assert ask(g, table, verilog_digest=None).rows == ()
    assert ask(g, table, verilog_digest="v2", stale=True).rows == tuple(ids)


def test_missing_keys_are_an_error_unless_interpolation_is_asked_for(table):
    g = graph(8, 16)
    with pytest.raises(CodesignError, match=r"must have a fresh simulated row for layer conv0 \(conv 1x8x8x8, .* tiny"):
        ask(g, table, missing="error")
    with pytest.raises(CodesignError, match="must have a fresh simulated row for layer conv0"):
        ask(g, table, missing="interpolate")  # nothing to interpolate from
    add_layers(table, graph(8, 16), factor=1.5)
    other = graph(20, 16)
    answer = ask(other, table, missing="interpolate")
    assert {p.source for p in answer.parts} >= {"interpolated"}
    rest = 10
    assert answer.cycles - rest == pytest.approx(1.5 * (answer.model_cycles - rest))
    assert all(p.rows for p in answer.parts if p.source == "interpolated")
    with pytest.raises(CodesignError, match="missing must be one of model, error, interpolate, not 'guess'"):
        ask(g, table, missing="guess")
    with pytest.raises(CodesignError, match="must be given a cost table"):
        ask(g, None, missing="error")


def test_another_accelerator_or_memory_is_another_question(table):
    g = graph(8, 16)
    add_layers(table, g)
    for changes in ({"rows": 8}, {"acc_depth": 128}, {"memory": PRESETS["ulx3s"].memory}, {"clock_hz": 1_000_000}):
        other = dataclasses.replace(CONFIG, **changes)
        assert price(g, other, predict=predict, board="ulx3s", table=table, verilog_digest="v1").rows == ()
