import json

import pytest

from codesign.accelerator import PRESETS
from codesign.boards.host_board import HostBoard
from codesign.costs import CostTable

WORDS = ("network.yaml", "--random-weights", 0, "--accelerator", "tiny")


@pytest.fixture(scope="module")
def board():
    with HostBoard(PRESETS["tiny"]) as board:
        yield board


def test_devices_agree(codesign, board):
    """The same bits on all of them, the same cycles on those that have any."""
    found = {}
    for device, *more in (["reference"], ["verilator"], ["host"], ["serial", "--port", board.port, "--baud", 4000000]):
        found[device] = json.loads(codesign("run", *WORDS, "--device", device, *more, "--images", 3, "--json",
                                            check=True).stdout)
    assert all(v["bit_exact"] and v["images"] == 3 for v in found.values())
    assert found["reference"]["cycles"] == [] and found["reference"]["method"] == "model"
    assert found["verilator"]["cycles"] == [found["verilator"]["model_cycles"]] * 3
    for device in ("host", "serial"):
        assert found[device]["cycles"] == found["verilator"]["cycles"]
        assert found[device]["layers"] == found["verilator"]["layers"]
        assert found[device]["counters"] == found["verilator"]["counters"]
        assert found[device]["transfer_s"] > 0 and found[device]["compute_s"] > 0
        assert found[device]["board"]["board"] == "host"
    assert found["host"]["method"] == found["serial"]["method"] == "simulated"  # no board is there


def test_text(codesign):
    text = codesign("run", *WORDS, "--device", "host", "--images", 1, check=True).stdout
    assert "small on tiny, host (host, firmware " in text and "1 image: logits equal the reference bit for bit" in text
    assert "s while the accelerator ran" in text
    assert "power, synthetic: " in text and "uJ an image (rails " in text  # the sensors are a model's


def test_rows_for_the_cost_table(codesign, board, tmp_path):
    """Of cycles, and of power: synthetic, by rails' names; energy can then be fitted to them."""
    words = ("network.yaml", "--random-weights", 0, "--accelerator", "tiny", "--board", "ulx3s")
    found = json.loads(codesign("run", *words, "--device", "host", "--images", 3, "--power-samples", 20, "--costs",
                                "t.db", "--json", check=True).stdout)
    with CostTable(tmp_path / "t.db", read_only=True) as table:
        rows = {row.key.quantity: row for row in table.rows() if row.key.operator == "network"}
        assert len(table.questions()) == 1
    assert (rows["cycles"].method, rows["cycles"].value) == ("simulated", found["cycles"][0])
    for quantity, name in (("power_idle", "idle_w"), ("power_active", "active_w"), ("energy", "energy_j")):
        row = rows[quantity]
        assert (row.method, row.value, row.n) == ("synthetic", found["power"][name]["value"], 20)
        assert row.rails.keys() == set(found["power"]["rails"]) == {"CORE", "MEMORY"}
        assert sum(row.rails.values()) == pytest.approx(row.value)
    shown = codesign("costs", "show", "t.db", check=True).stdout
    assert f"{found['power']['energy_j']['value'] * 1e6:,.2f}" in shown and "power_active  synthetic" in shown
    fitted = json.loads(codesign("energy", *words, "--costs", "t.db", "--synthetic", "--json", check=True).stdout)
    assert fitted["method"] == "fitted to synthetic rows"
    assert fitted["idle_w"] == pytest.approx(found["power"]["idle_w"]["value"], rel=0.02)
    assert fitted["active_w"] == pytest.approx(found["power"]["active_w"]["value"], rel=0.05)


def test_no_power_is_asked_for(codesign, board):
    found = json.loads(codesign("run", *WORDS, "--device", "host", "--images", 1, "--power-samples", 0, "--json",
                                check=True).stdout)
    assert found["power"] is None and found["bit_exact"]


@pytest.mark.parametrize("words", [["--device", "host"], ["--device", "reference", "--board", "ulx3s"]])
def test_rows_need_a_board_and_cycles(codesign, tmp_path, words):
    result = codesign("run", *WORDS, *words, "--costs", "t.db")
    assert result.returncode == 1 and "Cost rows must be of a board, given by --board" in result.stderr
    assert not (tmp_path / "t.db").exists()


def test_recorded_and_replayed(codesign, board, tmp_path):
    """A session at a serial port, and again where there is none."""
    words = (*WORDS, "--images", 2, "--json")
    first = json.loads(codesign("run", *words, "--device", "serial", "--port", board.port, "--record", "session.jsonl",
                                check=True).stdout)
    again = json.loads(codesign("run", *words, "--device", "replay", "--port", "session.jsonl", check=True).stdout)
    different = {"device", "transfer_s"}
    assert {k: v for k, v in again.items() if k not in different} == {
        k: v for k, v in first.items() if k not in different} and again["device"] == "replay"
    result = codesign("run", *WORDS, "--images", 3, "--device", "replay", "--port", "session.jsonl")
    assert result.returncode == 1 and "session.jsonl' must be asked what was recorded" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("words, rule", [
    (["--device", "serial"], "Device serial must have a port: --port /dev/ttyUSB1, say"),
    (["--device", "serial", "--port", "/dev/ttyNONE"], "Serial port must be one that can be opened"),
    (["--device", "fpga"], "Device must be one of reference, verilator, host, virtual, serial, replay, not 'fpga'"),
    (["--device", "replay", "--board", "ulx3s", "--costs", "t.db"], "Cost rows must be of a run, not of device replay"),
    (["--port", "/dev/ttyUSB1"], "Device verilator must have no port")])
def test_bad_input(codesign, words, rule):
    result = codesign("run", *WORDS, *words)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1 and rule in result.stderr


def test_another_accelerator_on_the_board(codesign, board, tmp_path):
    (tmp_path / "other.yaml").write_text("preset: tiny\nacc_depth: 128\n")
    result = codesign("run", "network.yaml", "--random-weights", 0, "--accelerator", "other.yaml", "--device", "serial",
                      "--port", board.port)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert f"not {PRESETS['tiny'].digest()[:16]}" in result.stderr
