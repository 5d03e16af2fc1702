"""The PLL's dividers: within the data sheet's limits, and what cannot be made is said with what can."""

import re

import pytest

from codesign.errors import CodesignError
from codesign.rtl.system.pll import pll_for


@pytest.mark.parametrize("reference_hz", [25_000_000, 100_000_000])
@pytest.mark.parametrize("clock_hz", [25_000_000, 50_000_000, 75_000_000, 80_000_000, 90_000_000, 100_000_000])
def test_the_clock_is_exact_and_within_the_limits(reference_hz, clock_hz):
    pll = pll_for(reference_hz, clock_hz)
    oscillator_hz = reference_hz * pll.oscillator_divider / pll.input_divider
    assert pll.clock_hz * pll.output_divider == oscillator_hz and pll.clock_hz == clock_hz
    assert 10e6 <= reference_hz / pll.input_divider <= 400e6 and 400e6 <= oscillator_hz <= 800e6
    assert all(1 <= d <= 128 for d in (pll.input_divider, pll.oscillator_divider, pll.output_divider))


def test_a_clock_out_of_reach_is_refused_with_the_nearest():
    with pytest.raises(CodesignError, match=r"^Clock must be one that the PLL makes of 25000000 Hz \(nearest: "
                                            r"\d+ Hz and \d+ Hz\), not 73000001 Hz$") as error:
        pll_for(25_000_000, 73_000_001)
    below, above = map(int, re.findall(r"(\d+) Hz(?: and|\))", str(error.value)))
    assert below < 73_000_001 < above
    assert {pll_for(25_000_000, hz).clock_hz for hz in (below, above)} == {below, above}
    with pytest.raises(CodesignError, match=r"nearest: 400000000 Hz\), not 500000000 Hz"):
        pll_for(25_000_000, 500_000_000)
    with pytest.raises(CodesignError, match="nearest: none"):
        pll_for(1_000_000, 50_000_000)
