import pytest

from codesign.errors import CodesignError
from codesign.goals import DEFAULT_OBJECTIVES, Goals
from codesign.objectives import METRICS

RECORD = {"accuracy": 0.96, "price": {"cycles": 3000}, "accelerator": {"clock_hz": 50_000_000},
          "energy": {"total_j": 4e-6}, "resources": {"lut": 9000, "ff": 5000, "dsp": 17, "bram18": 48},
          "board_share": 0.23, "weights": 2000}


def test_every_metric_by_hand():
    assert {name: metric.of(RECORD) for name, metric in METRICS.items()} == pytest.approx({
        "accuracy": 0.96, "latency-ms": 0.06, "cycles": 3000, "fps": 50e6 / 3000, "energy-uj": 4, "luts": 9000,
        "ffs": 5000, "dsps": 17, "bram18": 48, "share": 0.23, "params": 2000})
    assert {name: metric.written(metric.of(RECORD)) for name, metric in METRICS.items()} == {
        "accuracy": "96.00%", "latency-ms": "0.06 ms", "cycles": "3,000 cycles", "fps": "16,667 images/s",
        "energy-uj": "4.00 uJ", "luts": "9,000 LUT", "ffs": "5,000 FF", "dsps": "17 DSP", "bram18": "48 BRAM18",
        "share": "23.0% of the board", "params": "2,000 weights"}
    assert [name for name, metric in METRICS.items() if metric.trained] == ["accuracy"]
    assert [name for name, metric in METRICS.items() if metric.maximize] == ["accuracy", "fps"]


def test_objectives_are_in_one_order_whatever_theirs():
    one, other = Goals.of(["luts", "latency-ms", "accuracy"]), Goals.of(["accuracy", "luts", "latency-ms"])
    assert one == other and one.losses(RECORD) == pytest.approx((-0.96, 0.06, 9000))
    assert one.cost is METRICS["latency-ms"] and Goals.of(["accuracy"]).cost is METRICS["cycles"]
    assert Goals.of() == Goals.of(DEFAULT_OBJECTIVES) == Goals.of(DEFAULT_OBJECTIVES[::-1])


def test_what_misses_a_constraint_and_by_how_much():
    goals = Goals.of(constraints={"max-luts": 6000, "min-fps": 20_000, "min-accuracy": 0.97, "max-energy-uj": 4})
    assert [c.metric.name for c in goals.missed(RECORD)] == ["fps", "luts"]
    assert goals.violation(RECORD) == pytest.approx(0.5 + 0.2)
    assert goals.reason(RECORD) == "16,667 images/s, min-fps 20,000; 9,000 LUT, max-luts 6,000"
    assert [c.words() for c in goals.missed(RECORD, trained=True)] == [
        "min-accuracy 97.00%", "min-fps 20,000", "max-luts 6,000"]
    assert goals.violation(RECORD, trained=True) - goals.violation(RECORD) == pytest.approx(0.97 / 0.96 - 1)
    assert Goals.of(constraints={"max-cycles": 3000}).missed(RECORD) == []


def test_the_spaces_budget_holds_unless_another_is_stated():
    assert [c.words() for c in Goals.of(max_cycles=2500).constraints] == ["max-cycles 2,500"]
    assert [c.words() for c in Goals.of(constraints={"max-cycles": 9000}, max_cycles=2500).constraints] == [
        "max-cycles 9,000"]
    assert Goals.of(max_cycles=2500).words() == (
        "objectives: most accuracy, least cycles, least luts; constraints: max-cycles 2,500")


@pytest.mark.parametrize(("objectives", "constraints", "message"), [
    (["speed"], {}, "Objective must be one of accuracy, .*, params, not 'speed'"),
    ([], {}, "Objectives must be one or more different metrics, not none"),
    (["cycles", "accuracy", "cycles"], {}, "Objectives must be one or more different metrics, not cycles, accuracy, "),
    (["cycles"], {}, "Objectives must have accuracy among them, or --min-accuracy"),
    (["accuracy"], {"max-speed": 1}, "Constraint must be one of min-accuracy, .*, not 'max-speed'"),
    (["accuracy"], {"min-accuracy": 97}, r"min-accuracy must be a number above 0, at most 1 \(.*\), not 97"),
    (["accuracy"], {"max-share": 1.5}, "max-share must be a number above 0, at most 1 "),
    (["accuracy"], {"max-latency-ms": 0}, r"max-latency-ms must be a finite number above 0 \(ms an image\), not 0"),
    (["accuracy"], {"max-energy-uj": float("inf")}, "max-energy-uj must be a finite number above 0 .*, not inf"),
    (["accuracy"], {"min-fps": float("nan")}, "min-fps must be a finite number above 0 .*, not nan"),
    (["accuracy"], {"max-luts": 10.5}, "max-luts must be a whole number above 0 .*, not 10.5"),
    (["accuracy"], {"max-params": True}, "max-params must be a whole number above 0 .*, not True"),
    (["accuracy"], {"max-cycles": "9"}, "max-cycles must be a whole number above 0 .*, not '9'"),
])
def test_what_cannot_be_wanted_is_refused(objectives, constraints, message):
    with pytest.raises(CodesignError, match=message):
        Goals.of(objectives, constraints)


def test_accuracy_alone_as_a_constraint_will_do():
    assert Goals.of(["params"], {"min-accuracy": 1}).objectives == (METRICS["params"],)
