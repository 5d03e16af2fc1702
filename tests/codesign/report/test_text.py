import pytest

from codesign.goals import Goals
from codesign.network import Network
from codesign.report.text import columns, front_rows, text_table
from codesign.search.records import summarize
from codesign.units import si


@pytest.mark.parametrize(("value", "unit", "text"), [
    (7.02e-6, "J", "7.02 uJ"), (1e-9, "J", "1.00 nJ"), (0.9996, "J", "1.00 J"), (999.6, "", "1.00 k"),
    (75_000_000, "Hz", "75.0 MHz"), (12_345, "", "12.3 k"), (0, "J", "0 J"), (2e-15, "J", "0.00 pJ")])
def test_si_prefixes(value, unit, text):
    assert si(value, unit) == text


def candidate(id, **changes):
    return {"id": id, "accuracy": 0.99, "price": {"cycles": 1000}, "images_per_s": 75_000.0, "summary": "16 shift 32",
            "weights": 544, "energy": {"total_j": 1e-6}, "resources": {"lut": 9000, "dsp": 8, "bram18": 20},
            "accelerator": {"name": "ulx3s-8x8", "clock_hz": 75_000_000}, **changes}


RESULTS = {
    "candidates": [candidate("b" * 12), candidate("a" * 12, measured={
        "method": "simulated", "accuracy": 0.9875, "cycles": 1200, "images_per_s": 62_500.0,
        "energy": {"total_j": 2e-6}})],
    "front": [{"id": "a" * 12, "on_front": False}, {"id": "b" * 12, "on_front": True}], "test_images": 360,
    "failures": [], "settings": {
        "board": {"clock_hz": 75_000_000}, "space": {"budget": {"cycles": 3000}}}}


def test_measured_figures_replace_the_models():
    first, second = front_rows(RESULTS, columns(Goals.of()))
    assert (first["held_out"], first["method"], second["held_out"], second["method"]) == (
        0.9875, "simulated", None, "model")
    for row, cycles, uj in ((first, 1200, 2), (second, 1000, 1)):
        assert row["figures"] == pytest.approx({"cycles": cycles, "fps": 75e6 / cycles, "energy-uj": uj, "luts": 9000,
                                                "dsps": 8, "bram18": 20})


def test_the_table_has_a_line_each_and_says_what_is_estimated():
    lines = text_table(RESULTS).splitlines()
    assert lines[2].split()[:5] == ["aaaaaaaa", "(off)", "98.75%", "99.00%", "1,200"] and "simulated" in lines[2]
    assert lines[3].split()[:4] == ["bbbbbbbb", "-", "99.00%", "1,000"] and "model" in lines[3]
    assert "360 images never seen by the search" in text_table(RESULTS) and "75.0 MHz" in text_table(RESULTS)
    assert lines[0].count("*") == 4 and lines[-1].startswith("* estimates, not measurements")


def test_a_network_in_a_line():
    network = Network.from_dict({"name": "n", "input": [1, 8, 8], "layers": [
        {"conv": 16}, "shift", {"conv": 32}, {"pool": {"padding": 1}}, {"shift": ["up", "centre"]}, "pool",
        {"block": {"out": 64, "downsample": True}}, {"block": {"out": 64, "expansion": 1}}, "average", {"linear": 10}]})
    assert summarize(network) == "16 shift 32 pool+1 shift2 pool block64/2 block64x1"


def test_failures_are_told_with_their_reasons():
    failures = [{"id": str(n), "what": "training", "reason": "loss"} for n in range(3)]
    failures += [{"id": "m", "what": "measurement", "reason": "it took longer than 5 s"}]
    lines = text_table({**RESULTS, "failures": failures}).splitlines()
    assert lines[-3:] == ["failed: 4", "  3 x training: loss", "  1 x measurement: it took longer than 5 s"]
