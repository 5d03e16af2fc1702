import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.costs import CostTable, Evidence, Row, graph_digest, layer_keys, network_key, price
from codesign.costs import evidence as evidence_module
from codesign.cycles import predict as real_predict
from codesign.errors import CodesignError
from codesign.lowering import lower
from codesign.network import Network

from . import boards

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
    assert ask(g, table, board="ultra96v2").rows == ()
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


def board_rows(table, *networks, **changes):
    """Stored rows of synthetic boards' runs, with their ids."""
    found = boards.rows(*networks, **changes)
    return [dataclasses.replace(row, id=id) for row, id in zip(found, table.add(found), strict=True)]


def ask_board(network, table, **changes):
    return price(network.graph(), boards.CONFIG, **{**dict(
        predict=real_predict, board=boards.BOARD, table=table, verilog_digest="v1", method="synthetic"), **changes})


def test_a_boards_rows_correct_the_model_of_another_network(table):
    stored = board_rows(table, *boards.NETWORKS, runs=2)
    answer = ask_board(boards.NEW, table)
    truth = boards.rows(boards.NEW, seed=9)[0].value
    assert answer.interval.low < truth < answer.interval.high and answer.interval.level == 0.9
    assert abs(answer.cycles / truth - 1) < 0.05 < abs(answer.model_cycles / truth - 1)
    assert answer.cycles == pytest.approx(answer.interval.value)
    assert answer.cycles == sum(part.cycles for part in answer.parts)
    assert answer.method == "synthetic" and set(answer.mix) == {"model corrected by synthetic"}
    assert answer.mix["model corrected by synthetic"] == pytest.approx(answer.cycles)
    assert answer.parts[-1].name == "overhead" and answer.parts[-1].model_cycles == 0
    assert set(answer.rows) == {row.id for row in stored}
    assert answer.counters == real_predict(boards.NEW.graph(), boards.CONFIG).counters
    values = answer.to_dict()
    assert (values["low"], values["high"], values["level"]) == (answer.interval.low, answer.interval.high, 0.9)
    assert json.loads(json.dumps(values)) == values


def test_runs_of_the_network_itself_come_first(table):
    stored = [row for row in board_rows(table, *boards.NETWORKS, runs=5) if row.key.operator == "network"][:5]
    answer = ask_board(boards.NETWORKS[0], table)
    assert answer.rows == tuple(row.id for row in stored) and answer.mix == {"synthetic": answer.cycles}
    assert answer.cycles == np.median([row.value for row in stored])
    assert answer.interval.low < answer.cycles < answer.interval.high


def test_a_class_without_rows_is_the_models_and_says_so(table):
    found = boards.rows(*boards.NETWORKS)
    table.add([row for row in found if row.key.operator != "linear"])
    answer = ask_board(boards.NEW, table)
    sources = {part.name: (part.source, part.rows) for part in answer.parts}
    assert sources["linear"] == ("model", ()) and sources["conv0"][0] == "model corrected by synthetic"
    assert set(answer.mix) == {"model", "model corrected by synthetic"}


def test_a_board_without_whole_runs_answers_layer_by_layer(table):
    layers = [row for row in boards.rows(*boards.NETWORKS) if row.key.operator != "network"]
    table.add(layers)
    answer = ask_board(boards.NETWORKS[0], table)
    assert set(answer.mix) == {"synthetic"} and answer.interval is None
    assert ask_board(boards.NEW, table, missing="interpolate").mix["interpolated"] > 0


def test_errors_for_missing_rows_mean_no_correction(table):
    board_rows(table, *boards.NETWORKS)
    with pytest.raises(CodesignError, match="must have a fresh synthetic row for layer conv0"):
        ask_board(boards.NEW, table, missing="error")


