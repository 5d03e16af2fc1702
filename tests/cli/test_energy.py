import json
import re

import pytest

from codesign.accelerator import load_accelerator
from codesign.board import load_board
from codesign.costs import CostKey, CostTable, Row, network_key
from codesign.network import load_network
from codesign.sim.build import rtl_digest

ENERGY = ["energy", "network.yaml", "--random-weights", 3, "--accelerator", "tiny", "--board", "ulx3s"]
METRICS = ["metrics", *ENERGY[1:], "--device", "model", "--allow-missing", "--json"]
COUNTERS = {"cycles": 547, "active_cycles": 400, "read_beats": 200, "write_beats": 3, "bank_reads": 1500,
            "bank_writes": 200, "stream_words": 220}


def test_by_component(codesign):
    values = json.loads(codesign(*ENERGY, "--json", check=True).stdout)
    assert values["method"] == "estimate" and values["fit"] is None and values["layer"] is None
    assert values["total_j"] == pytest.approx(sum(values["components_j"].values()))
    assert values["idle_w"] == pytest.approx(0.25) and values["active_w"] > 0.25
    assert values["active_w"] * values["seconds"] == pytest.approx(values["total_j"])
    assert "W idle, 2" in (text := codesign(*ENERGY, check=True).stdout) and text.endswith("active (estimate)\n")


def test_two_estimates_of_a_layer(codesign):
    result = codesign(*ENERGY, "--layer", "conv1", "--json", check=True)
    layer = json.loads(result.stdout)["layer"]
    assert layer["name"] == "conv1" and layer["image"] == "random" and layer["cycles"] == layer["counters"]["cycles"]
    parts = {part["component"]: part for part in layer["comparison"]}
    assert list(parts) == ["array", "banks", "columns", "control", "total"]
    for part in parts.values():
        assert part["ratio"] == pytest.approx(part["switching_j"] / part["counters_j"])
    assert parts["total"]["switching_j"] == pytest.approx(sum(layer["switched"]["components_j"].values()))
    # Unfitted to one another, they agree on the order of magnitude.
    assert 0.2 < parts["total"]["ratio"] < 5
    text = codesign(*ENERGY, "--layer", "conv1", check=True).stdout
    factor = max(parts["total"]["ratio"], 1 / parts["total"]["ratio"])
    assert f"they disagree by a factor of {factor:.2f} in all; neither is measured" in text


def rows(directory, method, verilog_digest=None):
    """Three runs and an idle row on a board that draws 2 W idle; and a run of the network itself."""
    board, config = load_board("ulx3s"), load_board("ulx3s").place(load_accelerator("tiny"))
    graph = load_network(str(directory / "network.yaml")).graph()
    verilog_digest = verilog_digest or rtl_digest(config)
    given = {"method": method, "run_id": "r", "verilog_digest": verilog_digest, "board_serial": "s1"}
    idle = CostKey.on(config, board.name, operator="board", shape="", quantity="power_idle")
    runs = [Row(key=CostKey.on(config, board.name, operator="network", shape=f"other{n}", quantity="power_active"),
                value=2.0 + 0.01 * n, unit="W", counters={k: v * n for k, v in COUNTERS.items()}, **given)
            for n in (1, 2, 3)]
    exact = Row(key=CostKey(**{**vars(network_key(graph, config, board.name)), "quantity": "power_active"}), value=2.5,
                unit="W", counters=COUNTERS, **given)
    return [Row(key=idle, value=2.0, unit="W", **given), *runs], exact


def test_rows_of_measured_power_replace_the_data_file(codesign, tmp_path):
    codesign("--version")
    few, exact = rows(tmp_path, "measured")
    with CostTable(tmp_path / "costs.db") as table:
        table.add(few)
    values = json.loads(codesign(*ENERGY, "--costs", "costs.db", "--json", check=True).stdout)
    assert values["method"] == values["fit"]["method"] == "fitted" and len(values["fit"]["rows"]) == 3
    assert values["idle_w"] == pytest.approx(2.0, rel=0.05) and values["standard_error_j"] > 0
    text = codesign(*ENERGY, "--costs", "costs.db", check=True).stdout
    assert re.search(r"^fitted: 3 rows of runs, 1 of idle power; ", text, re.M) and "tied to the data file" in text

    def power(*more):
        found = json.loads(codesign(*METRICS, "--costs", "costs.db", *more, check=True).stdout)["metrics"]
        return {m["name"]: (m["value"], m["method"]) for m in found if m["name"].endswith("power")}

    assert power()["idle power"] == (2.0, "measured") and power()["active power"][1] == "fitted"
    with CostTable(tmp_path / "costs.db") as table:
        table.add([exact])
    assert power() == {"idle power": (2.0, "measured"), "active power": (2.5, "measured")}


def test_stale_rows_say_nothing(codesign, tmp_path):
    codesign("--version")
    few, exact = rows(tmp_path, "measured", verilog_digest="another")
    with CostTable(tmp_path / "costs.db") as table:
        table.add([*few, exact])
    result = codesign(*METRICS, "--costs", "costs.db", check=True)
    assert {m["method"] for m in json.loads(result.stdout)["metrics"] if m["name"].endswith("power")} == {"estimate"}
    assert result.stderr == "5 stale rows of power passed over: their Verilog is not today's\n"


def test_synthetic_rows_only_when_asked_and_then_it_says_so(codesign, error_line, tmp_path):
    codesign("--version")
    few, exact = rows(tmp_path, "synthetic")
    with CostTable(tmp_path / "costs.db") as table:
        table.add([*few, exact])
    refused = codesign(*ENERGY, "--costs", "costs.db")
    assert refused.returncode == 1
    assert refused.stderr == "codesign energy: Energy fit must have measured rows of energy or power_active, not none\n"
    values = json.loads(codesign(*ENERGY, "--costs", "costs.db", "--synthetic", "--json", check=True).stdout)
    assert values["method"] == "fitted to synthetic rows"
    metrics = codesign(*METRICS, "--costs", "costs.db", "--synthetic", check=True).stdout
    assert {m["method"] for m in json.loads(metrics)["metrics"] if m["name"].endswith("power")} == {"synthetic"}


def test_what_cannot_be_asked(error_line):
    assert error_line(*ENERGY[:-2]).endswith("Board must be given by --board: energy is that of a part and its memory")
    assert error_line(*ENERGY, "--layer", "conv9").endswith("Layer must be one of conv0, conv1, linear, not 'conv9'")
    assert error_line(*ENERGY, "--synthetic").endswith("Cost table must be given by --costs where --synthetic is")
    assert "Model must have weights" in error_line(*ENERGY[:2], *ENERGY[4:], "--layer", "conv0")
