import dataclasses

import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.board import board_names, load_board
from codesign.errors import CodesignError
from codesign.resources import bram18_blocks, estimate_resources, excess


def config(**changes) -> AcceleratorConfig:
    return dataclasses.replace(PRESETS["ulx3s"], **changes)


@pytest.mark.parametrize("name", board_names())
def test_each_preset_fits_its_board(name):
    board = load_board(name)
    assert excess(estimate_resources(board.preset(), board.family), board) == ()


# By codesign.sim.synthesis: LUT, flip-flops, DSP, 18-Kbit blocks.
SYNTHESIZED = [("tiny", {}, "xcup", 5_222, 5_957, 4, 10), ("ulx3s", {}, "xcup", 17_892, 23_986, 16, 56),
               ("ultra96", {}, "xcup", 49_417, 65_595, 33, 356), ("tiny", {}, "ecp5", 8_235, 5_931, 9, 14),
               ("ulx3s", {"rows": 8, "cols": 8, "wide_rows": 4}, "ecp5", 13_851, 10_351, 17, 32),
               ("ulx3s", {"rows": 16, "cols": 8}, "ecp5", 17_432, 13_738, 17, 48),
               ("ulx3s", {}, "ecp5", 28_154, 21_867, 33, 58)]


@pytest.mark.parametrize(("preset", "changes", "family", "lut", "ff", "dsp", "bram18"), SYNTHESIZED)
def test_estimates_are_near_the_syntheses(preset, changes, family, lut, ff, dsp, bram18):
    estimate = estimate_resources(dataclasses.replace(PRESETS[preset], **changes), family)
    assert estimate.lut == pytest.approx(lut, rel=0.02)
    assert estimate.ff == pytest.approx(ff, rel=0.04)
    assert (estimate.dsp, estimate.bram18) == (pytest.approx(dsp, abs=1), pytest.approx(bram18, abs=4))


def test_a_wide_row_costs_wider_sums_and_activations():
    arrays = [estimate_resources(config(wide_rows=n), "xcup").components[0] for n in (4, 5)]
    assert [config(wide_rows=n).psum_bits for n in (4, 5)] == [15, 15] and config(wide_rows=4).narrow_psum_bits == 12
    assert arrays[1].lut - arrays[0].lut == 16 * 2 * 3 and arrays[1].ff - arrays[0].ff == 16 * (3 + 4)


@pytest.mark.parametrize(("words", "bits", "blocks"), [(4096, 4, 1), (8192, 4, 2), (32768, 4, 8), (1024, 24, 2),
                                                       (512, 24, 1), (512, 128, 4), (65, 4, 1), (16384, 1, 1)])
def test_block_ram_shapes(words, bits, blocks):
    assert bram18_blocks(words, bits) == blocks


def test_needs_grow_with_what_causes_them():
    base = estimate_resources(config(), "ecp5")
    assert estimate_resources(config(rows=32), "ecp5").lut > base.lut
    assert estimate_resources(config(cols=8), "ecp5").dsp == base.dsp - 16
    assert estimate_resources(config(bank_depth=16384), "ecp5").bram18 == base.bram18 + 32
    assert estimate_resources(config(acc_depth=1024), "ecp5").bram18 == base.bram18 + 16
    assert base.memory_bits == 16 * 8192 * 4 + 16 * 512 * 24 + 128 * 64 + 512 * 192 + 64 * 32
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
