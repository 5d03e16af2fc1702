import json

import pytest

from codesign.accelerator import PRESETS
from codesign.boards.host_board import HostBoard

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
    assert result.returncode == 1 and "session.jsonl' must hold request" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("words, rule", [
    (["--device", "serial"], "Device serial must have a port: --port /dev/ttyUSB1, say"),
    (["--device", "serial", "--port", "/dev/ttyNONE"], "Serial port must be one that can be opened"),
    (["--device", "fpga"], "Device must be one of reference, verilator, host, virtual, serial, replay, not 'fpga'"),
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
