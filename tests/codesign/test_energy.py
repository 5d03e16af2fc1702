import dataclasses

import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.energy import COUNTERS, coefficients, estimate_energy, events, family_value, ram_blocks
from codesign.errors import CodesignError

COUNTS = dict(cycles=2000, active_cycles=1500, stream_words=300, read_beats=700, write_beats=5, bank_reads=20_000,
              bank_writes=9_000)
ULX3S = load_board("ulx3s")


def energy(board=ULX3S, config=PRESETS["ulx3s"], **changes):
    return estimate_energy(config, {**COUNTS, **changes}, board)


def test_every_coefficient_has_unit_node_and_source():
    scales = coefficients()["scales"]
    assert all(float(s["value"]) > 0 and s["source"] for s in scales.values())
    for part in ("ecp5", "xcup", "dram"):
        for name, entry in coefficients()[part].items():
            assert float(entry["value"]) > 0 and entry["unit"] and entry["source"] and entry["nm"] > 0, name
            assert set(entry.get("scales", ())) <= set(scales), name
    assert coefficients()["ecp5"].keys() == coefficients()["xcup"].keys()


def test_scales_multiply():
    assert family_value("ecp5", "mac_j") == pytest.approx(0.10e-12 * 14)
    assert family_value("xcup", "mac_j") == pytest.approx(0.10e-12 * 14 * 0.45)
    assert family_value("xcup", "ram_port_j") == 4.0e-12


def test_energy_is_linear_in_each_counter_and_never_falls():
    base = energy()
    assert base.total_j == pytest.approx(sum(base.components.values()))
    for key in COUNTERS:
        steps = [energy(**{key: COUNTS[key] + n}).total_j - base.total_j for n in (1000, 2000)]
        assert steps[0] > 0 and steps[1] == pytest.approx(2 * steps[0], rel=1e-6)


def test_figures_by_hand():
    """On the 16x16 array: banks of 8192 x 4 bits are one block of 32 Kbit, accumulators of 512 x 24 too, and two 18-bit
    multipliers take a product."""
    parts = energy().components
    assert energy().static_j == parts["static"] == pytest.approx(2000 / 75e6 * 0.25)
    assert parts["array"] == pytest.approx(1500 * 256 * 0.10e-12 * 14)
    assert parts["stream"] == pytest.approx(300 * (64 * 2e-15 * 14 + 2 * 9e-12))
    assert parts["banks"] == pytest.approx(29_000 * 9e-12)
    assert parts["accumulators"] == pytest.approx(1500 * 16 * (2 * 9e-12 + 0.075e-12 * 14))
    assert parts["requantizers"] == pytest.approx(9_000 * 2 * 9.8e-12)
    assert parts["memory"] == pytest.approx(705 * 8 * 9e-12 / 8)
    ultra96 = energy(load_board("ultra96v2"), PRESETS["ultra96"]).components
    assert ultra96["memory"] == pytest.approx(705 * 16 * 8 * 8e-12)  # LPDDR4 at 8 pJ a bit
    assert ultra96["banks"] == pytest.approx(29_000 * 4 * 4e-12)  # 32,768 x 4 bits are four blocks


def test_a_board_says_its_memory_and_its_static_power():
    ddr4 = energy(dataclasses.replace(ULX3S, memory_kind="dram")).components["memory"]
    assert ddr4 == pytest.approx(705 * 8 * 162.5e-12)
    measured = energy(dataclasses.replace(ULX3S, static_w=1.5))
    assert measured.static_j == pytest.approx(2000 / 75e6 * 1.5)
    assert measured.total_j - measured.static_j == pytest.approx(energy().total_j - energy().static_j)


def test_joules_may_be_others():
    class One:
        method = "ones"

        def __getitem__(self, event):
            return 1.0

    ones = estimate_energy(PRESETS["ulx3s"], COUNTS, ULX3S, One())
    counts = events(PRESETS["ulx3s"], COUNTS)
    assert ones.method == "ones" and ones.components == {k: sum(v.values()) for k, v in counts.items()}


@pytest.mark.parametrize(("bits", "blocks"), [(1, 1), (32 * 1024, 1), (32 * 1024 + 1, 2), (128 * 1024, 4)])
def test_ram_blocks(bits, blocks):
    assert ram_blocks(bits) == blocks


def test_bad_requests_are_refused():
    with pytest.raises(CodesignError, match="counters must include active_cycles"):
        estimate_energy(PRESETS["tiny"], {"cycles": 1}, ULX3S)
    with pytest.raises(CodesignError, match="counters must be at least 0, not {'cycles': -1}"):
        energy(cycles=-1)
    with pytest.raises(CodesignError, match="family must be one of"):
        family_value("asic", "mac_j")
