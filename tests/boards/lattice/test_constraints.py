# amaranth: UnusedElaboratable=no
import dataclasses
import re

import pytest

from codesign.board import board_names, load_board
from codesign.boards.lattice.constraints import board_pins, constraints
from codesign.boards.lattice.settings import LatticeSettings
from codesign.errors import CodesignError
from codesign.rtl.system.top import Pins

from .blink import PORTS

ULX3S = load_board("ulx3s")
SETTINGS = LatticeSettings.of(ULX3S)


def test_what_the_system_is_told():
    assert board_pins(ULX3S, SETTINGS) == Pins(reference_hz=25_000_000, leds=8, button=True,
                                               constants={"wifi_gpio0": (1, 1)})
    other = load_board("colorlight-i9")
    assert board_pins(other, LatticeSettings.of(other)) == Pins(reference_hz=25_000_000, leds=1)


def test_every_bit_has_its_ball():
    lpf = constraints(PORTS, SETTINGS, 25_000_000)
    wanted = ["clock", "serial_rx", "serial_tx", *(f"led[{bit}]" for bit in range(8)), "button"]
    assert re.findall(r'LOCATE COMP "([^"]+)" SITE "[A-Z]+\d+";', lpf) == wanted
    assert re.findall(r'IOBUF PORT "([^"]+)" IO_TYPE=LVCMOS33 PULLMODE=(?:NONE|UP|DOWN)', lpf) == wanted
    assert 'FREQUENCY PORT "clock" 25.000000 MHZ;' in lpf
    assert 'LOCATE COMP "serial_tx" SITE "L4";\nIOBUF PORT "serial_tx" IO_TYPE=LVCMOS33 PULLMODE=UP DRIVE=4;' in lpf
    assert 'LOCATE COMP "led[7]" SITE "H3";' in lpf and 'COMP "led" SITE "B2"' in constraints({"led": 1}, SETTINGS, 1)


@pytest.mark.parametrize("port, bits, there", [("led", 9, 8), ("knob", 1, 0)])
def test_ports_that_the_board_has_no_pins_for(port, bits, there):
    with pytest.raises(CodesignError, match=f"^Board's toolchain pins must have {bits} for {port}, not {there}$"):
        constraints({port: bits}, SETTINGS, 25_000_000)


def test_a_board_must_have_clock_and_serial_line():
    bare = dataclasses.replace(SETTINGS, pins={"clock": SETTINGS.pins["clock"]})
    with pytest.raises(CodesignError, match="^Board ulx3s: toolchain pins must place serial_rx, serial_tx$"):
        board_pins(ULX3S, bare)
    with pytest.raises(CodesignError, match="^Board ulx3s must give reference_clock_hz, of its pin clock$"):
        board_pins(dataclasses.replace(ULX3S, reference_clock_hz=None), SETTINGS)


@pytest.mark.parametrize("name", [n for n in board_names() if load_board(n).family == "ecp5"])
def test_the_complete_system_finds_its_pins_on_every_board(name):
    from codesign.rtl.system.top import Top
    from codesign.sim.system_build import system_of

    board = load_board(name)
    settings = LatticeSettings.of(board)
    pins = board_pins(board, settings)
    top = Top(system_of(board.preset(), board), pins)
    ports = {name: member.shape for name, member in top.signature.members.items()}
    assert len(re.findall("^LOCATE", constraints(ports, settings, pins.reference_hz), re.M)) == sum(ports.values())
