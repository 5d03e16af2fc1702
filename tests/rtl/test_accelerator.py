# amaranth: UnusedElaboratable=no

import json
import os
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

from codesign import schedule
from codesign.accelerator import AcceleratorConfig
from codesign.boards.vivado.hdl import TOP, verilog_files
from codesign.compiler import compile_network
from codesign.cycles import predict_schedule
from codesign.memory_map import MemoryMap
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.rtl.accelerator import Accelerator
from codesign.rtl.emit import to_verilog
from tests.random_graphs import random_graph

CONFIGS = {
    "4x4": AcceleratorConfig(rows=4, cols=4, wide_rows=2, bank_depth=1024, acc_depth=16, bus_bits=64, burst_beats=8),
    "5x6": AcceleratorConfig(rows=5, cols=6, bank_depth=1024, acc_depth=8, bus_bits=128, burst_beats=4, fifo_bursts=2),
}
PROGRAM_ADDRESS = 0x10000


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_between_axi_models(config, run_cocotb, tmp_path, monkeypatch):
    job = write_job(config, tmp_path, monkeypatch)
    run_cocotb(Accelerator(config), "cocotb_accelerator", config=json.dumps(config.to_dict()), job=str(job))


@pytest.mark.slow
def test_the_top_of_a_vivado_project_with_four_memory_ports(run_cocotb, tmp_path, monkeypatch):
    """All the same with :mod:`codesign.rtl.memory_ports` between, each port stalled on its own: results, errors, what a
    memory that does not answer leads to."""
    config = AcceleratorConfig(rows=4, cols=4, wide_rows=2, bank_depth=1024, acc_depth=16, bus_bits=512, burst_beats=4)
    job = write_job(config, tmp_path, monkeypatch)
    model = resources.files("codesign.sim").joinpath("dsp48e2.v").read_text()
    run_cocotb((TOP, "\n".join([*verilog_files(config, 4).values(), model])), "cocotb_accelerator",
               config=json.dumps(config.to_dict()), job=str(job), ports="4")


def write_job(config, tmp_path, monkeypatch):
    """What cocotb_accelerator needs to know of a random network on ``config``, as a file."""
    monkeypatch.setattr(schedule, "PIECE_WORDS", 4)  # so that a small image, too, is loaded while the array works
    rng = np.random.default_rng(4)
    graph = random_graph(rng)
    while not 6 <= len(graph.nodes) or not 30 <= graph.input_shape[1] * graph.input_shape[2] <= 50:
        graph = random_graph(rng)
    network = random_network(graph, 0)
    program = compile_network(network, config)
    kinds = [type(step) for step in program.schedule.steps]
    assert schedule.Load in kinds[kinds.index(schedule.Pass):], "an image that comes before all work"
    images = rng.integers(0, 256, (2, *graph.input_shape)).astype(np.uint8)
    where = MemoryMap.of(program)
    job = tmp_path / "job.json"
    job.write_text(json.dumps({
        "stream": program.stream.hex(), "address": PROGRAM_ADDRESS, "registers": where.registers(PROGRAM_ADDRESS),
        "places": [[(at, data.hex()) for at, data in program.place_image(image)] for image in images],
        "output_address": PROGRAM_ADDRESS + where.output_address, "output_bytes": where.output_bytes,
        "positions": list(program.logit_positions), "logits": evaluate(network, images).tolist(),
        "counters": predict_schedule(program.schedule).counters}))
    return job


def test_emission_does_not_depend_on_the_hash_seed():
    script = ("from codesign.accelerator import PRESETS; from codesign.rtl.accelerator import Accelerator; "
              "from codesign.rtl.emit import to_verilog; "
              "print(to_verilog(Accelerator(PRESETS['tiny']), 'accelerator'))")
    texts = [subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed},
                            capture_output=True, text=True, check=True).stdout for seed in ("1", "2")]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("config, array", [(CONFIGS["4x4"], {"array_row", "pe", "array_row_wide", "pe_wide"}),
                                           (CONFIGS["5x6"], {"array_row", "pe"})], ids=CONFIGS)
def test_repeated_parts_are_emitted_once(config, array):
    verilog = to_verilog(Accelerator(config), "accelerator")
    modules = [line.split()[1].split("(")[0] for line in verilog.splitlines() if line.startswith("module ")]
    assert {name for name in modules if name.startswith(("array_row", "pe"))} == array
    assert {"accelerator", "row", *(f"column_{i}" for i in range(config.columns_per_bank))} <= set(modules)
    assert len(modules) == len(set(modules))
