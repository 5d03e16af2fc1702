import dataclasses

import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.board import board_names, load_board
from codesign.errors import CodesignError
from codesign.resources import bram18_blocks, estimate_resources, excess


def config(**changes) -> AcceleratorConfig:
    return dataclasses.replace(PRESETS["ulx3s"], **changes)


@pytest.mark.parametrize("name", ["ultra96", "ulx3s", "zcu102"])
def test_each_preset_fits_its_board(name):
    assert name in board_names()
    board = load_board(name)
    assert excess(estimate_resources(board.preset(), board.family), board) == ()


def test_arrays_agree_with_the_trial_syntheses():
    # A 20-bit sum, as synthesized, is 8 bits wider than 16 rows need and 7 wider than 32 rows need.
    ecp5 = {c.name: c for c in estimate_resources(config(), "ecp5").components}["array"]
    assert ecp5.lut + 256 * (20 - config().psum_bits) == pytest.approx(11_600, rel=0.01)
    xcup = {c.name: c for c in estimate_resources(PRESETS["ultra96"], "xcup").components}["array"]
    assert 33_000 <= xcup.lut + 1024 * (20 - PRESETS["ultra96"].psum_bits) <= 41_000


@pytest.mark.parametrize(("words", "bits", "blocks"), [(4096, 4, 1), (8192, 4, 2), (32768, 4, 8), (1024, 24, 2),
                                                       (512, 24, 1), (512, 128, 4), (65, 4, 1), (16384, 1, 1)])
def test_block_ram_shapes(words, bits, blocks):
    assert bram18_blocks(words, bits) == blocks


def test_needs_grow_with_what_causes_them():
    base = estimate_resources(config(), "ecp5")
    assert estimate_resources(config(rows=32), "ecp5").lut > base.lut
    assert estimate_resources(config(cols=8), "ecp5").dsp == base.dsp // 2
    assert estimate_resources(config(bank_depth=16384), "ecp5").bram18 == base.bram18 + 32
    assert estimate_resources(config(acc_depth=64), "ecp5").bram18 == base.bram18 - 16
    assert base.memory_bits == 16 * 8192 * 4 + 16 * 512 * 24 + 128 * 64
    assert base.to_dict()["lut"] == sum(c["lut"] for c in base.to_dict()["components"].values())


def test_excess_names_the_resource_and_the_limit():
    board = dataclasses.replace(load_board("ulx3s"), luts=10_000, bram18=1000)
    lines = excess(estimate_resources(config(), "ecp5"), board)
    assert len(lines) == 1 and lines[0].startswith("lut must be at most 10000 on ulx3s, not ")
    assert excess(estimate_resources(config(), "ecp5"), load_board("ulx3s"), share=0.1) != ()


def test_families_must_agree():
    with pytest.raises(CodesignError, match="family must be one of ecp5, xcup, not 'asic'"):
        estimate_resources(config(), "asic")
    with pytest.raises(CodesignError, match="family must be ecp5 for ulx3s, not 'xcup'"):
        excess(estimate_resources(config(), "xcup"), load_board("ulx3s"))
