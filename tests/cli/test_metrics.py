import json
import re

METRICS = ["metrics", "network.yaml", "--random-weights", 3, "--accelerator", "tiny", "--board", "ulx3s"]


def by_name(result):
    return {(m["name"], m["unit"]): m for m in json.loads(result.stdout)["metrics"]}


def test_complete_on_labelled_images(codesign):
    found = by_name(codesign(*METRICS, "--dataset", "digits", "--images", 20, "--json", check=True))
    assert all(m["value"] is not None for m in found.values())
    assert found["run time", "cycles/image"]["method"] == found["accuracy", "%"]["method"] == "simulated"
    assert found["active power", "W"]["method"] == "estimate" and found["images tested", ""]["value"] == 20
    text = codesign(*METRICS, "--dataset", "digits", "--images", 20, check=True).stdout
    assert re.search(r"^data set +digits +simulated$", text, re.M) and "None" not in text

    model = by_name(codesign(*METRICS, "--dataset", "digits", "--images", 20, "--device", "model", "--json",
                             check=True))
    for key in (("run time", "cycles/image"), ("accuracy", "%"), ("memory traffic", "bytes/image")):
        assert model[key]["value"] == found[key]["value"]
    assert model["run time", "ms/image"]["method"] == "model"
    assert model["accuracy", "%"]["method"] == "model (integer reference)"


def test_a_missing_line_is_an_error_unless_allowed(codesign, error_line):
    line = error_line(*METRICS, "--device", "model")
    assert re.search(r"codesign metrics: Metrics must be complete, or --allow-missing given, not without accuracy "
                     r"\(--dataset D with labelled images\), data set \(.*\)$", line)
    found = by_name(codesign(*METRICS, "--device", "model", "--allow-missing", "--json", check=True))
    assert [name for (name, _), m in found.items() if m["value"] is None] == ["accuracy", "data set"]
    assert found["accuracy", "%"]["method"] == "not measured: --dataset D with labelled images"


def test_what_cannot_be_asked(error_line):
    assert error_line("metrics", "network.yaml", "--accelerator", "tiny").endswith(
        "Board must be given by --board: its metrics are asked for")
    assert "Model must have weights" in error_line("metrics", "network.yaml", "--board", "ulx3s")
