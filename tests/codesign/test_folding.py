from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codesign.errors import CodesignError
from codesign.folding import fold
from codesign.integer import Layer

ACC = 2**23 - 1
gains = st.one_of(st.floats(0, 1), st.floats(0, 65534), st.floats(1e-12, 1e-3),
                  st.integers(-40, 15).map(lambda e: 2.0**e), st.integers(-40, 15).map(lambda e: 2.0**e * (1 - 2**-53)))
offsets = st.one_of(st.floats(-100, 100), st.floats(-1e15, 1e15), st.integers(0, 60).map(lambda e: -(2.0**e)))


@given(gains, offsets, st.integers(-ACC, ACC), st.sampled_from([4, 8]))
@example(16384.75, -137445246883.0, 8388480, 4)  # saturates, but would not if moved to where the exact gain just does
def test_close_to_the_real_function_and_in_range(gain, offset, acc, bits):
    top = 2**bits - 1
    mul, add, places = fold(np.array([gain]), np.array([offset]), np.array([ACC]), bits)
    Layer(weight=np.zeros((1, 1), np.int8), mul=mul, add=add, shift=places).check("fold", 1, 1, 4)
    q = min(max((acc * int(mul[0]) + int(add[0])) >> int(places[0]), 0), top)
    # Half a unit of the last kept place in gain and in offset.
    slack = Fraction(abs(acc) + 1, 2 << int(places[0])) * Fraction(1001, 1000)
    wanted = [min(max(floor(Fraction(gain) * acc + Fraction(offset) + e), 0), top) for e in (-slack, slack)]
    assert wanted[0] <= q <= wanted[1]


def test_keeps_sixteen_bits_of_gain():
    gain = np.random.default_rng(0).uniform(1e-4, 10, 1000)
    mul, _, places = fold(gain, np.zeros(1000), np.full(1000, 1000.0))
    assert mul.min() >= 2**15
    assert np.abs(mul / 2.0**places / gain - 1).max() <= 2.0**-16


@pytest.mark.parametrize("gain, offset, pattern", [
    (-1.0, 0.0, "Gains must be at least 0, not -1.0"), (np.nan, 0.0, "must be finite"),
    (1.0, np.inf, "must be finite"), (70000.0, 0.0, "Gains must be below 65535, not 70000.0")])
def test_refuses(gain, offset, pattern):
    with pytest.raises(CodesignError, match=pattern):
        fold(np.array([gain]), np.array([offset]), np.array([10]))
