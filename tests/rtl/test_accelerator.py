# amaranth: UnusedElaboratable=no

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.compiler import compile_network
from codesign.cycles import predict_schedule
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.rtl.accelerator import Accelerator
from codesign.rtl.emit import to_verilog
from tests.random_graphs import random_graph

CONFIGS = {
    "4x4": AcceleratorConfig(rows=4, cols=4, bank_depth=1024, acc_depth=16, bus_bits=64, burst_beats=8),
    "5x6": AcceleratorConfig(rows=5, cols=6, bank_depth=1024, acc_depth=8, bus_bits=128, burst_beats=4, fifo_bursts=2),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_between_axi_models(config, run_cocotb, tmp_path):
    rng = np.random.default_rng(11)
    graph = random_graph(rng)
    while not 6 <= len(graph.nodes) or graph.input_shape[1] * graph.input_shape[2] > 50:
        graph = random_graph(rng)
    network = random_network(graph, 0)
    program = compile_network(network, config)
    images = rng.integers(0, 256, (2, *graph.input_shape)).astype(np.uint8)
    results = np.zeros((len(images), program.results), np.int64)
    results[:, list(program.logit_positions)] = evaluate(network, images)
    job = tmp_path / "job.json"
    job.write_text(json.dumps({
        "program": program.memory_image().hex(), "images": [program.pack_image(image).hex() for image in images],
        "results": results.tolist(), "positions": list(program.logit_positions), "output_bytes": program.output_bytes,
        "counters": predict_schedule(program.schedule).counters,
        "LEAD_BEATS": len(program.lead) // program.beat_bytes, "BODY_BEATS": len(program.body) // program.beat_bytes,
        "INPUT_BEATS": program.input_bytes // program.beat_bytes}))
    run_cocotb(Accelerator(config), "cocotb_accelerator", config=json.dumps(config.to_dict()), job=str(job))


def test_emission_does_not_depend_on_the_hash_seed():
    script = ("from codesign.accelerator import PRESETS; from codesign.rtl.accelerator import Accelerator; "
              "from codesign.rtl.emit import to_verilog; "
              "print(to_verilog(Accelerator(PRESETS['tiny']), 'accelerator'))")
    texts = [subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed},
                            capture_output=True, text=True, check=True).stdout for seed in ("1", "2")]
    assert texts[0] == texts[1]


def test_repeated_parts_are_emitted_once():
    verilog = to_verilog(Accelerator(CONFIGS["4x4"]), "accelerator")
    modules = [line.split()[1].split("(")[0] for line in verilog.splitlines() if line.startswith("module ")]
    assert {"accelerator", "array_row", "pe", "row", "column_0"} <= set(modules)
    assert len(modules) == len(set(modules))
