import json
import re
import shutil

from codesign.accelerator import load_accelerator
from codesign.directories import cache_directory
from codesign.sim.build import unsealed_verilog

SIMULATE = ["simulate", "network.yaml", "--random-weights", 3, "--accelerator", "tiny"]


def test_random_weights(codesign):
    values = json.loads(codesign(*SIMULATE, "--images", 3, "--json", check=True).stdout)
    assert values["bit_exact"] is True
    assert values["images"] == 3 and values["accuracy"] is None
    assert values["cycles"] == values["model_cycles"] == values["counters"]["cycles"] > 0
    assert values["counters"] == values["model_counters"]
    assert sum(layer["cycles"] for layer in values["layers"]) == values["cycles"]
    assert all(layer["cycles"] == layer["model_cycles"] for layer in values["layers"])

    estimate = json.loads(codesign("estimate", "network.yaml", "--accelerator", "tiny", "--json", check=True).stdout)
    assert estimate["cycles"] == values["cycles"]
    assert [(x["name"], x["cycles"]) for x in estimate["layers"]] == [
        (x["name"], x["cycles"]) for x in values["layers"]]
    text = codesign(*SIMULATE, "--maps", check=True).stdout
    assert "every map of the first image equals the reference's" in text
    assert "8 images: logits equal the reference bit for bit; " in text


def test_labelled_images(codesign):
    values = json.loads(codesign(*SIMULATE, "--dataset", "digits", "--images", "all", "--json", check=True).stdout)
    assert values["images"] == 360 and 0 <= values["accuracy"] < 0.6


def test_too_many_images(error_line):
    line = error_line(*SIMULATE, "--dataset", "digits", "--images", 361)
    assert re.search(r"Images must be at most the 360 held out of digits, not 361$", line)


def test_wrong_rtl_is_told_where(codesign, tmp_path):
    """A seeded bug: requantization subtracts its gain instead of multiplying by it."""
    config, cache = load_accelerator("tiny"), tmp_path / "cache"
    right = unsealed_verilog(config)
    gain = "* $signed({ 1'h0, mul })"
    assert right.count(gain) == 1
    for kept in ("verilog", "runtime"):
        shutil.copytree(cache_directory() / kept, cache / kept)
    for path in (cache / "verilog").glob("*/accelerator.v"):
        if path.read_text() == right:
            path.write_text(right.replace(gain, gain.replace("*", "-")))
    result = codesign(*SIMULATE, "--json", CODESIGN_CACHE=str(cache))
    assert result.returncode == 1
    assert json.loads(result.stdout)["bit_exact"] is False
    assert re.fullmatch(r"codesign simulate: Logit of image 0, class \d must be the reference's -?\d+, not -?\d+ "
                        r"\(\d+ of 80 logits differ\); first at layer conv0, channel \d, pixel \(x=\d, y=\d\): "
                        r"reference \d+, device \d+ \(\d+ values of this layer differ\)",
                        result.stderr.splitlines()[-1])
