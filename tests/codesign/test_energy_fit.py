"""Fits to synthetic boards whose true joules are known."""

import dataclasses

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.costs import CostKey, Row
from codesign.energy import board_joules, estimate_energy
from codesign.energy_fit import fit_energy
from codesign.errors import CodesignError

BOARD = load_board("ulx3s")
CONFIG = BOARD.preset()
SMALL = dataclasses.replace(CONFIG, name="small", rows=8, cols=8, wide_rows=4)
CONFIGS = {c.digest(): c for c in (CONFIG, SMALL)}
EVENTS = ("mac_j", "adder_j", "register_bit_j", "control_cycle_j", "ram_port_j", "multiply_j", "memory_byte_j")


class Truth:
    """A board that is the data file's, all figures off by ``common``, and each by 1/3 to 3."""

    method = "truth"

    def __init__(self, rng, idle_w=0.7, common=1.0):
        prior = board_joules(BOARD)
        self.values = {name: common * prior[name] * 3 ** rng.uniform(-1, 1) for name in EVENTS}
        self.values["static_w"] = idle_w

    def __getitem__(self, event):
        return self.values[event]


def counters(rng):
    active = rng.integers(5_000, 100_000)
    return {"cycles": int(active * rng.uniform(1.1, 3)), "active_cycles": int(active), "write_beats": 5,
            "read_beats": int(rng.integers(2_000, 40_000)), "stream_words": int(rng.integers(2_000, 40_000)),
            "bank_reads": int(active * rng.uniform(2, 16)), "bank_writes": int(active * rng.uniform(0.1, 4))}


def row(value, quantity="energy", config=CONFIG, count=None, run_id="r", method="synthetic", **more):
    units = {"energy": "J", "power_active": "W", "power_idle": "W"}
    key = CostKey.on(config, "ulx3s", operator="network", shape="s" * 64, quantity=quantity)
    given = {"unit": units[quantity], "verilog_digest": "v" * 64, "board_serial": "s1", "counters": count or {}, **more}
    return Row(key=key, value=float(value), method=method, run_id=run_id, **given)


def board_rows(truth, rng, runs, noise=0.02, idle=3):
    rows = [row(truth["static_w"] * rng.normal(1, noise), "power_idle") for _ in range(idle)]
    for i in range(runs):
        config, count = (CONFIG, SMALL)[i % 2], counters(rng)
        energy_j = estimate_energy(config, count, BOARD, truth).total_j * rng.normal(1, noise)
        if i % 3:
            rows.append(row(energy_j, config=config, count=count, run_id=f"r{i}"))
        else:
            watts = energy_j / count["cycles"] * config.clock_hz
            rows.append(row(watts, "power_active", config, count, run_id=f"r{i}"))
    return [dataclasses.replace(r, id=i + 1) for i, r in enumerate(rows)]


@pytest.mark.parametrize("common", [1, 0.1, 10])
@pytest.mark.parametrize("runs", [3, 10, 60])
def test_predictions_are_within_their_intervals(runs, common):
    inside, off = 0, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = Truth(rng, common=common)
        fit = fit_energy(board_rows(truth, rng, runs), CONFIGS, BOARD, synthetic=True)
        count = counters(rng)
        true_j = estimate_energy(CONFIG, count, BOARD, truth).total_j
        energy, error_j = fit.predict(CONFIG, count, BOARD)
        inside += abs(energy.total_j - true_j) <= 2 * error_j
        off.append(abs(energy.total_j / true_j - 1))
    assert inside >= 17  # of 20; two standard errors are 95 %
    assert np.median(off) < {3: 0.10, 10: 0.03, 60: 0.02}[runs]


def test_idle_power_is_apart_and_right():
    rng = np.random.default_rng(1)
    truth = Truth(rng, idle_w=2.5)
    fit = fit_energy(board_rows(truth, rng, 10, idle=5), CONFIGS, BOARD, synthetic=True)
    idle = fit.coefficients["static_w"]
    assert abs(idle.value - 2.5) <= 3 * idle.standard_error and idle.standard_error < 0.05
    assert len(fit.idle_rows) == 5 and fit.rows == tuple(range(6, 16))
    energy, _ = fit.predict(CONFIG, counters(rng), BOARD)
    assert energy.components["static"] == energy.static_j > 0.3 * energy.total_j


