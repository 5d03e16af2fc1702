import numpy as np
import pytest

from codesign.costs import synthetic_boards
from codesign.costs.runs import runs_of
from codesign.costs.synthetic_boards import SyntheticBoard, draw_layers

from .boards import NETWORKS, TRUTH, rows


def test_a_board_without_noise_is_the_truth():
    board = SyntheticBoard(ratios={"conv": 1.5, "linear": 2.0}, overhead_cycles=100, overhead_noise=0, layer_noise=0,
                           run_noise=0, outliers=0)
    rng = np.random.default_rng(0)
    run = board.network([("conv", 1000.0), ("conv", 500.0), ("linear", 10.0)], rng).run(rng)
    assert run.value == pytest.approx(100 + 1.5 * 1500 + 20)
    assert run.model == {"conv": 1500, "linear": 10} and run.found == pytest.approx({"conv": 2250, "linear": 20})


def test_interrupts_are_one_sided_and_as_many_as_said():
    rng = np.random.default_rng(1)
    board = SyntheticBoard(ratios={"conv": 1.0}, overhead_cycles=0, layer_noise=0, run_noise=0, outliers=0.2)
    network = board.network([("conv", 1000.0)], rng)
    times = np.array([network.time(rng)[0] for _ in range(2000)])
    assert times.min() == pytest.approx(1000) and 0.17 < np.mean(times > 1000.001) < 0.23
    assert max(network.time(rng, interrupts=False)[0] for _ in range(500)) == pytest.approx(1000)


def test_rows_are_labelled_and_make_runs():
    found = rows(*NETWORKS, runs=2)
    assert {row.method for row in found} == {"synthetic"} and len({row.run_id for row in found}) == 12
    assert len(runs_of(found)) == 12
    assert all(row.ratio > 1 for row in found if row.key.operator == "network")


def test_networks_differ_from_run_to_run_only_by_noise():
    rng = np.random.default_rng(2)
    network = TRUTH.network(draw_layers(rng), rng)
    values = [network.run(rng).value for _ in range(50)]
    assert 0.005 < np.std(values) / np.mean(values) < 0.04


def test_the_demonstration_says_that_it_is_synthetic(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["synthetic_boards", "--boards", "3"])
    synthetic_boards.main()
    text = capsys.readouterr().out
    assert text.startswith("one synthetic board") and "\n3 synthetic boards a line" in text
    assert text.count("ratio of ") == 3
