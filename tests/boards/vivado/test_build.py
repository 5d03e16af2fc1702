"""``codesign build`` for Zynq UltraScale+ boards."""

import json
import re

import pytest
import yaml

from codesign.board import load_board
from codesign.boards.vivado.project import UNVERIFIED
from codesign.cli import main

from .conftest import small_config

NETWORK = """
name: small
input: [1, 8, 8]
layers:
  - conv: 4
  - average
  - linear: 3
"""


@pytest.fixture
def arguments(tmp_path):
    """A small network, and a small accelerator for zcu102: ``arguments(out)``."""
    (tmp_path / "small.yaml").write_text(NETWORK)
    config = small_config("zcu102")[1]
    (tmp_path / "accelerator.yaml").write_text(yaml.safe_dump(config.to_dict()))
    return ["build", str(tmp_path / "small.yaml"), "--random-weights", "1", "--board", "zcu102",
            "--accelerator", str(tmp_path / "accelerator.yaml"), "--out", str(tmp_path / "out")]


def test_a_project_for_a_network(arguments, tmp_path, capsys):
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    out = tmp_path / "out"
    assert printed.startswith(f"{out}: small-zcu102 on zcu102 (xczu9eg-ffvb1156-2-e), a Vivado project\n{UNVERIFIED}\n")
    assert f"make -C {out} fabric\n" in printed and "codesign run small --accelerator" in printed
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["network"] == "small" and manifest["image"]["state"] == UNVERIFIED
    assert sorted(manifest["files"]) == sorted({p.name for p in out.iterdir()} - {"manifest.json"})
    assert {"program.bin", "firmware.elf", "Makefile", "system.tcl", "memory_ports.v"} <= set(manifest["files"])
    digest = manifest["digests"]["rtl"]
    assert re.search(rf"32'd{int(digest[:8], 16)}\b", (out / "accelerator.v").read_text())  # what register RTL_HI says


def test_the_same_inputs_give_the_same_bytes(arguments, tmp_path, capsys):
    assert main(arguments) == 0
    assert main([*arguments[:-1], str(tmp_path / "again")]) == 0
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_without_a_model(arguments, tmp_path, capsys):
    assert main([arguments[0], *arguments[4:], "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert "network" not in built and built["image"]["baud"] == 115200
    assert not (tmp_path / "out" / "program.bin").exists()


@pytest.mark.parametrize("more, message", [
    (["--embed"],
     "Program must go over the line to zcu102, not into its image (--embed): its memory is not the fabric's"),
    (["--clock", "240"], "Clock must be 1500 MHz over an integer, 250 or 214.286 MHz, not 240 MHz"),
])
def test_what_cannot_be_built_is_told_and_nothing_written(arguments, tmp_path, capsys, more, message):
    assert main([*arguments, *more]) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"codesign build: {message}")
    assert not (tmp_path / "out").exists()


def test_a_missing_compiler(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(arguments) == 1
    assert "apt install gcc-aarch64-linux-gnu" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_boards_of_ones_own_need_no_code(arguments, tmp_path, capsys):
    """ZCU102's file under another name, with one memory port: the bus is then too fast for it."""
    values = load_board("zcu102").to_dict()
    values["toolchain"]["memory_ports"] = 1
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**values, "name": "mine"}))
    arguments[arguments.index("zcu102")] = str(tmp_path / "mine.yaml")
    assert main(arguments) == 1
    assert "Memory bytes_per_cycle must be at most 16 with 1 port" in capsys.readouterr().err
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**values, "name": "mine", "memory": {
        **values["memory"], "bytes_per_cycle": 12}}))
    assert main(arguments) == 0
    assert "set masters {m_axi}\n" in (tmp_path / "out" / "settings.tcl").read_text()
