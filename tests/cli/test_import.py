import json

import pytest
import torch

from codesign.model import load_model
from tests.released_model import released_model


@pytest.fixture
def checkpoint(tmp_path):
    torch.save(released_model(8, 10).state_dict(), tmp_path / "released.pth")


def test_imported_model_runs_as_any_other(codesign, checkpoint, tmp_path):
    printed = json.loads(codesign("import", "released.pth", "--out", "model", "--resolution", 48, "--first-bits", 4,
                                  "--json", check=True).stdout)
    network, integer = load_model(tmp_path / "model")
    assert network.input == (3, 48, 48) and integer.info["quantized"]["first_weight_bits"] == 4
    assert printed["weights"] == sum(layer.weight.size for layer in integer.layers.values())
    estimate = json.loads(codesign("estimate", "model", "--accelerator", "ultra96", "--json", check=True).stdout)
    assert estimate["cycles"] > 0


def test_refusals(checkpoint, error_line, tmp_path):
    assert error_line("import", "none", "--out", "m") == (
        "codesign import: Checkpoint 'none' must be readable: No such file or directory")
    (tmp_path / "there").mkdir()
    assert "must not exist yet" in error_line("import", "released.pth", "--out", "there")
    assert "invalid choice: 5" in error_line("import", "released.pth", "--out", "m", "--last-bits", 5, status=2)
    assert "Pool must see a map" in error_line("import", "released.pth", "--out", "m", "--resolution", 4)
