import re
from importlib import resources

import pytest
import yaml

from codesign.accelerator import PRESETS
from codesign.board import Board, board_names, load_board
from codesign.errors import CodesignError


def test_built_in_boards_say_what_their_preset_says():
    for name in ("ultra96v1", "ultra96v2", "ulx3s", "zcu102"):
        board = load_board(name)
        assert board.preset() == PRESETS[board.accelerator]
    assert load_board("ultra96v2").luts == 70_560
    assert load_board("zcu102").bram18 == 2 * 912


def test_board_files_are_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**load_board("ulx3s").to_dict(), "name": "mine", "luts": 1000}))
    assert load_board(str(path)).luts == 1000


@pytest.mark.parametrize(("change", "message"), [
    ({"luts": -1}, r"Board luts must be an integer in 0\.\.100000000, not -1"),
    ({"luts": True}, r"Board luts must be an integer .* not True"),
    ({"family": "spartan"}, r"Board family must be one of ecp5, xcup, not 'spartan'"),
    ({"colour": "red"}, r"Board key must be one of .*, not 'colour'"),
    ({"clock_hz": 1.5}, r"Board clock_hz must be an integer"),
    ({"accelerator": "huge"}, r"Board accelerator must be one of tiny, .*, not 'huge'"),
    ({"dram": "hbm"}, "Board dram must be one of lpddr4, ddr4, not 'hbm'"),
    ({"process_nm": 0}, r"Board process_nm must be an integer in 1\.\.1000 nm, not 0"),
    ({"static_w": -1}, r"Board static_w must be a number in 0\.\.1000 W, not -1"),
    ({"memory": {"bytes_per_cycle": 8}}, r"Board memory must be a mapping of bytes_per_cycle, kind, latency_cycles"),
    ({"memory": {"bytes_per_cycle": 8, "latency_cycles": 4, "kind": "tape"}}, r"memory kind must be one of dram"),
    ({"memory": {"bytes_per_cycle": 8, "latency_cycles": 4, "kind": "dram", "bytes": 8}},
     r"memory bytes must be an integer in 1024\.\.2\*\*40, not 8"),
    ({"reference_clock_hz": 1}, r"reference_clock_hz must be an integer in 1000000\.\.1000000000 Hz, not 1"),
    ({"firmware": "a board"}, r"Board firmware must be 1 to 15 characters without spaces, not 'a board'"),
    ({"serial": "USB"}, r"Board serial must be a mapping of port, bauds \(a list\), usb \(a list\), not 'USB'"),
    ({"serial": {"port": "US1", "bauds": 115200}}, r"Board serial must be a mapping of port, bauds \(a list\)"),
    ({"serial": {"port": "US1", "bauds": []}}, r"serial bauds must be a list of integers in 1200.*not \[\]"),
    ({"serial": {"port": "US1", "bauds": [9600], "usb": ["0403-6015"]}},
     r"serial usb must be a list of vendor:product, as \"0403:6015\", not \['0403-6015'\]"),
    ({"toolchain": "lattice"}, r"toolchain must be a mapping whose name is one of lattice, vivado, not 'lattice'"),
    ({"toolchain": {"name": "ise"}}, r"toolchain must be a mapping whose name is one of lattice, vivado, not \{'name'"),
])
def test_bad_boards_are_refused_in_one_line(change, message):
    with pytest.raises(CodesignError, match=message) as e:
        Board.from_dict({**load_board("ulx3s").to_dict(), **change})
    assert "\n" not in str(e.value)


def test_bad_board_references_are_refused(tmp_path):
    with pytest.raises(CodesignError, match="Board must be one of .*, ulx3s, zcu102 or a .yaml file, not 'pynq'"):
        load_board("pynq")
    with pytest.raises(CodesignError, match="must be readable"):
        load_board(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("name: [")
    with pytest.raises(CodesignError, match="must be YAML"):
        load_board(str(tmp_path / "bad.yaml"))
    (tmp_path / "short.yaml").write_text("name: short")
    with pytest.raises(CodesignError, match=r"short\.yaml: Board must give part, family"):
        load_board(str(tmp_path / "short.yaml"))


@pytest.mark.parametrize("name", board_names())
def test_a_board_is_its_file(name):
    board = load_board(name)
    assert board.name == name and Board.from_dict(board.to_dict()) == board
    text = (resources.files("codesign.boards") / f"{name}.yaml").read_text()
    assert {k: v for k, v in board.to_dict().items() if v is not None and k != "dram"} == \
        {k: {"usb": []} | v if k == "serial" else v for k, v in yaml.safe_load(text).items() if k != "dram"}


def test_what_the_firmware_calls_the_boards():
    """Names of boards, of their tables of power rails, and the memory that is shared, as the C sources have them."""
    firmware = resources.files("codesign.firmware")
    tables = set(re.findall(r'BOARD\("([^"]+)", ', (firmware / "sensors_boards.c").read_text()))
    zynq = (firmware / "zynqmp" / "board.h").read_text()
    for board in map(load_board, board_names()):
        assert board.power_sensors is None or board.power_sensors in tables
        if board.family == "xcup":
            assert f'"{board.firmware}"' in zynq
            assert f"#define SHARED_BYTES ({board.memory_bytes >> 20}u << 20)" in zynq


def test_a_board_to_price_needs_no_tools_or_port():
    values = load_board("ulx3s").to_dict()
    rest = {k: v for k, v in values.items() if k not in ("toolchain", "serial", "firmware", "reference_clock_hz")}
    board = Board.from_dict(rest)
    assert (board.toolchain, board.serial, board.power_sensors) == (None, None, None)
    assert board.preset() == load_board("ulx3s").preset()
