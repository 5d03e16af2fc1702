import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.costs import CostTable, price
from codesign.costs.measurement import measure_on, measurement_rows
from codesign.cycles import predict
from codesign.device import RunResult
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.search.measurement import load_measurement, save_measurement, verify

CONFIG = PRESETS["tiny"]
NETWORK = Network.from_dict({"name": "n", "input": [1, 4, 4], "layers": [
    {"conv": 6}, "shift", {"conv": 5}, "average", {"linear": 3}]})
GRAPH = NETWORK.graph()
INTEGER = random_network(GRAPH, 1)
IMAGES = np.random.RandomState(0).randint(0, 256, (5, 1, 4, 4)).astype(np.uint8)


class ModelDevice:
    """The reference's logits in the cost model's time; ``spoil`` adds to a logit."""

    method = "simulated"

    def __init__(self, spoil=0):
        self.spoil = spoil

    def run(self, program, images, progress=None):
        logits = evaluate(INTEGER, images)
        logits[3, 1] += self.spoil
        model = predict(GRAPH, program.config)
        return RunResult(logits, (model.cycles,) * len(images), model.counters,
                         model.layers)


def measured(spoil=0):
    return measure_on(lambda config: ModelDevice(spoil), lambda config: "v1", {"tool": "1"})(
        NETWORK, INTEGER, CONFIG, IMAGES)


def test_right_measurements_pass_and_become_prices(tmp_path):
    measurement, model = measured(), predict(GRAPH, CONFIG)
    verify(measurement, INTEGER, IMAGES, model)
    rows = measurement_rows(measurement, NETWORK, CONFIG, "ulx3s", model, "run")
    assert len(rows) == 1 + len(model.layers) and rows[0].n == len(IMAGES)
    assert all(row.ratio == 1 and row.method == "simulated" and row.verilog_digest == "v1" for row in rows)
    with CostTable(tmp_path / "costs.db") as table:
        ids = table.add(rows)
        answer = price(GRAPH, CONFIG, predict=predict, board="ulx3s", table=table, verilog_digest="v1")
        assert answer.rows == (ids[0],) and answer.cycles == model.cycles and isinstance(answer.cycles, int)
    with CostTable(tmp_path / "layers.db") as table:
        ids = table.add(rows[1:])
        answer = price(GRAPH, CONFIG, predict=predict, board="ulx3s", table=table, verilog_digest="v1")
        assert set(answer.rows) <= set(ids) and answer.cycles == model.cycles
        assert {part.source for part in answer.parts} == {"simulated"}


def test_a_wrong_bit_is_named():
    with pytest.raises(CodesignError, match=r"Logit of image 3, class 1 must be the reference's .* \(1 of 15 logits"):
        measured(spoil=1)
    good = measured()
    logits = good.logits.copy()
    logits[2, 1] += 1
    with pytest.raises(CodesignError, match=f"Logit of image 2, class 1 must be the reference's {good.logits[2, 1]}, "
                                            f"not {logits[2, 1]} "):
        verify(dataclasses.replace(good, logits=logits), INTEGER, IMAGES, predict(GRAPH, CONFIG))


def test_a_wrong_cycle_is_named():
    good, model = measured(), predict(GRAPH, CONFIG)
    name, cycles = good.layers[1]
    slow = dataclasses.replace(good, cycles=(*good.cycles[:-1], model.cycles + 1),
                               layers=(good.layers[0], (name, cycles + 1), *good.layers[2:]))
    with pytest.raises(CodesignError, match=f"Cycles of image 4 must be the model's {model.cycles}, not "
                                            f"{model.cycles + 1}; first at layer {name}: model {cycles}, "
                                            f"run {cycles + 1}"):
        verify(slow, INTEGER, IMAGES, model)
    on_board = dataclasses.replace(slow, method="measured", board_serial="s")
    verify(on_board, INTEGER, IMAGES, model)  # its cycles may differ
    with pytest.raises(CodesignError, match="must have logits of shape"):
        verify(good, INTEGER, IMAGES[:2], model)


def test_measurements_are_kept_whole(tmp_path):
    good = measured()
    save_measurement(tmp_path / "m" / "a", good, {"accuracy": 0.5})
    again, about = load_measurement(tmp_path / "m" / "a")
    assert about == {"accuracy": 0.5} and np.array_equal(again.logits, good.logits)
    for field in dataclasses.fields(good):
        if field.name != "logits":
            assert getattr(again, field.name) == getattr(good, field.name)
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["a"]
    with pytest.raises(CodesignError, match="Measurement .* must be readable"):
        load_measurement(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CodesignError, match="must be writable"):
        save_measurement(tmp_path / "file" / "a", good, {})
