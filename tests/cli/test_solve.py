import json

import pytest


def test_the_fastest_is_an_accelerator_for_the_other_commands(codesign, tmp_path):
    values = json.loads(codesign("solve", "network.yaml", "--board", "ulx3s", "--out", "best.yaml", "--json",
                                 check=True).stdout)
    assert values["method"] == "model" and values["considered"] > values["too_large"] > 0
    best = values["front"][0]
    estimate = json.loads(codesign("estimate", "network.yaml", "--accelerator", "best.yaml", "--json",
                                   check=True).stdout)
    assert estimate["cycles"] == best["cycles"] and estimate["counters"] == best["counters"]
    assert best["energy"]["method"] == best["resources"]["method"] == "estimate"


def test_table(codesign):
    text = codesign("solve", "network.yaml", "--board", "ulx3s", "--space", "digits", check=True).stdout
    assert "of 9 accelerators" in text and "* estimates; cycles are the cost model's" in text
    assert len([line for line in text.splitlines() if line.endswith(tuple("0123456789"))]) >= 2


@pytest.mark.parametrize("words, rule", [
    (["--share", "0"], r"Share must be in 0..1, not 0.0"), (["--out", "best.txt"], "Output must be a .yaml file"),
    (["--out", "network.yaml"], "must not exist yet"), (["--space", "none"], "Space must be one of digits"),
    (["--share", "0.01"], "Accelerator must fit 1% of ulx3s")])
def test_bad_input(codesign, words, rule):
    result = codesign("solve", "network.yaml", "--board", "ulx3s", *words)
    assert result.returncode == 1 and rule in result.stderr and len(result.stderr.splitlines()) == 1
