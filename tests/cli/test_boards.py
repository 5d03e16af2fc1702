import json
import re

from codesign.board import board_names, load_board

from .conftest import SCRIPT


def test_boards_as_data(codesign):
    listed = json.loads(codesign("boards", "--json", check=True).stdout)
    assert [board["name"] for board in listed] == board_names()
    for board in listed:
        can = board.pop("can")
        assert isinstance(board.pop("ports"), list)
        assert board == json.loads(json.dumps(load_board(board["name"]).to_dict()))
        assert set(can) == {"simulate", "run", "bitstream"}
        assert all(ability["ok"] == (not ability["problems"]) for ability in can.values())


def test_boards_as_text_and_a_file_among_them(codesign, tmp_path):
    values = {**load_board("ulx3s").to_dict(), "name": "mine", "toolchain": None}
    (tmp_path / "mine.yaml").write_text(json.dumps(values))
    printed = codesign("boards", "mine.yaml", check=True).stdout
    assert re.search(r"^ulx3s +LFE5U-85F-6BG381C +83,640 +83,640 +156 +208 +75 +.* lattice$", printed, re.M)
    assert re.search(r"^mine +yes +\w+ +no +none here$", printed, re.M)
    assert "Board mine must say its toolchain in its file for an image to be built\n  for: bitstream (mine)" in printed


def test_what_is_missing_here(codesign, tmp_path):
    (tmp_path / "python3").symlink_to(SCRIPT.with_name("python"))
    printed = codesign("boards", check=True, PATH=str(tmp_path)).stdout
    assert re.search(r"^ulx3s +no +no +no ", printed, re.M)
    assert re.search(r"^g\+\+ must be installed: apt install g\+\+\n  for: simulate \(", printed, re.M)


def test_a_board_file_that_is_wrong(error_line, tmp_path):
    (tmp_path / "bad.yaml").write_text("name: bad")
    assert re.search(r"^codesign boards: bad\.yaml: Board must give part, ", error_line("boards", "bad.yaml"))
