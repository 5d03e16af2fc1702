import dataclasses

import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.fitting import largest_array, require_fit
from codesign.resources import Component, Resources, estimate_resources, excess

ULX3S = load_board("ulx3s")


def fits(config, board):
    return not excess(estimate_resources(config, board.family), board)


def test_the_largest_array_fits_and_the_next_does_not():
    large = dataclasses.replace(PRESETS["ulx3s"], rows=64, cols=64, wide_rows=8, bus_bits=256)
    found = largest_array(large, ULX3S)
    assert found.rows == found.cols > 16 and found.bank_depth == large.bank_depth and fits(found, ULX3S)
    assert not fits(dataclasses.replace(found, rows=found.rows + 4, cols=found.cols + 4), ULX3S)
    require_fit(found, ULX3S)


def test_shallower_banks_where_they_are_what_is_too_large():
    deep = dataclasses.replace(PRESETS["tiny"], bank_depth=1 << 17)
    small = dataclasses.replace(ULX3S, bram18=100)
    found = largest_array(deep, small)
    assert (found.rows, found.bank_depth) == (4, 1 << 16) and fits(found, small) and not fits(deep, small)


def test_what_does_not_fit_is_told_with_what_would():
    with pytest.raises(CodesignError, match=r"^Accelerator zcu102: lut must be at most 83640 on ulx3s, not \d+ "
                                            r"\(estimate\), .*; by the estimate, \d+x\d+ with banks of \d+ words "
                                            "would fit$"):
        require_fit(PRESETS["zcu102"], ULX3S)
    nothing = dataclasses.replace(ULX3S, luts=100)
    with pytest.raises(CodesignError, match=r"lut must be at most 100 on ulx3s, not \d+ \(estimate\)$"):
        require_fit(PRESETS["tiny"], nothing)


def test_what_is_beside_the_accelerator_counts():
    """It needs as much beside a smaller one."""
    config = PRESETS["ulx3s"]
    estimate = estimate_resources(config, "ecp5")
    whole = Resources("ecp5", (Component("all", lut=estimate.lut + 60_000, ff=1, dsp=1, bram18=1),), "synthesis")
    with pytest.raises(CodesignError, match=r"^Accelerator ulx3s: lut must be at most 83640 on ulx3s, not \d+ "
                                            r"\(synthesis\); by the estimate, (12x12|8x8) with banks") as e:
        require_fit(config, ULX3S, whole)
    n = int(str(e.value).split("estimate, ")[1].split("x")[0])
    smaller = dataclasses.replace(config, rows=n, cols=n)
    assert estimate_resources(smaller, "ecp5").lut + 60_000 <= ULX3S.luts
