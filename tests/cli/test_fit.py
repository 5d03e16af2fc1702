import json

import pytest
import yaml

SPACE = ["--space", "digits"]


def test_the_fastest_is_an_accelerator_for_the_other_commands(codesign, tmp_path):
    values = json.loads(codesign("fit", "network.yaml", "--board", "ulx3s", "--out", "best.yaml", "--json",
                                 check=True).stdout)
    assert values["method"] == "model" and values["considered"] > values["too_large"] > 0
    best = values["front"][0]
    assert best == values["fastest"] and values["smallest"] is None
    estimate = json.loads(codesign("estimate", "network.yaml", "--accelerator", "best.yaml", "--json",
                                   check=True).stdout)
    assert estimate["cycles"] == best["cycles"] and estimate["counters"] == best["counters"]
    assert estimate["resources"]["ecp5"] == best["resources"]
    assert best["energy"]["method"] == best["resources"]["method"] == "estimate"
    assert 0 < values["resource_model"]["held_out_lut_error"] <= 0.1 and values["system"]["bram18"] > 64


def test_the_smallest_that_reaches_a_rate(codesign, tmp_path):
    words = ["fit", "network.yaml", "--board", "ulx3s", *SPACE, "--fps", 60_000]
    values = json.loads(codesign(*words, "--out", "small.yaml", "--json", check=True).stdout)
    small = values["smallest"]
    assert small["images_per_s"] >= 60_000 and small["resources"]["lut"] < values["fastest"]["resources"]["lut"]
    assert yaml.safe_load((tmp_path / "small.yaml").read_text())["rows"] == small["accelerator"]["rows"]
    text = codesign(*words, check=True).stdout
    assert "15 accelerators considered" in text and "smallest with 60000/s" in text and "fastest" in text
    assert "* estimates; cycles are the cost model's" in text


def test_generate_and_run_take_the_fastest(codesign, tmp_path):
    best = json.loads(codesign("fit", "network.yaml", "--board", "colorlight-i9", "--json", check=True).stdout)
    made = codesign("generate", "network.yaml", "--random-weights", 1, "--board", "colorlight-i9", "--out", "out",
                    check=True)
    assert "the fastest for small within 80% of colorlight-i9" in made.stderr
    assert yaml.safe_load((tmp_path / "out" / "accelerator.yaml").read_text()) == best["fastest"]["accelerator"]
    ran = codesign("run", "network.yaml", "--random-weights", 1, "--board", "colorlight-i9", "--device", "reference",
                   "--json", check=True)
    assert json.loads(ran.stdout)["accelerator"] == best["fastest"]["accelerator"]["name"]
    assert "the fastest for small within 80% of colorlight-i9" in ran.stderr


@pytest.mark.parametrize("words, rule", [
    (["--share", "0"], r"Share must be in 0..1, not 0.0"), (["--out", "best.txt"], "Output must be a .yaml file"),
    (["--out", "network.yaml"], "must not exist yet"), (["--space", "none"], "Space must be one of digits"),
    (["--share", "0.1"], "Accelerator must fit ulx3s within the limits: the one that is nearest needs"),
    (["--max-luts", "100000"], "Limit of look-up tables must be in 0..83640, which ulx3s has, not 100000"),
    (["--max-dsps", "2"], "multipliers of 2"), (["--fps", "0"], "Rate must be above 0 images/s, not 0.0"),
    (["--fps", "1e9"], "Rate must be at most"), (["--board", "ulx4s"], "Board must be one of colorlight-i9")])
def test_bad_input(error_line, words, rule):
    board = [] if "--board" in words else ["--board", "ulx3s"]
    assert rule in error_line("fit", "network.yaml", *board, *(SPACE if "--fps" in words else []), *words)
