import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

SCRIPT = Path(str(resources.files("codesign.boards.vivado"))) / "files" / "check_reports.py"
REPORTS = Path(__file__).parent / "reports"
EXPECTED = {"clock_mhz": 250.0, "limits": {"luts": 70560, "ffs": 141120, "bram36": 216, "dsps": 360}}


def check(directory, *options, expected=EXPECTED):
    (directory / "build.json").write_text(json.dumps(expected))
    # -I: it needs nothing of ours
    return subprocess.run([sys.executable, "-I", SCRIPT, "build.json", "reports", *options], cwd=directory,
                          capture_output=True, text=True, timeout=60)


@pytest.fixture
def here(tmp_path):
    shutil.copytree(REPORTS, tmp_path / "reports")
    return tmp_path


def change(here, name, old, new):
    path = here / "reports" / f"{name}.rpt"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_good_reports(here):
    result = check(here)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == ("met: clock_mhz 250, wns_ns 0.013, whs_ns 0.01, wpws_ns 1.458, luts 51234, ffs 66100, "
                             "bram36 178.5, dsps 33\n")
    found = json.loads(check(here, "--json").stdout)
    assert found["met"] and found["found"]["wns_ns"] == 0.013 and found["wrong"] == []


@pytest.mark.parametrize("name, old, new, message", [
    ("timing", "      0.013        0.000", "     -0.200      -25.000",
     "worst setup slack must be at least 0, not -0.2 ns (WNS)"),
    ("timing", "        0.010        0.000", "       -0.001       -0.001",
     "worst hold slack must be at least 0, not -0.001 ns (WHS)"),
    ("timing", "        1.458", "       -0.100", "worst pulse width slack must be at least 0, not -0.1 ns (WPWS)"),
    ("timing", "{0.000 2.000}        4.000           250.000", "{0.000 5.000}       10.000           100.000",
     "a clock must have 4.000 ns, not 10.0 ns (clk_pl_0)"),
    ("timing", "checking no_clock (0)", "checking no_clock (12)",
     "every register must have a clock, not all but 12 pins"),
    ("timing", "      0.013", "         NA", "timing.rpt has no WNS"),
    ("timing", "Design Timing Summary", "Something Else", "timing.rpt has no Design Timing Summary"),
    ("timing", "checking no_clock", "checking", "timing.rpt has no check of no_clock"),
    ("utilization", "51234", "70561", "luts must be at most 70560, not 70561"),
    ("utilization", "178.5", "216.5", "bram36 must be at most 216, not 216.5"),
    ("utilization", "| DSPs  ", "| XYZs  ", "utilization.rpt has no DSPs"),
    ("utilization", "| CLB LUTs ", "| LUTs     ", "utilization.rpt has no CLB LUTs"),
    ("route", "errors.......... :           0 :", "errors.......... :           7 :",
     "every net must be routed, not all but 7"),
    ("route", "with routing errors", "with errors", "route.rpt has no number of nets with routing errors"),
])
def test_what_is_wrong_is_said_in_one_line(here, name, old, new, message):
    change(here, name, old, new)
    result = check(here)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"check_reports.py: {message}\n")
    assert json.loads(check(here, "--json").stdout)["wrong"] == [message]


def test_older_vivado_has_a_star_and_no_prohibited_sites(here):
    change(here, "utilization", "| CLB LUTs                   |", "| CLB LUTs*                  |")
    change(here, "utilization", " Prohibited |", "")
    change(here, "utilization", "|     0 |          0 |", "|     0 |")
    change(here, "utilization", "------------+", "")
    assert check(here).returncode == 0


def test_what_is_not_there(here):
    (here / "reports" / "route.rpt").unlink()
    result = check(here)
    assert (result.returncode, result.stderr) == (
        1, "check_reports.py: reports/route.rpt must be readable: No such file or directory\n")
    assert subprocess.run([sys.executable, SCRIPT], capture_output=True).returncode == 2


def test_a_board_may_be_smaller_than_its_part(here):
    result = check(here, expected={**EXPECTED, "limits": {**EXPECTED["limits"], "dsps": 30}})
    assert result.stderr == "check_reports.py: dsps must be at most 30, not 33\n"
