import json
import subprocess

import pytest

from codesign.accelerator import PRESETS
from codesign.boards.lattice.bare import WRAPPER, bare_source, main, wrapper
from codesign.registers import ADDRESS_BITS
from codesign.rtl.axi import MasterSignature, SlaveSignature
from codesign.rtl.control import BUS_ADDR_BITS
from codesign.sim.toolchain import environment, find_verilator

INSIDE = """
module counted(input clk, input rst, input [4:0] a, input b, output reg [2:0] p, output reg [6:0] q);
    always @(posedge clk) begin
        p <= rst ? 0 : a[2:0];
        q <= {a, b, b};
    end
endmodule
"""


def lint(directory, verilog):
    (directory / "bare.v").write_text(verilog)
    words = ["--lint-only", "-Wall", "-Wno-DECLFILENAME", "--top-module", WRAPPER, "bare.v"]
    return subprocess.run([find_verilator().path, *words], cwd=directory, env=environment(), capture_output=True,
                          text=True, timeout=300).stderr


def test_every_port_has_its_registers(tmp_path):
    """As Verilator sees it, which finds a width that is not the port's, or a register that nothing drives or reads."""
    assert lint(tmp_path, wrapper("counted", {"a": 5, "b": 1}, {"p": 3, "q": 7}) + INSIDE) == ""
    assert "PINMISSING" in lint(tmp_path, wrapper("counted", {"a": 5}, {"p": 3, "q": 7}) + INSIDE)
    assert "WIDTH" in lint(tmp_path, wrapper("counted", {"a": 4, "b": 1}, {"p": 3, "q": 7}) + INSIDE)


def test_all_of_an_accelerator():
    """Its ports, each once, but for clock and reset; and its Verilog."""
    source = bare_source(PRESETS["tiny"])
    connected = source.files["bare.v"].partition("part(")[2].partition(");")[0]
    buses = {"s_axi": SlaveSignature(addr_bits=BUS_ADDR_BITS),
             "m_axi": MasterSignature(addr_bits=ADDRESS_BITS, data_bits=PRESETS["tiny"].bus_bits)}
    ports = {"irq", *(f"{bus}_{name}" for bus, signature in buses.items() for name in signature.members)}
    assert {word.partition("(")[0].strip() for word in connected.split(".")[1:]} == {"clk", "rst", *ports}
    assert "module accelerator(" in source.files["accelerator.v"]


@pytest.mark.parametrize("words, error", [
    (["nowhere.yaml"], "error: Accelerator file 'nowhere.yaml' must be readable"),
    (["tiny", "--board", "zcu102"], "error: "),
])
def test_what_cannot_be_placed(words, error, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(error)


@pytest.mark.synth
@pytest.mark.slow
def test_a_tiny_accelerator(capsys):
    assert main(["tiny", "--clock-mhz", "50", "--json"]) == 0
    placed = json.loads(capsys.readouterr().out)
    assert placed["clocks"][0]["asked_hz"] == 50_000_000 < placed["clocks"][0]["achieved_hz"]
    assert placed["cells"]["MULT18"]["used"] >= 8
