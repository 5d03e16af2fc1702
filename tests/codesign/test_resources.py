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


# Yosys 0.70, synth_ecp5: LUT4 + 2 CCU2C + 6 TRELLIS_DPR16X4, flip-flops, MULT18X18D (of them one a PE), DP16KD.
SYNTHESIZED = [("tiny", {}, 6_731, 4_757, 25, 9),
               ("ulx3s", {"rows": 8, "cols": 8, "wide_rows": 4}, 11_399, 8_559, 81, 27),
               ("ulx3s", {"rows": 16, "cols": 8}, 12_426, 11_647, 145, 43), ("ulx3s", {}, 18_884, 18_744, 289, 53)]


@pytest.mark.parametrize(("preset", "changes", "lut", "ff", "dsp", "bram18"), SYNTHESIZED)
def test_estimates_are_near_the_syntheses(preset, changes, lut, ff, dsp, bram18):
    c = dataclasses.replace(PRESETS[preset], **changes)
    estimate, pes = estimate_resources(c, "ecp5"), c.rows * c.cols
    assert estimate.lut - 25.3 * pes == pytest.approx(lut, rel=0.07)  # there, PEs multiply in DSPs
    assert estimate.ff == pytest.approx(ff, rel=0.005)
    assert (estimate.dsp + pes, estimate.bram18) == (dsp, pytest.approx(bram18, abs=1))


def test_arrays_agree_with_the_trial_syntheses():
    # A 20-bit sum, as synthesized, is 8 bits wider than 16 rows need and 7 wider than 32 rows need.
    small, large = config(wide_rows=0), dataclasses.replace(PRESETS["ultra96"], wide_rows=0)
    ecp5 = {c.name: c for c in estimate_resources(small, "ecp5").components}["array"]
    assert ecp5.lut + 256 * (20 - small.psum_bits) == pytest.approx(11_600, rel=0.03)
    xcup = {c.name: c for c in estimate_resources(large, "xcup").components}["array"]
    assert 33_000 <= xcup.lut + 1024 * (20 - large.psum_bits) <= 42_000


def test_a_wide_row_costs_its_multiplexers_and_wider_sums():
    arrays = [estimate_resources(config(wide_rows=n), "ecp5").components[0] for n in (4, 5)]
    assert [config(wide_rows=n).psum_bits for n in (4, 5)] == [15, 15] and config(wide_rows=4).narrow_psum_bits == 12
    assert arrays[1].lut - arrays[0].lut == 16 * (3 + 12) and arrays[1].ff - arrays[0].ff == 16 * (3 + 1)


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
    assert base.memory_bits == 16 * 8192 * 4 + 16 * 512 * 24 + 128 * 64 + 512 * 32 + 64 * 32
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
