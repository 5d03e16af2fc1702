# amaranth: UnusedElaboratable=no

import json

import pytest

from codesign.accelerator import AcceleratorConfig
from codesign.rtl import writer as module
from codesign.rtl.writer import Writer

CONFIGS = {
    "narrow": AcceleratorConfig(rows=4, cols=5, bank_depth=64, acc_depth=4, bus_bits=64),
    "wide": AcceleratorConfig(rows=4, cols=4, bank_depth=64, acc_depth=4, bus_bits=512),
}


@pytest.mark.parametrize(("name", "bits"), [("narrow", module.OUTSTANDING_BITS), ("wide", 3)])
def test_writer(name, bits, run_cocotb, monkeypatch):
    """With few bits, the counter of unanswered writes is full in no time."""
    monkeypatch.setattr(module, "OUTSTANDING_BITS", bits)
    run_cocotb(Writer(CONFIGS[name]), "cocotb_writer", config=json.dumps(CONFIGS[name].to_dict()),
               outstanding_bits=str(bits))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_depth_holds_four_values_per_column(config):
    writer = Writer(config)
    assert writer.depth >= 4 * config.cols
    assert writer.depth % writer.lanes == 0
