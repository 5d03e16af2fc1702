# amaranth: UnusedElaboratable=no

import json

import numpy as np

from codesign.compiler import compile_network
from codesign.graph import Conv, GlobalAverage, GraphBuilder, Linear
from codesign.memory_map import MemoryMap
from codesign.random_weights import random_network
from codesign.reference import evaluate
from codesign.rtl.accelerator import Accelerator
from codesign.rtl.writer import Writer

from .test_accelerator import CONFIGS


def test_results_wait_for_a_memory_that_takes_none(run_cocotb, tmp_path):
    config = CONFIGS["4x4"]
    builder = GraphBuilder((1, 2, 2))
    builder.add("conv", Conv(out_channels=4), 0)
    builder.add("average", GlobalAverage(), 1)
    builder.add("linear", Linear(out_channels=3 * Writer(config).depth), 2)
    network = random_network(builder.graph(), 0)
    program = compile_network(network, config)
    image = np.random.default_rng(0).integers(0, 256, program.input_shape).astype(np.uint8)
    where, job = MemoryMap.of(program), tmp_path / "job.json"
    job.write_text(json.dumps({
        "stream": program.with_image(image).hex(), "registers": where.registers(0), "size": where.size_bytes,
        "output_address": where.output_address, "positions": list(program.logit_positions),
        "logits": evaluate(network, image[None])[0].tolist()}))
    run_cocotb(Accelerator(config), "cocotb_results", config=json.dumps(config.to_dict()), job=str(job))
