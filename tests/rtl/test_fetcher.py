import json

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.fetcher import Fetcher

CONFIGS = {
    "narrow": AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=64, burst_beats=8, fifo_bursts=8),
    "wide": AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=256, burst_beats=2, fifo_bursts=2),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_fetcher(config, run_cocotb):
    run_cocotb(Fetcher(config), "cocotb_fetcher", config=json.dumps(config.to_dict()))
