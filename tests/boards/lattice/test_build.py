"""A complete system for a board, by the real tools: minutes."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

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


def build_at(place: Path, **environment: str) -> dict[str, bytes]:
    """The command, run at ``place`` with nothing kept from before: what it left there, by name."""
    place.mkdir(parents=True)
    board = resources.files("codesign.boards").joinpath("colorlight-i9.yaml").read_text()
    (place / "board.yaml").write_text(board.replace("clock_hz: 50000000", "clock_hz: 40000000")
                                      .replace("bytes: 65536", "bytes: 16384"))
    command = ["build", "--board", "board.yaml", "--accelerator", "tiny", "--out", "image"]
    subprocess.run([sys.executable, "-m", "codesign", *command], cwd=place, check=True, timeout=7200,
                   env={**os.environ, "CODESIGN_CACHE": str(place / "cache"), "TMPDIR": str(place), **environment})
    return {str(path.relative_to(place)): path.read_bytes() for path in (place / "image").rglob("*") if path.is_file()}


@pytest.mark.synth
def test_the_same_bytes_elsewhere(tmp_path):
    """Two builds that share nothing: all is the same but what tells how long they took."""
    first = build_at(tmp_path / "here", PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    again = build_at(tmp_path / "there" / "and further", PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    assert len(first["image/image.bit"]) > 100_000 and set(first) == set(again)
    differ = {name for name in first if first[name] != again[name]}
    assert differ <= {"image/build.log", "image/report.json", "image/report.txt", "image/manifest.json"}
    reports = [json.loads(files["image/report.json"]) for files in (first, again)]
    for report in reports:
        del report["seconds"]
    assert reports[0] == reports[1]