def test_methods_are_never_mixed(table):
    slow = dataclasses.replace(boards.TRUTH, ratios=dict.fromkeys(boards.TRUTH.ratios, 2.0))
    synthetic = board_rows(table, *boards.NETWORKS)
    measured = board_rows(table, *boards.NETWORKS, method="measured", board=slow, seed=1)
    simulated = board_rows(table, *boards.NETWORKS, method="simulated", board=boards.EXACT, seed=2)
    prices = {}
    for method, stored in (("synthetic", synthetic), ("measured", measured), ("simulated", simulated)):
        prices[method] = ask_board(boards.NEW, table, method=method)
        assert set(prices[method].rows) <= {row.id for row in stored}
    assert prices["measured"].cycles > 1.3 * prices["synthetic"].cycles > prices["simulated"].cycles
    assert prices["simulated"].cycles == prices["simulated"].model_cycles and prices["simulated"].interval is None
    assert ask_board(boards.NEW, table, method=None) == prices["measured"]  # unasked: a real board's, never synthetic
    model = ask_board(boards.NEW, table, method="model")
    assert model.rows == () and set(model.mix) == {"model"} and model.method == "model" and model.interval is None
    with pytest.raises(CodesignError, match="method must be one of model, simulated, measured, synthetic, not 'best'"):
        ask_board(boards.NEW, table, method="best")


def test_without_a_boards_rows_the_price_is_the_models_and_says_so(table):
    board_rows(table, *boards.NETWORKS)
    answer = ask_board(boards.NEW, table, method=None)  # synthetic rows are not used unasked
    assert (answer.method, answer.interval, answer.rows, answer.cycles) == ("model", None, (), answer.model_cycles)
    assert answer.to_dict()["low"] is None


def test_stale_board_rows_are_counted_and_not_used_unasked(table):
    stored = board_rows(table, *boards.NETWORKS)
    answer = ask_board(boards.NEW, table, verilog_digest="v2")
    assert (answer.method, answer.rows, answer.stale_rows) == ("model", (), len(stored))
    asked = ask_board(boards.NEW, table, verilog_digest="v2", stale=True)
    assert len(asked.rows) == len(stored) and asked.stale_rows == 0
    fresh = board_rows(table, *boards.NETWORKS[:2], verilog="v2", seed=1)
    for stale in (False, True):
        answer = ask_board(boards.NEW, table, verilog_digest="v2", stale=stale)
        assert set(answer.rows) == {row.id for row in fresh} and answer.stale_rows == len(stored)


def test_another_boards_rows_correct_nothing(table):
    board_rows(table, *boards.NETWORKS)
    assert ask_board(boards.NEW, table, board="ultra96v2").rows == ()


WIDER = dataclasses.replace(boards.CONFIG, acc_depth=128)  # on the same board; rows of it are of Verilog v1, too


def test_rows_of_other_accelerators_correct_where_there_are_none(table):
    stored = board_rows(table, *boards.NETWORKS, runs=2, config=WIDER)
    answer = ask_board(boards.NEW, table, others={WIDER.digest(): "v1"})
    truth = boards.rows(boards.NEW, seed=9)[0].value
    assert answer.interval.low < truth < answer.interval.high and abs(answer.cycles / truth - 1) < 0.05
    assert set(answer.mix) == {"model corrected by synthetic of other accelerators"} and answer.method == "synthetic"
    assert set(answer.rows) == {row.id for row in stored} and answer.stale_rows == 0
    board_rows(table, *boards.NETWORKS[:3], runs=2, seed=1)
    both = ask_board(boards.NEW, table, others={WIDER.digest(): "v1"})
    assert set(both.mix) == {"model corrected by synthetic"} and len(both.rows) > len(stored)
    assert both.interval.high / both.interval.low < answer.interval.high / answer.interval.low


@pytest.mark.parametrize("changes", [{"others": {}}, {"others": {WIDER.digest(): "v2"}}, {"board": "ultra96v2"},
                                     {"missing": "error"}, {"method": "simulated"}, {"method": None}])
