import json

import pytest


@pytest.mark.parametrize("name, weights, macs", [("diracdeltanet-116", 2_913_000, 269_229_440),
                                                  ("diracdeltanet-128", 3_268_704, 316_651_520)])
def test_diracdeltanet(codesign, name, weights, macs):
    values = json.loads(codesign("analyze", name, "--json", check=True).stdout)
    assert (values["weights"], values["macs"], len(values["layers"])) == (weights, macs, 39)
    text = codesign("analyze", name, check=True).stdout
    assert f"{weights:,}" in text and f"{macs:,}" in text


def test_resolution_and_classes(codesign):
    values = json.loads(codesign("analyze", "diracdeltanet-116", "--resolution", 64, "--classes", 10, "--json",
                                 check=True).stdout)
    assert values["input"] == [3, 64, 64]
    assert values["layers"][-1]["out_shape"] == [10, 1, 1]
    assert values["weights"] == 2_913_000 - 990 * 1024


def test_own_network(codesign):
    values = json.loads(codesign("analyze", "network.yaml", "--json", check=True).stdout)
    assert [layer["macs"] for layer in values["layers"]] == [64 * 8, 16 * 8 * 12, 12 * 10]
