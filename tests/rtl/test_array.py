# amaranth: UnusedElaboratable=no

import json

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.array import SystolicArray


def test_array(run_cocotb):
    config = AcceleratorConfig(rows=4, cols=7, bank_depth=64, acc_depth=4, bus_bits=64)
    run_cocotb(SystolicArray(config), "cocotb_array", config=json.dumps(config.to_dict()))