def test_rows_of_other_accelerators_that_say_nothing(table, changes):
    """Of unknown or other Verilog, on another board, of a method that is not asked for."""
    board_rows(table, *boards.NETWORKS, config=WIDER)
    words = {"others": {WIDER.digest(): "v1"}, **changes}
    if changes.get("missing"):
        with pytest.raises(CodesignError, match="must have a fresh synthetic row"):
            ask_board(boards.NEW, table, **words)
    else:
        answer = ask_board(boards.NEW, table, **words)
        assert (answer.method, answer.rows, answer.interval) == ("model", (), None)


def test_another_clock_or_memory_is_another_place(table):
    for changes in ({"clock_hz": 1_000_000}, {"memory": PRESETS["ulx3s"].memory}):
        board_rows(table, *boards.NETWORKS, config=dataclasses.replace(WIDER, **changes))
    assert ask_board(boards.NEW, table, others={WIDER.digest(): "v1"}).rows == ()


def test_stale_rows_of_ones_own_are_used_beside_fresh_ones_of_others_only_if_asked(table):
    fresh = board_rows(table, *boards.NETWORKS, config=WIDER)
    stale = board_rows(table, *boards.NETWORKS, verilog="v0", seed=1)
    others = {WIDER.digest(): "v1"}
    answer = ask_board(boards.NEW, table, others=others)
    assert set(answer.rows) == {row.id for row in fresh} and answer.stale_rows == len(stale)
    asked = ask_board(boards.NEW, table, others=others, stale=True)
    assert set(asked.rows) == {row.id for row in (*fresh, *stale)} and asked.stale_rows == 0


def test_one_evidence_for_many_prices(table, monkeypatch):
    """Rows are read and fitted once, until there are more of them; and prices are those of each for itself."""
    board_rows(table, *boards.NETWORKS, config=WIDER)
    asked, fits = [], []
    fit_pool = evidence_module.fit_pool
    monkeypatch.setattr(evidence_module, "fit_pool", lambda runs: fits.append(len(runs)) or fit_pool(runs))
    evidence = Evidence(table, boards.BOARD, lambda digest: asked.append(digest) or "v1")

    def prices():
        return [price(boards.NEW.graph(), config, predict=real_predict, board=boards.BOARD, evidence=evidence,
                      method="synthetic") for config in (boards.CONFIG, WIDER, boards.CONFIG)]
    first = prices()
    assert fits == [1] and first[0] == first[2] == ask_board(boards.NEW, table, others={WIDER.digest(): "v1"})
    assert set(first[1].mix) == {"model corrected by synthetic"}
    board_rows(table, *boards.NETWORKS[:2], seed=1)
    fits.clear()
    second = prices()
    assert fits == [2] and set(second[0].mix) == {"model corrected by synthetic"} and len(second[1].rows) > len(
        first[1].rows)
    assert prices() == second and fits == [2]


def test_power_rows_are_no_cycles(table):
    stored = board_rows(table, *boards.NETWORKS)
    before = ask_board(boards.NEW, table)
    table.add([dataclasses.replace(row, key=dataclasses.replace(row.key, quantity="energy"), unit="J", id=None)
               for row in stored if row.key.operator == "network"])
    assert ask_board(boards.NEW, table) == before


def test_bits_are_part_of_the_question():
    """Of a layer its own, of a network all that it has."""
    graph = Network.from_dict({"name": "mixed", "input": [1, 8, 8], "layers": [
        {"conv": {"out": 8, "weight_bits": 8, "activation_bits": 8}}, {"conv": 8}, "average",
        {"linear": {"out": 4, "weight_bits": 8}}]}).graph()
    config = PRESETS["tiny"]
    keys = layer_keys(graph, config, "ulx3s", predict(graph, config).layers)
    assert [key.bits for key in keys] == ["w8a8p8", "w4a4p8", "w8a4p8"]
    assert network_key(graph, config, "ulx3s").bits == "w4/8a4/8p8"
