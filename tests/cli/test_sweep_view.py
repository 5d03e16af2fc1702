"""What a sweep shows on a terminal."""

import io
import re

import pytest
from rich.console import Console

from codesign.cli.sweep_view import FRONT_SHOWN, SweepView
from codesign.goals import Goals
from codesign.search.progress import Progress


def record(number):
    return {"id": f"{number:012x}", "accuracy": 1 - number / 100, "price": {"cycles": 1000 - number},
            "resources": {"lut": 8000 + number}, "accelerator": {"name": "ulx3s-8x8"},
            "summary": "8 [shift9] 32 " * 9}


def progress(**changes):
    return Progress(**{**dict(round=1, doing="searching", priced=1234, trials=2000, impossible=3, over_budget=0,
                              trained=12, to_train=32, failed=1, measured=0, front=[record(n) for n in range(10)],
                              columns=Goals.of().objectives,
                              trained_here=6, seconds=120.0, left_s=400.0, latest="0a1b2c3d: 97.5% valid."), **changes})


def shown(width, *told, seconds=60.0):
    """The lines of the view after ``told``, ``seconds`` later."""
    now = [0.0]
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=30, color_system=None)
    view = SweepView("digits on ulx3s by tpe", console, clock=lambda: now[0])
    for one in told:
        view.show(one)
    now[0] = seconds
    with console.capture() as capture:
        console.print(view._view())
    return capture.get().splitlines()


def test_counts_times_and_the_front():
    lines = shown(100, progress(priced=0), progress())
    assert lines[0] == "digits on ulx3s by tpe   round 1 of 2, searching   1 min, about 6 min left"
    assert re.fullmatch(r"pairs priced +\S+ +1,234 of 2,000 +3 impossible", lines[1].rstrip())
    assert re.fullmatch(r"networks trained +\S+ +12 of 32 +3\.0 a minute, 1 failed", lines[2].rstrip())
    assert re.fullmatch(r"pairs measured +0", lines[3].rstrip())
    assert lines[4].rstrip() == "front: 10 by validation, the cost model and estimates"
    assert lines[5].split() == ["candidate", "accuracy", "cycles", "LUT", "accelerator", "network"]
    rows = [line for line in lines if re.match(r"0{8} ", line)]
    assert len(rows) == FRONT_SHOWN and rows[0].split()[1:5] == ["100.00%", "1,000", "8,000", "ulx3s-8x8"]
    assert "8 [shift9]" in rows[0] and rows[0].rstrip().endswith("…")
    assert "and 2 more" in lines[-2] and lines[-1] == "0a1b2c3d: 97.5% valid."
    assert shown(100, progress(), progress(latest="")) == lines  # the news stay


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_keeps_to_the_terminals_width(width):
    lines = shown(width, progress(latest="x" * 300, doing="training the best"))
    assert max(map(len, lines)) <= width and len(lines) < 30


def test_before_there_is_anything_to_tell():
    assert shown(80, seconds=5) == ["digits on ulx3s by tpe   5 s"]
    lines = shown(80, progress(front=[], left_s=None, trained_here=0, seconds=0.0, latest="", impossible=0, failed=0))
    assert lines[0].endswith("searching   1 min") and "minute" not in "".join(lines)


def test_the_time_left_is_never_below_none():
    assert "about 0 s left" in shown(80, progress(left_s=3.0), seconds=60)[0]


def test_lines_of_news_stay_above():
    out = io.StringIO()
    with SweepView("title", Console(file=out, force_terminal=True, width=80, color_system=None)) as view:
        view.show(progress())
        view.log("round 1: no new pairs [to be found]")
    text = out.getvalue()
    assert "round 1: no new pairs [to be found]\n" in text.replace("\r", "")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
