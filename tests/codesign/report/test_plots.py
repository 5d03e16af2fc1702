import re

import pytest

from codesign.goals import Goals
from codesign.objectives import METRICS
from codesign.report.plots import Pair, agreement, front_plot, progress, progress_plot
from codesign.report.svg import Axis, axis, element, tick


def candidate(n, accuracy, cycles, lut=100, **more):
    return {"id": f"{n:012d}", "status": "trained", "trial": n, "round": 1 + n % 2, "accuracy": accuracy,
            "price": {"cycles": cycles}, "energy": {"total_j": cycles * 1e-9},
            "resources": {"lut": lut, "ff": 9 * lut, "dsp": 4, "bram18": 8}, "weights": cycles, "board_share": 0.2,
            "accelerator": {"clock_hz": 50_000_000}, **more}


CANDIDATES = [
    candidate(0, 0.90, 1000), candidate(1, 0.95, 2000), candidate(2, 0.94, 3000),
    candidate(3, 0.99, 4000, measured={"accuracy": 0.985, "cycles": 4100, "method": "simulated",
                                       "energy": {"total_j": 5e-6}}),
    {k: v for k, v in candidate(4, 0, 9000, status="over budget").items() if k != "accuracy"}]

GOALS = Goals.of(max_cycles=5000)


def circles(picture):
    return {id: (float(x), float(y)) for x, y, id in re.findall(
        r'<circle cx="([\d.]+)" cy="([\d.]+)" r="5"[^>]* data-id="(\d+)"', picture)}


def test_better_is_up_and_cheaper_is_left():
    at = circles(front_plot(CANDIDATES, METRICS["cycles"], GOALS, wide=True))
    assert list(at) == [f"{n:012d}" for n in range(4)]
    xs, ys = zip(*at.values(), strict=True)
    assert list(xs) == sorted(xs) and ys[3] < ys[1] < ys[2] < ys[0]


def test_the_front_can_be_reached_and_says_what_it_is():
    picture = front_plot(CANDIDATES, METRICS["cycles"], GOALS, wide=True)
    assert picture.count('tabindex="0"') == 4  # three of the front and the measured
    assert "00000000: 95% of validation images, 2 k cycles an image" in picture
    assert "98.5% of held-out images, 4.1 k cycles an image, simulated" in picture
    assert picture.count('class="priced"') == 1 and ">max-cycles 5,000<" in picture


@pytest.mark.parametrize("cost", [metric for metric in METRICS.values() if not metric.trained])
def test_every_cost_is_drawn(cost):
    picture = front_plot(CANDIDATES, cost, GOALS)
    assert len(circles(picture)) == 4 and cost.label in picture and 'class="priced"' not in picture
    assert "nan" not in picture


def test_one_candidate_alone_is_drawn():
    assert len(circles(front_plot(CANDIDATES[3:4], METRICS["cycles"], GOALS, wide=True))) == 1


def test_hypervolume_by_hand():
    results = {"candidates": CANDIDATES, "settings": {
        "space": {"budget": {"cycles": 10_000}, "share": [0.5]}, "board": {"luts": 1000}}}
    points = progress(results)
    assert [trial for trial, _ in points] == [0, 0, 1, 3]  # trial 2 is beaten, 4 was not trained
    height = 1 - 100 / 500
    assert points[1][1] == pytest.approx(0.9 * 0.9 * height)
    assert points[2][1] == pytest.approx((0.9 * 0.9 + 0.05 * 0.8) * height)
    assert points[3][1] == pytest.approx((0.9 * 0.9 + 0.05 * 0.8 + 0.04 * 0.6) * height)
    assert "over 5 trials" in progress_plot(results)


def test_equal_predictions_lie_on_the_line_and_intervals_are_drawn():
    pairs = [Pair(id="a", label="a", predicted=100, measured=100),
             Pair(id="b", label="b", predicted=200, measured=250, low=180, high=260)]
    picture = agreement(pairs, "cycles", "measured")
    ends = re.search(r'<line x1="([\d.]+)" x2="([\d.]+)" y1="([\d.]+)" y2="([\d.]+)" class="equal"', picture)
    x1, x2, y1, y2 = map(float, ends.groups())
    (ax, ay), (bx, by) = ((float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', picture))

    def line(x):
        return y1 + (x - x1) / (x2 - x1) * (y2 - y1)

    assert ay == pytest.approx(line(ax), abs=0.3) and by > line(bx) + 5  # predicted less than measured: below
    assert picture.count('class="interval"') == 1


def test_axes():
    log = Axis(low=90, high=2300, start=0, end=100, label="", log=True)
    assert log.ticks() == pytest.approx([100, 200, 500, 1000, 2000])
    assert axis([0, 1], 0, 100, "").ticks() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert axis([5, 5], 0, 100, "").at(5) == pytest.approx(50)
    assert not axis([0, 10], 0, 1, "", log=True).log  # zero has no logarithm
    assert [tick(v) for v in (1000, 0.5, 250, 12_500)] == ["1 k", "500 m", "250", "12.5 k"]


def test_text_is_escaped():
    assert element("text", "<b>&", data_id='"') == '<text data-id="&#34;">&lt;b&gt;&amp;</text>'
