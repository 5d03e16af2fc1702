import json

from codesign.rtl.control import Control

from codesign.accelerator import PRESETS


def test_control(run_cocotb):
    config = PRESETS["tiny"]
    run_cocotb(Control(config), "cocotb_control", config=json.dumps(config.to_dict()))