def test_idle_power_is_fitted_with_the_rest_where_it_was_not_measured():
    rng = np.random.default_rng(7)
    truth = Truth(rng, idle_w=1.5)
    board = dataclasses.replace(BOARD, static_w=0)
    fit = fit_energy(board_rows(truth, rng, 100, idle=0), CONFIGS, board, synthetic=True)
    idle = fit.coefficients["static_w"]
    assert fit.idle_rows == () and idle.prior == 0
    assert abs(idle.value - 1.5) <= 3 * idle.standard_error < 0.6


def test_what_rows_cannot_tell_stays_with_the_data_file():
    rng = np.random.default_rng(2)
    truth = Truth(rng)
    few = fit_energy(board_rows(truth, rng, 1), CONFIGS, BOARD, synthetic=True)
    assert few.coefficients["memory_byte_j"].tied
    assert few["memory_byte_j"] == pytest.approx(few.coefficients["memory_byte_j"].prior, rel=0.2)
    many = fit_energy(board_rows(truth, rng, 400, noise=0.001), CONFIGS, BOARD, synthetic=True)
    assert not many.coefficients["ram_port_j"].tied
    assert many["ram_port_j"] == pytest.approx(truth["ram_port_j"], rel=0.1)
    assert all(c.value >= 0 for c in many.coefficients.values())
    assert many.coefficients["mac_j"].standard_error < few.coefficients["mac_j"].standard_error


def test_synthetic_is_said_everywhere():
    rng = np.random.default_rng(3)
    rows = board_rows(Truth(rng), rng, 4)
    fit = fit_energy(rows, CONFIGS, BOARD, synthetic=True)
    energy, _ = fit.predict(CONFIG, counters(rng), BOARD)
    assert fit.method == energy.method == fit.to_dict()["method"] == "fitted to synthetic rows"
    measured = [dataclasses.replace(r, method="measured") for r in rows]
    assert fit_energy(measured, CONFIGS, BOARD).method == "fitted"


def test_a_run_that_says_energy_and_power_counts_once():
    count = counters(np.random.default_rng(4))
    both = [row(1e-3, count=count), row(1.0, "power_active", count=count)]
    one = fit_energy(both[:1], CONFIGS, BOARD, synthetic=True)
    assert fit_energy(both, CONFIGS, BOARD, synthetic=True).coefficients == one.coefficients


@pytest.mark.parametrize(("change", "message"), [
    ({"method": "measured"}, "Energy row must be synthetic like the others of the fit, not measured"),
    ({"value": 0}, r"Energy row's energy must be above 0 J, not 0\.0"),
    ({"config": PRESETS["tiny"]}, "Energy row's accelerator [0-9a-f]{12} must be given"),
    ({"count": {"cycles": 3}}, "Energy counters must include active_cycles"),
])
def test_bad_rows_are_refused(change, message):
    count = counters(np.random.default_rng(5))
    bad = row(**{"value": 1e-3, "count": count, **change})
    with pytest.raises(CodesignError, match=message):
        fit_energy([row(1e-3, count=count), bad], CONFIGS, BOARD, synthetic=True)


def test_methods_and_boards_are_not_mixed():
    count = counters(np.random.default_rng(6))
    with pytest.raises(CodesignError, match="must be measured like the others of the fit, not synthetic"):
        fit_energy([row(1e-3, count=count)], CONFIGS, BOARD)
    with pytest.raises(CodesignError, match="must be of board ultra96v2, not 'ulx3s'"):
        fit_energy([row(1e-3, count=count)], CONFIGS, load_board("ultra96v2"), synthetic=True)
    with pytest.raises(CodesignError, match="must have measured rows of energy or power_active, not none"):
        fit_energy([row(1.0, "power_idle", method="measured")], CONFIGS, BOARD)
