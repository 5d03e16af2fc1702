"""A complete system for a board, by the real tools: minutes."""

import dataclasses
import json
import re

import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.boards.job import BuildJob
from codesign.boards.lattice import build, describe


@pytest.mark.synth
@pytest.mark.parametrize("name", ["ulx3s", "colorlight-i9"])
def test_a_complete_system(name, tmp_path):
    """4x4 with the smallest memory: it fits any part of the family. A clock that is easily met: what it can reach is
    README's."""
    board = dataclasses.replace(load_board(name), clock_hz=40_000_000, memory_bytes=32768)
    job = BuildJob(board=board, config=board.place(PRESETS["tiny"]))
    built = build(job, tmp_path / "out")
    assert (tmp_path / "out" / "image.bit").read_bytes()[2:].startswith(f"Part: {board.part[:11]}".encode())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report == built["image"]["report"] and report["achieved_hz"] >= report["asked_hz"]
    assert {clock["asked_hz"] // 10_000 for clock in report["clocks"]} >= {4000}
    assert 4 <= report["cells"]["MULT18"]["used"] <= board.dsps and 5_000 < report["cells"]["LUT4"]["used"] < 20_000
    assert report["cells"]["LUT4"]["available"] == board.luts and report["cells"]["EBR"]["available"] == board.bram18
    steps = [step["name"] for step in report["worst_path"]["steps"]]
    assert len(steps) >= 2 and all(re.match(r"system\.|serial_|pll", step) for step in steps)
    assert f"openFPGALoader --board {name} {tmp_path / 'out' / 'image.bit'}" in describe(built, tmp_path / "out")
