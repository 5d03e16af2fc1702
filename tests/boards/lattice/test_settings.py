import dataclasses

import pytest

from codesign.board import board_names, load_board
from codesign.boards.lattice.settings import LatticeSettings, Pin
from codesign.errors import CodesignError

ULX3S = load_board("ulx3s")


def changed(**keys):
    return dataclasses.replace(ULX3S, toolchain={**ULX3S.toolchain, **keys})


def test_a_boards_own_settings():
    settings = LatticeSettings.of(ULX3S)
    assert settings.device_options() == ["--85k", "--package", "CABGA381", "--speed", "6"]
    assert settings.pins["led"] == Pin(site=("B2", "C2", "C1", "D2", "D1", "E2", "E1", "H3"), drive=4)
    assert settings.pins["wifi_gpio0"].value == 1
    assert all("{bit}" in command for command in settings.load)


@pytest.mark.parametrize("name", [n for n in board_names() if load_board(n).family == "ecp5"])
def test_every_board_says_where_clock_and_serial_line_are(name):
    settings = LatticeSettings.of(load_board(name))
    assert {"clock", "serial_rx", "serial_tx"} <= set(settings.pins) and settings.load


@pytest.mark.parametrize(("part", "options"), [
    ("LFE5U-12F-6TG144C", "--12k --package TQFP144 --speed 6"),
    ("LFE5UM-25F-7MG285I", "--um-25k --package CSFBGA285 --speed 7"),
    ("LFE5UM5G-85F-8BG756C", "--um5g-85k --package CABGA756 --speed 8"),
])
def test_parts(part, options):
    assert LatticeSettings(part=part, pins={}).device_options() == options.split()


@pytest.mark.parametrize(("board", "message"), [
    (load_board("zcu102"), r"Board zcu102 must be one whose toolchain is lattice, not \{'name': 'vivado'"),
    (dataclasses.replace(ULX3S, part="LFE3-70EA"), "Board part must be an ECP5 as LFE5U-85F-6BG381C, not 'LFE3-70EA'"),
    (changed(speed=6), "Board ulx3s: toolchain key must be one of load, name, pins, not 'speed'"),
    (changed(pins=["G2"]), r"Board ulx3s: toolchain pins must be a mapping of ports, not \['G2'\]"),
    (changed(pins={"Led 1": {}}), "toolchain pins must be a mapping of ports"),
    (changed(load="fujprog"), r"toolchain load must be a list of commands with \{bit\}, not 'fujprog'"),
    (changed(load=["fujprog"]), r"toolchain load must be a list of commands with \{bit\}"),
    (changed(pins={"clock": "G2"}), "Pin clock must be a mapping of site and perhaps io_type, .*, not 'G2'"),
    (changed(pins={"clock": {"site": "G2", "slew": 1}}), "Pin clock must be a mapping of site"),
    (changed(pins={"clock": {"site": 2}}), "Pin clock site must be a ball as B11, or a list of them, not 2"),
    (changed(pins={"led": {"site": []}}), r"Pin led site must be a ball as B11, or a list of them, not \[\]"),
    (changed(pins={"clock": {"site": "G2\n"}}), "Pin clock site must be a ball"),
    (changed(pins={"clock": {"site": "G2", "io_type": "3V3;"}}), "Pin clock io_type must be one of Lattice's"),
    (changed(pins={"clock": {"site": "G2", "pull": True}}), "Pin clock pull must be one of none, up, down, not True"),
    (changed(pins={"led": {"site": "B2", "drive": 5}}), "Pin led drive must be one of 4, 8, 12, 16 mA, not 5"),
    (changed(pins={"led": {"site": ["B2", "C2"], "value": 4}}), "Pin led value must be an integer of 2 bits, not 4"),
    (changed(pins={"a": {"site": "B2"}, "b": {"site": ["C2", "B2"]}}), "every ball must have one port, not B2 more"),
])
def test_bad_settings_are_refused_in_one_line(board, message):
    with pytest.raises(CodesignError, match=message) as e:
        LatticeSettings.of(board)
    assert "\n" not in str(e.value)
