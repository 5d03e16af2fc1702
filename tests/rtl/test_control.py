import json

from codesign.accelerator import PRESETS
from codesign.rtl.control import Control


def test_control(run_cocotb):
    config = PRESETS["tiny"]
    run_cocotb(Control(config), "cocotb_control", config=json.dumps(config.to_dict()))
