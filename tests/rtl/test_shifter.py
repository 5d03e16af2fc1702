import dataclasses
import random

import pytest

from codesign.accelerator import PRESETS
from codesign.integer import SHIFT_MAX
from codesign.rtl.shifter import Shifter

from .harness import play


@pytest.mark.parametrize("acc_bits", [16, 27, 32])
def test_all_distances(acc_bits):
    """Values around every power of two, of either sign, and random ones, shifted by every distance."""
    config, rng = dataclasses.replace(PRESETS["tiny"], acc_bits=acc_bits), random.Random(acc_bits)
    high = 1 << config.scaled_bits - 1
    values = {sign * (1 << bit) + more
              for bit in range(config.scaled_bits - 1) for sign in (1, -1) for more in (-1, 0, 1)}
    values = [v for v in values | {high - 1, -high} if -high <= v < high]
    cases = [(rng.choice(values) if rng.random() < 0.5 else rng.randrange(-high, high) >> rng.randrange(40), places)
             for places in range(SHIFT_MAX + 1) for _ in range(80)]
    cases += [(rng.randrange(256 << places), places) for places in range(SHIFT_MAX + 1) for _ in range(20)
              if 256 << places <= high]
    cases += [((top + extra << places) + rng.randrange(1 << places), places) for places in range(SHIFT_MAX + 1)
              for top in (0, 15, 255) for extra in (-1, 0, 1) if top + extra + 1 << places < high]
    wides = [rng.randrange(2) for _ in cases]
    idle = {"i": 0, "places": 0, "wide": 0}
    cycles = [{"i": i, "places": places, "wide": wide} for (i, places), wide in zip(cases, [0, *wides], strict=False)]
    seen = play(Shifter(config), [*cycles, idle | {"wide": wides[-1]}, idle])
    expected = [min(max(0, i >> places), 255 if wide else 15) for (i, places), wide in zip(cases, wides, strict=True)]
    assert {0, 15, 255} < set(expected) and len(set(expected)) > 100
    assert [s["o"] for s in seen[Shifter.LATENCY:]] == expected
