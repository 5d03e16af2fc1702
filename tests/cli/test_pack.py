import json

import numpy as np
import pytest

from codesign.datasets import load_dataset

from .conftest import NETWORK, run_codesign


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A directory with digits.npz and a model that was trained on it."""
    directory = tmp_path_factory.mktemp("pack")
    (directory / "network.yaml").write_text(NETWORK)
    made = json.loads(run_codesign("pack", "digits", "--out", "digits.npz", "--json", cwd=directory, check=True).stdout)
    assert made["train_images"] == 1437 and made["test_images"] == 360 and made["shape"] == [1, 8, 8]
    assert made["bytes"] == (directory / "digits.npz").stat().st_size
    result = run_codesign("train", "network.yaml", "--dataset", "digits.npz", "--epochs", 2, "--teacher", 1, "--move",
                          1, "--rotate", 5, "--precision", "bfloat16", "--out", "model", "--json",
                          cwd=directory, check=True)
    return directory, json.loads(result.stdout)


def test_packed_images_are_the_data_set_s(packed):
    with np.load(packed[0] / "digits.npz", allow_pickle=False) as file:
        digits = load_dataset("digits")
        assert np.array_equal(file["test_images"].transpose(0, 3, 1, 2), digits.test_images)
        assert np.array_equal(file["train_labels"], digits.train_labels)
        assert tuple(file["classes"]) == digits.classes


def test_a_model_finds_its_data_set_from_anywhere(packed, tmp_path):
    directory, printed = packed
    assert printed["images_per_s"] > 0 and len(printed["teacher_history"]) == len(printed["history"]) == 2
    result = run_codesign("run", directory / "model", "--accelerator", "tiny", "--device", "reference", "--images",
                          "all", "--json", cwd=tmp_path, check=True)
    values = json.loads(result.stdout)
    assert values["images"] == 360 and values["accuracy"] == pytest.approx(printed["accuracy"], abs=1e-12)


def test_digits_are_not_mirrored(error_line):
    assert error_line("train", "network.yaml", "--dataset", "digits", "--mirror", "--out", "model") == (
        "codesign train: Augmentation of digits must not mirror: mirrored, its classes are others")


def test_what_is_there_is_kept(error_line, tmp_path):
    (tmp_path / "digits.npz").write_text("kept")
    assert error_line("pack", "digits", "--out", "digits.npz") == (
        "codesign pack: Packed data set must not exist yet, not 'digits.npz' which does")
    assert (tmp_path / "digits.npz").read_text() == "kept"
