from dataclasses import fields, replace

import pytest

from codesign.analysis import analyze
from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.metrics import HINTS, LINES, MetricsSources, metrics_table
from codesign.network import load_network
from codesign.resources import estimate_resources

BOARD = load_board("ultra96v2")
CONFIG = BOARD.preset()
SOURCES = MetricsSources(
    network="diracdeltanet-116", board=BOARD, config=CONFIG, process_nm=16,
    resources=estimate_resources(CONFIG, "xcup"), analysis=analyze(load_network("diracdeltanet-116").graph()),
    weight_bits=[4, 4, 8], activation_bits=[4], cycles=400_000, counters={"read_beats": 100_000, "write_beats": 250},
    run_method="simulated", images=1000, dataset="photographs", accuracy=0.683, accuracy_method="simulated", idle_w=5.0,
    idle_method="measured", active_w=6.5, active_method="fitted")


def values(sources=SOURCES, **options):
    return {(m.name, m.unit): m for m in metrics_table(sources, **options)}


def test_values_by_hand():
    found = values()
    expected = {
        ("technology", "nm"): 16, ("clock", "MHz"): 250, ("array", "rows x columns"): "32x32",
        ("multipliers", "MACs/cycle"): 1024, ("run time", "ms/image"): 1.6, ("frame rate", "images/s"): 625,
        ("throughput", "GOPS, 2 a MAC"): 2 * 269_229_440 * 625 / 1e9,
        ("utilisation", "% of MACs possible"): 100 * 269_229_440 / 400_000 / 1024,
        ("energy", "mJ/image"): 6.5 * 1.6, ("energy above idle", "mJ/image"): 1.5 * 1.6,
        ("energy", "pJ/MAC"): 6.5 * 1.6e9 / 269_229_440, ("efficiency", "GOPS/W"): 2 * 269_229_440 * 625 / 1e9 / 6.5,
        ("off-chip traffic", "bytes/image"): 100_250 * 16,
        ("off-chip traffic", "bytes/MAC"): 100_250 * 16 / 269_229_440, ("accuracy", "%"): 68.3}
    assert {key: found[key].value for key in expected} == pytest.approx(expected)
    assert found["precision", "bits"].value == "weights 4/8, activations 4, pixels 8, accumulators 27"
    assert found["block RAMs", "of 18 Kbit"].value == f"{SOURCES.resources.bram18} of 432"


def test_every_line_says_what_stands_behind_it():
    found = values()
    assert len(found) == len(LINES)
    assert all(m.value is not None and m.method for m in found.values())
    assert found["run time", "ms/image"].method == "simulated"
    assert (found["idle power", "W"].method, found["active power", "W"].method) == ("measured", "fitted")
    assert found["energy above idle", "mJ/image"].method == "fitted less measured"
    assert found["LUTs", ""].method == "estimate"


def test_on_chip_memory_is_not_off_chip():
    found = values(replace(SOURCES, board=load_board("ulx3s")))
    assert found["off-chip traffic", "bytes/image"].value == found["off-chip traffic", "bytes/MAC"].value == 0
    assert found["memory traffic", "bytes/image"].value == 100_250 * 16


@pytest.mark.parametrize("source", [f.name for f in fields(MetricsSources)])
def test_nothing_is_left_out_silently(source):
    lacking = replace(SOURCES, **{source: None})
    with pytest.raises(CodesignError, match=r"Metrics must be complete, or --allow-missing given, not without .*"
                       + HINTS[source].split(",")[0]) as error:
        metrics_table(lacking)
    assert "\n" not in str(error.value)
    shown = metrics_table(lacking, allow_missing=True)
    blank = [m for m in shown if m.value is None]
    assert len(shown) == len(LINES) and blank
    assert all(m.method.startswith("not measured: ") and HINTS[source] in m.method for m in blank)
