import json
import re
import shutil

import pytest

from .conftest import NETWORK, run_codesign


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(directory, what training printed)."""
    directory = tmp_path_factory.mktemp("train")
    (directory / "network.yaml").write_text(NETWORK)
    result = run_codesign("train", "network.yaml", "--dataset", "digits", "--epochs", 2, "--batch", 32, "--seed", 5,
                          "--out", "model", "--json", cwd=directory, check=True)
    return directory, json.loads(result.stdout)


def test_simulated_accuracy_is_the_one_of_training(trained):
    directory, printed = trained
    result = run_codesign("run", "model", "--accelerator", "tiny", "--images", "all", "--json", cwd=directory,
                          check=True)
    values = json.loads(result.stdout)
    assert values["bit_exact"] and values["images"] == printed["test_images"] == 360
    assert values["accuracy"] == pytest.approx(printed["accuracy"], abs=1e-12)
    assert printed["accuracy"] > 0.2  # two epochs; chance is 0.1
    assert [epoch["epoch"] for epoch in printed["history"]] == [1, 2]


def test_model_is_taken_as_it_is(trained):
    directory, _ = trained
    result = run_codesign("run", "model", "--accelerator", "tiny", "--random-weights", 1, cwd=directory)
    assert result.returncode == 1
    assert re.fullmatch(r"codesign run: Trained model 'model' must be taken as it is, .*\n", result.stderr)


def test_changed_model_is_refused(trained, tmp_path):
    directory, _ = trained
    shutil.copytree(directory / "model", tmp_path / "model")
    description = json.loads((tmp_path / "model" / "model.json").read_text())
    description["logit_scale"] *= 2
    (tmp_path / "model" / "model.json").write_text(json.dumps(description))
    result = run_codesign("estimate", "model", "--accelerator", "tiny", cwd=tmp_path)
    assert result.returncode == 1
    assert re.fullmatch(r"codesign estimate: model: Model integers must be those that were saved .*\n", result.stderr)


def test_existing_output_is_told_before_training(trained):
    directory, _ = trained
    result = run_codesign("train", "network.yaml", "--dataset", "digits", "--out", "model", cwd=directory)
    assert result.returncode == 1
    assert result.stderr == "codesign train: Output directory must not exist yet, not 'model' which does\n"
