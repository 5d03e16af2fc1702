"""Power from samples, against powers that are known."""

import dataclasses
import functools
import struct

import numpy as np
import pytest

from codesign import power_samples
from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.costs import CostTable
from codesign.costs.power_rows import power_rows
from codesign.energy_fit import fit_energy
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.power_samples import SENSORS, Rail, Window, join, parse_rails, parse_window

HZ = 100_000_000
INA226 = SENSORS[1]
EXACT = dataclasses.replace(INA226, gain=0.0, volts=0.0, shunt_volts=0.0)


estimate_power = functools.partial(power_samples.estimate_power, method="synthetic")


def rail(name="VCCINT", sensor=EXACT, summed=True, shunt_ohms=0.002):
    return Rail(name=name, sensor=sensor, summed=summed, shunt_ohms=shunt_ohms)


def window(amperes, volts=1.0, seconds=1.0, runs=0, busy_s=0.0, part_s=0.0):
    amperes = np.asarray(amperes, float)
    return Window(seconds=seconds, runs=runs, busy_s=busy_s, part_s=part_s, volts=np.broadcast_to(volts, amperes.shape),
                  amperes=amperes)


def entry(name=b"A", kind=1, flags=1, microohms=2000):
    return struct.pack("<BBI16s", kind, flags, microohms, name)


def sample(ticks, index, running, microvolts, microamperes):
    return struct.pack("<QBBii", ticks, index, running, microvolts, microamperes)


