"""The published formats, read by small readers written to their descriptions (see codesign/costs/lookup.py)."""

import dataclasses
import json
from statistics import median

import pytest
import yaml

from codesign.accelerator import PRESETS
from codesign.costs import CostTable, Question
from codesign.costs.build import Target, build
from codesign.costs.lookup import layer_costs, one_source, to_fbnet, to_ofa
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.lowering import lower
from codesign.network import Network
from tests.codesign.costs.model_device import ModelDevice

CONFIG = dataclasses.replace(PRESETS["tiny"], bank_depth=2048)  # too shallow for the whole map: it runs in bands
TARGET = Target(open_device=ModelDevice, method="simulated", verilog_digest="v1")
NETWORK = Network.from_dict({"name": "n", "input": [3, 48, 48], "layers": [
    {"conv": 8}, {"pool": {"padding": 0}}, "shift", {"conv": 8}, {"pool": {"padding": 1}}, {"conv": 8}, {"conv": 8},
    {"conv": {"out": 8, "kernel": 3, "weight_bits": 8}}, {"pool": {"padding": 0}}, {"conv": 12}, "average",
    {"linear": 10}]})
QUESTION = Question(network=NETWORK, accelerator=CONFIG, board="ulx3s")
PREDICTION = predict(NETWORK.graph(), CONFIG)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(rows of layers' cycles, questions)"""
    with CostTable(tmp_path_factory.mktemp("lookup") / "costs.db") as table:
        list(build(table, [QUESTION], TARGET))
        return [row for row in table.rows() if row.key.operator != "network"], table.questions()


def cycles(*names):
    """Of the layers of these names, all bands."""
    return [sum(layer.cycles for layer in PREDICTION.layers if layer.name.partition("[")[0] == name) for name in names]


class OfaReader:
    """What a latency estimator of ProxylessNAS or Once-for-All does with the file."""

    def __init__(self, text):
        self.lut = yaml.safe_load(text)

    def query(self, layer_type, input_shape, output_shape):
        shapes = [f"{name}:{'x'.join(map(str, shape))}" for name, shape in (
            ("input", input_shape), ("output", output_shape))]
        return self.lut["-".join([layer_type, *shapes])]["mean"]


class FbnetReader:
    """What the runtime table of FBNet does with the file: known keys only, a match on five, the mean of medians."""

    MATCH = ("op_type", "input_shapes", "input_dtypes", "device", "op_args")
    KEYS = {*MATCH, *(f"runtime_us_p{q}" for q in (0, 10, 50, 90, 100))}

    def __init__(self, text):
        self.ops = [json.loads(line) for line in text.splitlines()]
        assert all(set(op) == self.KEYS for op in self.ops)

    def query(self, **wanted):
        found = [op["runtime_us_p50"] for op in self.ops if all(op[key] == wanted[key] for key in self.MATCH)]
        return sum(found) / len(found) if found else None


def test_the_network_runs_in_bands():
    assert any("[" in layer.name for layer in PREDICTION.layers)


def test_ofa_readers_find_every_layer(built):
    rows, questions = built
    reader = OfaReader(to_ofa(layer_costs(rows, questions), one_source(rows)))

    def ms(*names):
        return pytest.approx(sum(cycles(*names)) / len(names) / CONFIG.clock_hz * 1e3)

    assert reader.query("Conv", [48, 48, 3], [24, 24, 8]) == ms("conv0")
    assert reader.query("Conv", [24, 24, 8], [13, 13, 8]) == ms("conv1")
    assert reader.query("Conv", [13, 13, 8], [13, 13, 8]) == ms("conv2", "conv3")  # equal ones: their mean
    assert reader.query("Conv3x3_w8", [13, 13, 8], [6, 6, 8]) == ms("conv4")
    assert reader.query("Conv", [6, 6, 8], [1, 1, 12]) == ms("conv5")
    assert reader.query("Logits", [1, 1, 12], [10]) == ms("linear")
    total = sum(entry["mean"] * entry["count"] for entry in reader.lut.values())
    assert total == pytest.approx(PREDICTION.cycles / CONFIG.clock_hz * 1e3)


def test_ofa_says_where_it_is_from(built):
    rows, questions = built
    head = to_ofa(layer_costs(rows, questions), one_source(rows)).split("\nConv")[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    said = {"method: simulated", "board: ulx3s", "verilog_digest: v1", f"accelerator: {CONFIG.digest()}"}
    assert said <= {line.removeprefix("# ") for line in head}


def test_fbnet_readers_find_every_layer(built):
    rows, questions = built
    reader = FbnetReader(to_fbnet(layer_costs(rows, questions), "board-1"))

    def us(op_type, shapes, **arguments):
        texts = [f'name: "{name}"\ni: {value}\n' for name, value in sorted(arguments.items())]
        return reader.query(op_type=op_type, input_shapes=shapes, input_dtypes=[6, 7, 2], device="board-1",
                            op_args=texts)

    def conv(h, w, k, m, kernel=1, bits=4, **more):
        return us(f"Int{bits}ConvRelu", [[1, h, w, k], [m, kernel, kernel, k], [m]], kernel=kernel, activation_bits=4,
                  **more)

    def expected(*names):
        return pytest.approx(median(cycles(*names)) / CONFIG.clock_hz * 1e6)

    assert conv(48, 48, 3, 8, pool_padding=0) == expected("conv0")
    assert conv(24, 24, 8, 8, pool_padding=1) == expected("conv1")
    assert conv(13, 13, 8, 8) == expected("conv2", "conv3")
    assert conv(13, 13, 8, 8, kernel=3, bits=8, pool_padding=0) == expected("conv4")
    assert conv(6, 6, 8, 12, average=1) == expected("conv5")
    assert us("Int4FC", [[1, 12], [10, 12], [10]]) == expected("linear")
    assert conv(13, 13, 8, 8, kernel=5) is None and len(reader.ops) == 6
    twice = next(op for op in reader.ops
                 if op["input_shapes"][0] == [1, 13, 13, 8] and "pool" not in str(op["op_args"]))
    assert (twice["runtime_us_p0"], twice["runtime_us_p100"]) == tuple(
        pytest.approx(c / CONFIG.clock_hz * 1e6) for c in sorted(cycles("conv2", "conv3")))


def test_layers_without_all_their_rows_are_left_out(built):
    rows, questions = built
    names = [layer.name for layer in PREDICTION.layers]
    assert [row.value for row in rows] == [layer.cycles for layer in PREDICTION.layers]
    banded = next(i for i, name in enumerate(names) if "[" in name)
    kept = [row for row in rows if row.key != rows[banded].key]
    whole = layer_costs(rows, questions)
    assert len(whole) == len(lower(NETWORK.graph())) and sum(c.cycles for c in whole) == PREDICTION.cycles
    assert 0 < len(layer_costs(kept, questions)) < len(whole)


def test_a_run_must_be_known(built):
    rows, _ = built
    with pytest.raises(CodesignError, match=r"Row \d+ must be of a run whose network the table knows, not of "):
        layer_costs(rows, {})


@pytest.mark.parametrize(("change", "message"), [
    ({"method": "model"}, r"of one method, not simulated, model \(--method picks one\)"),
    ({"verilog_digest": "v2"}, r"of one verilog_digest, not v1, v2 \(--verilog picks one\)"),
    ({"accelerator": "a" * 64}, r"of one accelerator, not [0-9a-f]+, a+ \(--accelerator picks one\)"),
    ({"board": "ultra96v2"}, r"of one board, not ulx3s, ultra96v2 \(--board picks one\)"),
    ({"memory": "slow"}, r"of one memory, not .*, slow$"),
])
def test_sources_are_never_mixed(built, change, message):
    rows, _ = built
    row = rows[0]
    other = dataclasses.replace(row, **change) if set(change) <= {"method", "verilog_digest"} else dataclasses.replace(
        row, key=dataclasses.replace(row.key, **change))
    assert one_source(rows)["method"] == "simulated"
    with pytest.raises(CodesignError, match=f"Lookup table must be {message}"):
        one_source([*rows, other])
    with pytest.raises(CodesignError, match="Lookup table must have at least one row"):
        one_source([])
