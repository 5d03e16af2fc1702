import copy
import json
from pathlib import Path

import pytest

from codesign.boards.lattice.report import design_name, parse_report
from codesign.errors import CodesignError

REPORT = json.loads(Path(__file__).with_name("report.json").read_text())  # nextpnr-ecp5 0.11.1's, of blink.py at 75 MHz
CLOCK = "$glbnet$clk"


def changed(**clocks):
    """The report with other ``clocks``: name -> (achieved, asked) in MHz."""
    report = copy.deepcopy(REPORT)
    report["fmax"] |= {name: {"achieved": achieved, "constraint": asked} for name, (achieved, asked) in clocks.items()}
    return report


def test_clock_cells_and_path():
    placement = parse_report(REPORT)
    assert [clock.name for clock in placement.clocks] == ["clk"] and placement.is_met
    assert placement.worst.asked_hz == pytest.approx(75e6, rel=1e-4)
    assert placement.worst.achieved_hz == pytest.approx(REPORT["fmax"][CLOCK]["achieved"] * 1e6, abs=1)
    assert placement.cells["EBR"] == (1, 208) and placement.cells["MULT18"] == (1, 156)
    assert 50 < placement.cells["LUT4"][0] < 100 and placement.cells["FF"][1] == 83_640
    path = placement.path
    assert path.delay_ns() == pytest.approx(1e9 / placement.worst.achieved_hz, abs=0.01)
    assert path.delay_ns() == pytest.approx(path.delay_ns("routing") + path.delay_ns("logic", "clk-to-q", "setup"))
    steps = path.steps()
    assert (steps[0][1], steps[-1][1]) == ("right", "product") and path.levels == 1
    assert steps[-1][0] == pytest.approx(path.delay_ns()) and json.dumps(placement.to_dict())


def test_the_clock_that_is_furthest_behind_counts():
    placement = parse_report(changed(slow=(20.0, 25.0), slower=(10.0, 12.0)))
    assert placement.worst.name == "slow" and not placement.is_met
    assert [clock.is_met for clock in placement.clocks if clock.name.startswith("slow")] == [False, False]
    assert placement.path is None  # none of the report's is of that clock alone
    assert parse_report(changed(slow=(25.0, 25.0))).is_met


@pytest.mark.parametrize(("netlist", "design"), [
    ("system.accelerator.row_3.bank_TRELLIS_FF_Q_12", "system.accelerator.row_3.bank"),
    ("system.cpu.reg_op1[3]", "system.cpu.reg_op1[3]"),
    ("system.cpu.alu_out_LUT4_Z_7_D_PFUMX_Z_ALUT_LUT4_Z", "system.cpu.alu_out"),
    ("$glbnet$clk", "clk"), ("serial_rx$TRELLIS_IO_IN", "serial_rx"),
    ("system.LUT4_TABLE", "system.LUT4_TABLE"),
])
def test_names_are_the_designs(netlist, design):
    assert design_name(netlist) == design


@pytest.mark.parametrize(("report", "message"), [
    ({**REPORT, "fmax": {}}, "Report of nextpnr must have a clock, not none"),
    ({**REPORT, "utilization": {}}, "Report of nextpnr must count TRELLIS_COMB, TRELLIS_FF, DP16KD, MULT18X18D"),
])
def test_a_report_that_says_nothing_is_refused(report, message):
    with pytest.raises(CodesignError, match=message):
        parse_report(report)