def test_parsing():
    rails = parse_rails(entry(b"VCCINT") + entry(b"fifteen letters", 2, 0, 0))
    assert rails == (rail("VCCINT", INA226), rail("fifteen letters", SENSORS[2], False, 0.0))
    data = b"".join(sample(i, i % 2, 1, 850_000 - i, -9000 * i) for i in range(6))
    found = parse_window(data, rails, tick_hz=HZ, ticks=HZ // 2, runs=3, busy_ticks=HZ // 4)
    assert (found.seconds, found.runs, found.busy_s) == (0.5, 3, 0.25)
    np.testing.assert_allclose(found.volts, [[0.85, 0.849999], [0.849998, 0.849997], [0.849996, 0.849995]])
    np.testing.assert_allclose(found.amperes, [[0, -0.009], [-0.018, -0.027], [-0.036, -0.045]])
    both = join([found, found])
    assert (both.seconds, both.runs, both.busy_s, both.volts.shape) == (1.0, 6, 0.5, (6, 2))


@pytest.mark.parametrize("table, rule", [
    (b"", "must have 22 bytes of each, not 0"), (entry()[:-1], "must have 22 bytes of each, not 21"),
    (entry(kind=7), "sensor must be of kind 1, 2, 3, not 7"), (entry() + entry(), "rails must have a name each"),
    (entry(flags=0), "rails must make up its power, not none of them")])
def test_tables_that_are_none(table, rule):
    with pytest.raises(CodesignError, match=rule):
        parse_rails(table)


@pytest.mark.parametrize("data, runs, rule", [
    (sample(0, 0, 0, 1, 1)[:-1], 0, "must have 18 bytes each, not 17"),
    (sample(0, 0, 0, 1, 1), 0, "of each of its 2 rails in turn"),
    (sample(0, 1, 0, 1, 1) + sample(0, 0, 0, 1, 1), 0, "of each of its 2 rails in turn"),
    (sample(0, 0, 0, 1, 1) + sample(0, 1, 1, 1, 1), 0, "must all be idle's, or all be of runs"),
    (sample(0, 0, 0, 1, 1) + sample(0, 1, 0, 1, 1), 3, "must all be idle's, or all be of runs")])
def test_samples_that_are_none(data, runs, rule):
    with pytest.raises(CodesignError, match=rule):
        parse_window(data, (rail(), rail("B")), tick_hz=HZ, runs=runs)


def test_pauses_between_runs_do_not_count():
    """2 W idle, 5 W running: half of the time in the second window."""
    power = estimate_power([rail()], window([[2.0], [2.0]]), window([[3.5], [3.5]], seconds=2.0, runs=4, busy_s=1.0),
                           image_s=0.125)
    assert (power.idle_w.value, power.active_w.value, power.duty) == (2.0, 5.0, 0.5)
    assert power.energy_j.value == pytest.approx(5.0 * 0.125)
    assert power.idle_w.uncertainty == power.active_w.uncertainty == 0.0
    assert power.active_rails == {"VCCINT": 5.0}


def test_only_summed_rails_count():
    rails = [rail("A"), rail("B", summed=False), rail("C")]
    power = estimate_power(rails, window([[1, 10, 2], [1, 10, 2]]),
                           window([[2, 20, -1], [2, 20, -1]], runs=1, busy_s=1.0), image_s=1.0)
    assert (power.idle_w.value, power.active_w.value) == (3.0, 1.0)
    assert power.idle_rails == {"A": 1.0, "C": 2.0} and power.active_rails == {"A": 2.0, "C": -1.0}


@pytest.mark.parametrize("duty", [1.0, 0.6, 0.2])
def test_the_scatter_is_as_large_as_it_says(duty):
    """Of 2000 measurements, the errors' standard deviation is the mean standard uncertainty."""
    rng = np.random.default_rng(1)
    idle_w, active_w, image_s = 0.8, 1.9, 0.002
    mixed = idle_w + (active_w - idle_w) * duty
    found = [estimate_power([rail()], window(rng.normal(idle_w, 0.05, (30, 1))),
                            window(rng.normal(mixed, 0.05, (60, 1)), runs=9, busy_s=duty), image_s=image_s)
             for _ in range(2000)]
    for name, true in (("idle_w", idle_w), ("active_w", active_w), ("energy_j", active_w * image_s)):
        values = np.array([getattr(power, name).value for power in found])
        said = np.mean([getattr(power, name).uncertainty for power in found])
        assert abs(values.mean() - true) < 4 * said / len(found) ** 0.5
        assert values.std() == pytest.approx(said, rel=0.06)


def test_what_the_sensor_may_be_off_by():
    """By hand: 0.85 V, 2 A over 2 mOhm; more samples do not help."""
    steady = window(np.full((1000, 1), 2.0), volts=0.85)
    running = dataclasses.replace(steady, runs=1, busy_s=1.0)
    power = estimate_power([rail(sensor=INA226)], steady, running, image_s=1.0)
    gain, offset = 1.7 * 0.012, 0.85 * 11.25e-6 / 0.002 + 2.0 * 8.125e-3
    assert power.idle_w.uncertainty == pytest.approx(np.hypot(gain, offset) / 3**0.5)
    double = estimate_power([rail("A", INA226), rail("B", INA226)],
                            window(np.full((9, 2), 2.0), volts=0.85),
                            window(np.full((9, 2), 2.0), volts=0.85, runs=1, busy_s=1.0), image_s=1.0)
    assert double.idle_w.uncertainty == pytest.approx(2 * power.idle_w.uncertainty)  # they may be off alike


def test_an_offset_does_not_grow_with_pauses():
    """It is in both windows: what running adds is free of it."""
    off = dataclasses.replace(EXACT, amperes=0.1)
    found = [estimate_power([rail(sensor=off)], window(np.full((5, 1), 1.0)),
                            window(np.full((5, 1), 1.0 + duty), runs=1, busy_s=duty), image_s=1.0)
             for duty in (1.0, 0.1)]
    assert [p.active_w.value for p in found] == [pytest.approx(2.0)] * 2
    assert [p.active_w.uncertainty for p in found] == [pytest.approx(0.1 / 3**0.5)] * 2


@pytest.mark.parametrize("idle, running, busy_s, rule", [
    (1, 2, 0.5, "Samples of idle power must be at least 2 of each rail, not 1"),
    (2, 1, 0.5, "Samples of running power must be at least 2 of each rail, not 1"),
    (2, 2, 0.0, "Runs must take more than 0 s and at most the 1 s in which they were sampled, not 0 s"),
    (2, 2, 1.5, "at most the 1 s in which they were sampled, not 1.5 s")])
def test_too_little_to_tell(idle, running, busy_s, rule):
    with pytest.raises(CodesignError, match=rule):
        estimate_power([rail()], window(np.ones((idle, 1))), window(np.ones((running, 1)), runs=1), image_s=1.0,
                       busy_s=busy_s)


@pytest.mark.parametrize("running", [dict(part_s=0.5), dict(runs=3, busy_s=0.3, part_s=0.2)])
def test_a_run_longer_than_the_window_counts_while_it_is_on(running):
    """2 W idle, 5 W running, half of the time; by the board's clock, or with image times known better."""
    idle, mixed = window([[2.0], [2.0]]), window([[3.5], [3.5]], **running)
    for busy_s in (None, running.get("runs", 0) * 0.1):
        power = estimate_power([rail()], idle, mixed, image_s=0.1, busy_s=busy_s)
        assert (power.active_w.value, power.duty) == (pytest.approx(5.0), pytest.approx(0.5))


def test_rows_of_the_cost_table(tmp_path):
    """They come back, are as uncertain as the estimate, and energy is fitted to them."""
    board = load_board("zcu102")
    config = board.place(PRESETS["tiny"])
    layers = [{"conv": 8}, "average", {"linear": 10}]
    graph = Network.from_dict({"name": "n", "input": [1, 8, 8], "layers": layers}).graph()
    counters = {"cycles": 2000, "active_cycles": 1500, "read_beats": 300, "write_beats": 5, "bank_reads": 9000,
                "bank_writes": 900, "stream_words": 300}
    rails, rng = [rail("VCCINT", INA226), rail("VCCAUX", INA226)], np.random.default_rng(0)
    image_s = counters["cycles"] / config.clock_hz
    power = estimate_power(rails, window(rng.normal(0.4, 0.02, (50, 2))),
                           window(rng.normal(0.6, 0.02, (50, 2)), runs=9, busy_s=0.5), image_s=image_s)
    rows = power_rows(power, graph, config, board.name, counters, run_id="r", verilog_digest="v" * 64)
    with CostTable(tmp_path / "t.db") as table:
        table.add(rows)
        back = table.rows(method="synthetic")
    assert [r.content() for r in back] == [r.content() for r in rows]
    by = {r.key.quantity: r for r in rows}
    assert set(by) == {"power_idle", "power_active", "energy"} and {r.unit for r in rows} == {"W", "J"}
    for row in rows:
        assert row.rails.keys() == {"VCCINT", "VCCAUX"} and sum(row.rails.values()) == pytest.approx(row.value)
        assert row.method == "synthetic" and row.n == 50
    assert by["energy"].value == pytest.approx(by["power_active"].value * image_s)
    width = by["energy"].quantiles["0.9"] - by["energy"].quantiles["0.1"]
    assert width / 2.563 == pytest.approx(power.energy_j.uncertainty, rel=1e-3)
    fit = fit_energy(back, {config.digest(): config}, board, synthetic=True)
    assert fit.method == "fitted to synthetic rows" and fit["static_w"] == pytest.approx(power.idle_w.value, rel=0.05)
    with pytest.raises(CodesignError, match="must be measured like the others of the fit, not synthetic"):
        fit_energy(back, {config.digest(): config}, board)
