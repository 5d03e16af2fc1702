import pytest

from codesign.accelerator import PRESETS
from codesign.energy import COUNTERS, coefficients, estimate_energy
from codesign.errors import CodesignError

COUNTS = dict(cycles=2000, active_cycles=1500, stream_words=300, read_beats=700, write_beats=5, bank_reads=20_000,
              bank_writes=9_000)


def energy(**changes):
    return estimate_energy(PRESETS["ulx3s"], {**COUNTS, **changes}, family="ecp5", memory_kind="on-chip")


def test_every_coefficient_has_unit_and_source():
    entries = [e for name, e in coefficients().items() if name != "static_w"]
    entries += coefficients()["static_w"].values()
    for entry in entries:
        assert float(entry["value"]) > 0 and entry["unit"] and entry["source"]


def test_energy_is_linear_in_each_counter_and_never_falls():
    base = energy()
    assert base.total_j == pytest.approx(sum(base.components.values()))
    for key in COUNTERS:
        steps = [energy(**{key: COUNTS[key] + n}).total_j - base.total_j for n in (1000, 2000)]
        assert steps[0] > 0 and steps[1] == pytest.approx(2 * steps[0], rel=1e-6)


def test_figures_by_hand():
    parts = energy().components
    assert parts["static"] == pytest.approx(2000 / 75e6 * 0.25)
    assert parts["array"] == pytest.approx(1500 * 256 * 0.10e-12 * 14)
    assert parts["stream"] == pytest.approx(300 * 64 * (2e-15 * 14 + 2 * 10e-12 / 64), rel=0.01)
    assert parts["memory"] == pytest.approx(705 * 8 * 2.5e-12)
    dram = estimate_energy(PRESETS["ulx3s"], COUNTS, family="ecp5", memory_kind="dram").components["memory"]
    assert dram == pytest.approx(705 * 8 / 8 * 1.3e-9)


def test_bad_requests_are_refused():
    with pytest.raises(CodesignError, match="counters must include active_cycles"):
        estimate_energy(PRESETS["tiny"], {"cycles": 1}, family="ecp5", memory_kind="dram")
    with pytest.raises(CodesignError, match="counters must be at least 0, not {'cycles': -1}"):
        energy(cycles=-1)
    with pytest.raises(CodesignError, match="memory kind must be one of dram, on-chip, not 'tape'"):
        estimate_energy(PRESETS["tiny"], COUNTS, family="ecp5", memory_kind="tape")
    with pytest.raises(CodesignError, match="family must be one of"):
        estimate_energy(PRESETS["tiny"], COUNTS, family="asic", memory_kind="dram")
