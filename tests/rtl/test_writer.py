# amaranth: UnusedElaboratable=no

import json

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.writer import Writer

CONFIGS = {
    "narrow": AcceleratorConfig(rows=4, cols=5, bank_depth=64, acc_depth=4, bus_bits=64),
    "wide": AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=512),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_writer(config, run_cocotb):
    run_cocotb(Writer(config), "cocotb_writer", config=json.dumps(config.to_dict()))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_depth_holds_four_values_per_column(config):
    writer = Writer(config)
    assert writer.depth >= 4 * config.cols
    assert writer.depth % writer.lanes == 0
