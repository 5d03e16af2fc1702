import dataclasses
import re
from importlib import resources

import pytest

from codesign.accelerator import Memory
from codesign.board import load_board
from codesign.boards.toolchains import load_toolchain
from codesign.boards.vivado.settings import VivadoSettings
from codesign.errors import CodesignError

ULTRA96 = load_board("ultra96v2")
BASES = {"UART0": "0xFF000000", "UART1": "0xFF010000", "I2C0": "0xFF020000", "I2C1": "0xFF030000"}  # AMD UG1087


def with_toolchain(**changes):
    values = {key: value for key, value in (ULTRA96.toolchain | changes).items() if value is not None}
    return dataclasses.replace(ULTRA96, toolchain=values)


@pytest.mark.parametrize("name, ports", [("ultra96v1", 1), ("ultra96v2", 1), ("zcu102", 4)])
def test_boards_feed_and_clock_their_presets(name, ports):
    board = load_board(name)
    assert load_toolchain(board).check(board).ports_of(board.preset()) == ports


@pytest.mark.parametrize("name", ["ultra96v1", "ultra96v2", "zcu102"])
def test_the_firmware_uses_the_peripherals_that_are_enabled(name):
    """Its base addresses are of the UART and the I2C that the board's file names."""
    settings = VivadoSettings.of(load_board(name))
    text = resources.files("codesign.firmware").joinpath("zynqmp", "board.h").read_text()
    name = settings.firmware.replace("-", "_")
    branch = re.search(rf"defined\(BOARD_{name}\).*?(?=#elif|#else\n#error)", text, re.S)[0]
    used = [re.search(rf"#define {kind} (0x\w+)u", branch)[1] for kind in ("UART", "I2C")]
    assert sorted(BASES[name] for name in settings.peripherals) == used
    assert re.search(r"PERIPHERAL_HZ 100000000u", text)  # system.tcl clocks them with 100 MHz


@pytest.mark.parametrize("changes, message", [
    ({"board_parts": "Ultra96v2"}, "toolchain board_parts must be a list, not 'Ultra96v2'$"),
    ({"board_parts": []}, r"Toolchain board_parts must be a list of names as Ultra96v2, not \[\]$"),
    ({"board_parts": ["em.avnet.com:ultra96v2:part0:1.0"]}, "Toolchain board_parts must be a list of names"),
    ({"pll_hz": "1.5 GHz"}, "Toolchain pll_hz must be an integer in 750000000..1600000000 Hz, not '1.5 GHz'$"),
    ({"memory_ports": 3}, "Toolchain memory_ports must be 1, 2 or 4, not 3$"),
    ({"memory_ports": None}, "toolchain must give memory_ports$"),
    ({"peripherals": {"UART1": "EMIO"}}, "Toolchain peripherals must be as UART1: MIO 0 .. 1, not UART1: 'EMIO'$"),
    ({"peripherals": {"SPI0": "MIO 0 .. 1"}}, "Toolchain peripherals must be as UART1: MIO 0 .. 1, not SPI0:"),
    ({"speed": 1}, "toolchain key must be one of name, board_parts, pll_hz, memory_ports, peripherals, not 'speed'$"),
])
def test_settings_that_make_no_sense(changes, message):
    with pytest.raises(CodesignError, match=f"^Board ultra96v2: {message}"):
        VivadoSettings.of(with_toolchain(**changes))


def test_boards_that_are_not_zynq():
    with pytest.raises(CodesignError, match="^Board ulx3s must be one whose toolchain is vivado, not "):
        VivadoSettings.of(load_board("ulx3s"))
    with pytest.raises(CodesignError, match="Board part must be a Zynq UltraScale. as xczu3eg-.*, not 'xc7z020'$"):
        VivadoSettings.of(dataclasses.replace(ULTRA96, part="xc7z020"))
    with pytest.raises(CodesignError, match="^Board ultra96v2 must say what its firmware calls it$"):
        VivadoSettings.of(dataclasses.replace(ULTRA96, firmware=None))


@pytest.mark.parametrize("mhz, near", [(240, "250 or 214.286"), (200, "187.5 or 214.286"), (260, "250 or 300")])
def test_a_clock_that_the_processing_system_cannot_make(mhz, near):
    config = dataclasses.replace(ULTRA96.preset(), clock_hz=mhz * 10**6)
    with pytest.raises(CodesignError, match=f"^Clock must be 1500 MHz over an integer, {near} MHz, not {mhz} MHz$"):
        VivadoSettings.of(ULTRA96).ports_of(config)


@pytest.mark.parametrize("mhz", [100, 187.5, 214.285714, 250, 300])
def test_clocks_that_it_makes(mhz):
    config = dataclasses.replace(ULTRA96.preset(), clock_hz=round(mhz * 10**6))
    assert VivadoSettings.of(ULTRA96).ports_of(config) == 1


def test_memory_must_not_be_priced_faster_than_its_ports():
    settings, wide = VivadoSettings.of(ULTRA96), dataclasses.replace(ULTRA96.preset(), bus_bits=256)
    assert settings.ports_of(wide) == 1
    with pytest.raises(CodesignError, match="^Memory bytes_per_cycle must be at most 16 with 1 port and a bus of 256 "
                                            "bits, not 20$"):
        settings.ports_of(dataclasses.replace(wide, memory=Memory(bytes_per_cycle=20)))
    zcu102 = load_board("zcu102")
    with pytest.raises(CodesignError, match="at most 32 with 2 ports and a bus of 256 bits, not 38$"):
        VivadoSettings.of(zcu102).ports_of(dataclasses.replace(zcu102.preset(), cols=32, bus_bits=256))
