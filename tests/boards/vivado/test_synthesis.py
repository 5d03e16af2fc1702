"""The whole top module, synthesized for UltraScale+ by Yosys."""

import resource
import subprocess

import pytest

from codesign.board import load_board
from codesign.boards.vivado.hdl import TOP, verilog_files
from codesign.boards.vivado.settings import VivadoSettings
from codesign.resources import excess
from codesign.sim.synthesis import cell_statistics, count_cells, script_of
from codesign.sim.yowasp import yowasp_command

from .conftest import small_config

pytestmark = pytest.mark.synth


def synthesized(config, board, directory):
    """What the top module of ``config`` on ``board`` needs, and the seconds of processor time that this took Yosys."""
    files = verilog_files(config, VivadoSettings.of(board).ports_of(config))
    for name, text in files.items():
        (directory / name).write_text(text)
    (directory / "script.ys").write_text(
        f"read_verilog {' '.join(files)}\n{script_of('xcup', TOP)}\ntee -q -o stat.json stat -json\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([*yowasp_command("yosys"), "-q", "script.ys"], cwd=directory, check=True, capture_output=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return count_cells(cell_statistics((directory / "stat.json").read_text(), TOP), "xcup"), seconds


@pytest.mark.parametrize("name", ["ultra96v2", "ultra96v1", "zcu102"])
def test_small_tops(name, tmp_path):
    board, config = small_config(name)
    resources, _ = synthesized(config, board, tmp_path)
    assert resources.dsp >= config.cols and 1000 < resources.lut < 20_000
    ports = [c for c in resources.components if "memory_ports" in c.name]
    assert bool(ports) == (name == "zcu102") and sum(c.lut for c in ports) < 3000


def test_the_largest_preset(tmp_path):
    """64x64 with four memory ports: it fits. ``pytest -m synth -s`` shows the processor time that Yosys takes."""
    board = load_board("zcu102")
    resources, seconds = synthesized(board.preset(), board, tmp_path)
    print(f"zcu102's top module: {resources.lut:,} LUTs, {seconds:.0f} s of processor time")
    assert excess(resources, board) == (), resources.to_dict()
