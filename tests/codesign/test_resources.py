import dataclasses

import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.board import board_names, load_board
from codesign.errors import CodesignError
from codesign.resources import coefficients, estimate_resources, excess


def config(**changes) -> AcceleratorConfig:
    return dataclasses.replace(PRESETS["ulx3s"], **changes)


@pytest.mark.parametrize("name", board_names())
def test_each_preset_fits_its_board(name):
    board = load_board(name)
    assert excess(estimate_resources(board.preset(), board.family), board) == ()


@pytest.mark.parametrize("family", ["ecp5", "xcup"])
def test_a_wide_row_costs_wider_sums(family):
    arrays = [estimate_resources(config(wide_rows=n), family).components[0] for n in (4, 5)]
    assert [config(wide_rows=n).psum_bits for n in (4, 5)] == [15, 15] and config(wide_rows=4).narrow_psum_bits == 12
    model = coefficients(family).lut["array"]
    each = 3 * model.get("sum_bits", 0) + model.get("wide_elements", 0)
    assert arrays[1].lut - arrays[0].lut == pytest.approx(16 * each, abs=1)


def test_needs_grow_with_what_causes_them():
    base = estimate_resources(config(), "ecp5")
    assert estimate_resources(config(rows=32), "ecp5").lut > base.lut
    assert estimate_resources(config(cols=8), "ecp5").dsp == base.dsp - 16
    assert estimate_resources(config(bank_depth=16384), "ecp5").bram18 == base.bram18 + 32
    assert estimate_resources(config(acc_depth=1024), "ecp5").bram18 == base.bram18 + 16
    assert base.memory_bits == 16 * 8192 * 4 + 16 * 512 * 24 + 128 * 64 + 512 * 192 + 64 * 66
    assert base.to_dict()["lut"] == sum(c["lut"] for c in base.to_dict()["components"].values())


@pytest.mark.parametrize("cols, bank_depth, xcup, ecp5", [(15, 4096, 15 + 3, 30 + 3), (12, 4096, 24, 36),
                                                          (12, 256, 12, 36)])
def test_columns_that_share_a_bank_multiply_by_other_than_powers_of_two(cols, bank_depth, xcup, ecp5):
    """The fourth of four columns by its number, each of three by theirs: as many as Yosys 0.70 made."""
    shared = config(rows=4, cols=cols, acc_bits=24, bank_depth=bank_depth, acc_depth=64, wide_rows=0, bus_bits=64)
    for family, dsps in (("xcup", xcup), ("ecp5", ecp5)):
        columns = next(c for c in estimate_resources(shared, family).components if c.name == "columns")
        assert columns.dsp == dsps


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
