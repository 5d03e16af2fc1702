# amaranth: UnusedElaboratable=no

import json

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.rtl.array import SystolicArray


@pytest.mark.parametrize("rows, cols, wide_rows, weight_rows", [(4, 7, 0, 1), (7, 4, 3, 1), (4, 5, 4, 1), (9, 4, 2, 3)])
def test_array(rows, cols, wide_rows, weight_rows, run_cocotb):
    config = AcceleratorConfig(rows=rows, cols=cols, wide_rows=wide_rows, weight_rows=weight_rows, bank_depth=64,
                               acc_depth=4, bus_bits=64)
    run_cocotb(SystolicArray(config), "cocotb_array", config=json.dumps(config.to_dict()))
