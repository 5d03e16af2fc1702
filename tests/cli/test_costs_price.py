"""Prices and cross-validation from the command line, from rows of synthetic boards."""

import dataclasses
import json
import re

import pytest
import yaml

from codesign.costs import CostTable, Question
from codesign.sim.build import rtl_digest
from tests.codesign.costs import boards

from .conftest import call_codesign

NEW = ["costs", "show", "t.db", "--network", "new.yaml"]


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A directory with t.db: three runs of each of six networks on a synthetic board, and one run of other Verilog."""
    directory = tmp_path_factory.mktemp("prices")
    today = rtl_digest(boards.CONFIG)
    with CostTable(directory / "t.db") as table:
        for index, network in enumerate(boards.NETWORKS):
            named = dataclasses.replace(network, name=f"n{index}")
            table.add(boards.rows(named, runs=3, seed=index, verilog=today),
                      Question(network=named, accelerator=boards.CONFIG, board=boards.BOARD))
        table.add(boards.rows(named, seed=99, verilog="old"),
                  Question(network=named, accelerator=boards.CONFIG, board=boards.BOARD))
    for name, network in (("new", boards.NEW), ("seen", boards.NETWORKS[0])):
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(dataclasses.replace(network, name=name).to_dict()))
    return directory


def answer(directory, *words):
    return json.loads(call_codesign(*words, "--json", cwd=directory, check=True).stdout)


def test_a_price_with_its_interval_mix_and_rows(there):
    price = answer(there, *NEW, "--method", "synthetic")
    truth = boards.rows(boards.NEW, seed=3)[0].value
    assert price["low"] < truth < price["high"] and price["level"] == 0.9 and price["method"] == "synthetic"
    assert price["mix"] == {"model corrected by synthetic": pytest.approx(price["cycles"])}
    assert price["parts"][-1]["name"] == "overhead" and price["stale_rows"] > 0
    with CostTable(there / "t.db", read_only=True) as table:
        used = [row for row in table.rows() if row.verilog_digest != "old"]
    assert price["rows"] == [row.id for row in used]
    narrow = answer(there, *NEW, "--method", "synthetic", "--level", "0.5")
    assert price["low"] < narrow["low"] < narrow["cycles"] == price["cycles"]

    text = call_codesign(*NEW, "--method", "synthetic", cwd=there, check=True).stdout
    assert re.match(r"new on tiny, board ulx3s: [\d,]+ cycles, [\d.]+ us at 50 MHz\nsynthetic, about no real board: "
                    r"90% of runs within [\d,]+ \.\. [\d,]+ cycles\n\npart ", text)
    assert f"\nrows used: 1-{len(used)}; {price['stale_rows']} stale rows left out\n" in text
    assert "\nsources: model corrected by synthetic 100.0%\n" in text


def test_unasked_synthetic_rows_are_not_used(there):
    price = answer(there, *NEW)
    assert (price["method"], price["low"], price["rows"]) == ("model", None, [])
    assert price["cycles"] == price["model_cycles"]
    text = call_codesign(*NEW, cwd=there, check=True).stdout
    assert "model: exact for the RTL; no interval about a board, of which no rows tell\n" in text


def test_rows_of_the_network_itself(there):
    price = answer(there, "costs", "show", "t.db", "--network", "seen.yaml", "--method", "synthetic")
    assert len(price["rows"]) == 3 and price["mix"] == {"synthetic": price["cycles"]}
    assert price["low"] < price["cycles"] < price["high"]


def test_place_may_be_given(there):
    assert answer(there, *NEW, "--accelerator", "tiny", "--method", "synthetic")["board"] == "ulx3s"
    elsewhere = answer(there, *NEW, "--board", "ultra96v2", "--method", "synthetic")
    assert (elsewhere["board"], elsewhere["rows"], elsewhere["method"]) == ("ultra96v2", [], "model")


def test_validation_holds_each_network_out(there):
    [fresh, stale] = answer(there, "costs", "validate", "t.db", "--method", "synthetic")["boards"]
    assert (fresh["state"], stale["state"]) == ("fresh", "stale") and stale["validation"] is None
    held_out = fresh["validation"]["held_out"]
    assert len(held_out) == 6 and all(h["runs"] == 3 and abs(h["error"]) < 0.1 for h in held_out)
    assert fresh["validation"]["mape"] < 0.05 < fresh["validation"]["model_mape"]
    assert fresh["correction"]["ratios"]["conv"]["value"] == pytest.approx(boards.TRUTH.ratios["conv"], rel=0.05)
    text = call_codesign("costs", "validate", "t.db", "--method", "synthetic", cwd=there, check=True).stdout
    assert text.startswith("synthetic rows on ulx3s, accelerator ") and "(stale)" in text
    assert re.search(r"^n1 +3 +[\d,]+ .*[-+]\d\.\d\d% +(yes|no) ", text, re.M)
    assert "not validated: that takes runs of at least 2 networks" in text


@pytest.mark.parametrize("words, rule", [
    (["costs", "validate", "t.db"], "Cost table of 't.db' must have rows of whole measured runs to validate"),
    (["costs", "show", "t.db", "--board", "ultra96v2"], "Network must be given by --network where --board is"),
    ([*NEW, "--level", "1"], "Level must be between 0 and 1, not 1"),
    ([*NEW, "--operator", "conv"], "Operator must not be given with --network"),
    (["costs", "show", "none.db", "--network", "new.yaml"], "Cost table 'none.db' must exist"),
    (["costs", "show", "t.db", "--network", "none.yaml"], "Network file 'none.yaml' must"),
])
def test_errors_are_one_line(there, words, rule):
    result = call_codesign(*words, cwd=there)
    assert result.returncode == 1 and result.stdout == "" and len(result.stderr.splitlines()) == 1
    assert rule in result.stderr


def test_several_places_must_be_told_apart(there, tmp_path):
    for name in ("t.db", "new.yaml"):
        (tmp_path / name).write_bytes((there / name).read_bytes())
    other = dataclasses.replace(boards.CONFIG, name="other", acc_depth=128)
    with CostTable(tmp_path / "t.db") as table:
        table.add(boards.rows(boards.NEW, seed=100, config=other),
                  Question(network=boards.NEW, accelerator=other, board=boards.BOARD))
    result = call_codesign(*NEW, cwd=tmp_path)
    assert result.returncode == 1
    assert re.search(r"must be given by --accelerator or --board, since the table's runs are of 2 pairs: "
                     r"tiny \(\w{8}\) on ulx3s; other \(\w{8}\) on ulx3s$", result.stderr)
    for words in (["--accelerator", "other"], ["--accelerator", other.digest()[:8], "--board", boards.BOARD]):
        assert answer(tmp_path, *NEW, *words)["accelerator_digest"] == other.digest()
