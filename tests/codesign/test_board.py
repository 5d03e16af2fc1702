import pytest
import yaml

from codesign.accelerator import PRESETS
from codesign.board import Board, board_names, load_board
from codesign.errors import CodesignError


def test_built_in_boards_say_what_their_preset_says():
    assert board_names() == ["ultra96", "ulx3s", "zcu102"]
    for name in board_names():
        board = load_board(name)
        assert board.preset() == PRESETS[board.accelerator]
        assert Board.from_dict(board.to_dict()) == board
    assert load_board("ultra96").luts == 70_560
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
])
def test_bad_boards_are_refused_in_one_line(change, message):
    with pytest.raises(CodesignError, match=message) as e:
        Board.from_dict({**load_board("ulx3s").to_dict(), **change})
    assert "\n" not in str(e.value)


def test_bad_board_references_are_refused(tmp_path):
    with pytest.raises(CodesignError, match="Board must be one of ultra96, ulx3s, zcu102 or a .yaml file, not 'pynq'"):
        load_board("pynq")
    with pytest.raises(CodesignError, match="must be readable"):
        load_board(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("name: [")
    with pytest.raises(CodesignError, match="must be YAML"):
        load_board(str(tmp_path / "bad.yaml"))
    (tmp_path / "short.yaml").write_text("name: short")
    with pytest.raises(CodesignError, match=r"short\.yaml: Board must give part, family"):
        load_board(str(tmp_path / "short.yaml"))
