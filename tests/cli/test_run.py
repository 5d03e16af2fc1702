import json
import re
import shutil

import numpy as np
import pytest

from codesign.accelerator import PRESETS, load_accelerator
from codesign.boards.host_board import HostBoard
from codesign.costs import CostTable
from codesign.directories import cache_directory
from codesign.sim.build import unsealed_verilog
from tests.boards.noise import noisy_line

WORDS = ("network.yaml", "--random-weights", 0, "--accelerator", "tiny")


@pytest.fixture(scope="module")
def board():
    with HostBoard(PRESETS["tiny"]) as board:
        yield board


def test_what_a_run_says(codesign):
    """In JSON: everything, and where it is from."""
    found = {}
    for device in ("reference", "verilator", "host"):
        found[device] = values = json.loads(codesign("run", *WORDS, "--device", device, "--images", 3, "--json",
                                                     check=True).stdout)
        assert values["bit_exact"] and values["images"] == 3 and values["accuracy"] is None
    reference, rtl, host = found.values()
    assert (reference["cycles"], reference["method"], reference["counters"]) == ([], "model", None)
    assert rtl["cycles"] == [rtl["model_cycles"]] * 3 and rtl["counters"]["cycles"] == rtl["model_cycles"] > 0
    assert rtl["counters"] == rtl["model_counters"] and rtl["method"] == host["method"] == "simulated"
    assert sum(layer["cycles"] for layer in rtl["layers"]) == rtl["model_cycles"]
    assert all(layer["cycles"] == layer["model_cycles"] for layer in rtl["layers"])
    assert rtl["board"] is rtl["transfer_s"] is rtl["power"] is None
    assert all(host[key] == rtl[key] for key in ("cycles", "layers", "counters", "images_per_s"))
    assert host["board"]["board"] == "host" and host["transfer_s"] > 0 and host["compute_s"] > 0
    estimate = json.loads(codesign("estimate", "network.yaml", "--accelerator", "tiny", "--json", check=True).stdout)
    assert estimate["cycles"] == rtl["model_cycles"]
    assert [(x["name"], x["cycles"]) for x in estimate["layers"]] == [(x["name"], x["cycles"]) for x in rtl["layers"]]


def test_every_map(codesign, error_line):
    text = codesign("run", *WORDS, "--maps", check=True).stdout
    assert "every map of the first image equals the reference's" in text
    assert "8 images: logits equal the reference bit for bit" in text and "stall_weights_cycles" in text
    line = error_line("run", *WORDS, "--maps", "--device", "host")
    assert line.endswith("Maps must be of device verilator, not host")


def test_labelled_images(codesign):
    values = json.loads(codesign("run", *WORDS, "--dataset", "digits", "--images", "all", "--json", check=True).stdout)
    assert values["images"] == 360 and 0 <= values["accuracy"] < 0.6


def test_too_many_images(error_line):
    line = error_line("run", *WORDS, "--dataset", "digits", "--images", 361)
    assert re.search(r"Images must be at most the 360 held out of digits, not 361$", line)


def test_wrong_rtl_is_told_where(codesign, tmp_path):
    """A seeded bug: requantization subtracts its gain instead of multiplying by it."""
    config, cache = load_accelerator("tiny"), tmp_path / "cache"
    right = unsealed_verilog(config)
    gain = "* $signed({ 1'h0, held_mul })"
    assert right.count(gain) == 1
    for kept in ("verilog", "runtime"):
        shutil.copytree(cache_directory() / kept, cache / kept)
    for path in (cache / "verilog").glob("*/accelerator.v"):
        if path.read_text() == right:
            path.write_text(right.replace(gain, gain.replace("*", "-")))
    result = codesign("run", *WORDS, "--json", CODESIGN_CACHE=str(cache))
    assert result.returncode == 1
    assert json.loads(result.stdout)["bit_exact"] is False
    assert re.fullmatch(r"codesign run: Logit of image 0, class \d must be the reference's -?\d+, not -?\d+ "
                        r"\(\d+ of 80 logits differ\); first at layer conv0, channel \d, pixel \(x=\d, y=\d\): "
                        r"reference \d+, device \d+ \(\d+ values of this layer differ\)",
                        result.stderr.splitlines()[-1])


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


def test_a_bad_line(codesign, board):
    """Frames lost, changed, repeated and swapped, 1 % each way: the same bits, cycles and power rows."""
    with noisy_line(board.port, 4_000_000, np.random.default_rng(0), 0.01) as (port, noise):
        found = json.loads(codesign("run", *WORDS, "--dataset", "digits", "--images", 120, "--power-samples", 20,
                                    "--device", "serial", "--port", port, "--baud", 4_000_000, "--json",
                                    check=True).stdout)
    assert noise.harmed > 5 and found["bit_exact"] and found["cycles"] == [found["model_cycles"]] * 120
    assert found["power"]["method"] == "synthetic" and found["counters"] == found["model_counters"]


@pytest.mark.parametrize("words, rule", [
    (["--device", "serial"], "Device serial must have a port: --port /dev/ttyUSB1, say"),
    (["--device", "serial", "--port", "/dev/ttyNONE"], "Serial port must be one that can be opened"),
    (["--device", "fpga"], "verilator, host, virtual, system, serial, replay, not 'fpga'"),
    (["--device", "replay", "--board", "ulx3s", "--costs", "t.db"], "Cost rows must be of a run, not of device replay"),
    (["--port", "/dev/ttyUSB1"], "Device verilator must have no port")])
def test_bad_input(codesign, words, rule):
    result = codesign("run", *WORDS, *words)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1 and rule in result.stderr
