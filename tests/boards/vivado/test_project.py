"""The whole project, run by make with stand-ins for Vivado and Vitis; and what a mistake in it leads to."""

import json
import re
import shutil
import zipfile

import pytest

from codesign.boards.vivado.project import UNVERIFIED, firmware_constant
from codesign.errors import CodesignError

from .stand_ins import BOARDS

needs_tclsh = pytest.mark.skipif(shutil.which("tclsh") is None, reason="tclsh is not installed: apt install tcl")
pytestmark = needs_tclsh


@pytest.mark.parametrize("board", BOARDS)
def test_make_builds_checks_and_boots(project, board):
    here = project(board)
    files = sorted(p.name for p in here.directory.iterdir())
    for target, made in (("all", "system.xsa"), ("boot", "BOOT.BIN"), ("jtag", "build/psu_init.tcl")):
        result = here.run("make", target)
        assert result.returncode == 0, result.stdout + result.stderr
        assert (here.directory / made).exists()
        if target == "all":
            assert "met: clock_mhz 250, wns_ns 0.013, whs_ns 0.01, wpws_ns 1.458, luts 51234" in result.stdout
    assert zipfile.ZipFile(here.directory / "system.xsa").namelist() == ["psu_init.tcl"]
    assert (here.directory / "BOOT.BIN").read_text().splitlines()[-1].endswith("firmware.elf")
    assert sorted(p.name for p in (here.directory / "reports").iterdir()) == [
        "drc.rpt", "hierarchy.rpt", "power.rpt", "route.rpt", "timing.rpt", "utilization.rpt"]
    result = here.run("make", "fabric")
    assert result.returncode == 0 and "met: clock_mhz 250" in result.stdout, result.stderr
    assert here.run("make", "check").returncode == 0
    assert here.run("make", "clean").returncode == 0
    assert sorted(p.name for p in here.directory.iterdir()) == files


def test_without_vivado_one_line_says_what_to_install(project):
    here = project()
    here.environment["PATH"] = "/usr/bin:/bin"
    for target, program in (("all", "vivado"), ("fabric", "vivado"), ("jtag", "vivado")):
        result = here.run("make", "--silent", target)
        assert result.returncode != 0
        lines = [line for line in result.stderr.splitlines() if not re.match(r"make(\[\d+\])?: \*\*\*", line)]
        vivado = "Vivado 2019.2 or newer with Zynq UltraScale+ devices"
        assert lines == [f"{program} must be on PATH: install AMD {vivado} and source its settings64.sh"]
    (here.directory / "system.xsa").write_text("")
    result = here.run("make", "--silent", "boot")
    assert result.stderr.startswith("xsct must be on PATH: install AMD Vitis and source its settings64.sh\n")


def test_a_report_that_is_not_good_leaves_no_platform(project, tmp_path):
    here = project()
    timing = here.reports(tmp_path / "reports") / "timing.rpt"
    timing.write_text(timing.read_text().replace("      0.013        0.000", "     -0.113      -12.5", 1))
    result = here.run("make", "--silent")
    assert result.returncode != 0
    assert "check_reports.py: worst setup slack must be at least 0, not -0.113 ns (WNS)\n" in result.stderr
    assert not (here.directory / "system.xsa").exists()


@pytest.mark.parametrize("run", ["synth_1", "impl_1"])
def test_a_run_that_fails(project, run):
    here = project()
    here.environment["STAND_INS_FAILS"] = run
    result = here.run("make", "--silent")
    assert result.returncode != 0 and f'codesign: {run} must complete, not end as "{run} ERROR"' in result.stderr
    assert not (here.directory / "system.xsa").exists()


def test_board_files(project):
    """The newest, whoever its vendor; of the store, where Vivado must be told; if there are none, what to do."""
    here = project()
    here.environment["STAND_INS_STORE"] = "1"
    assert here.run("make", "--silent").returncode == 0
    here.run("make", "clean")
    del here.environment["STAND_INS_STORE"]
    here.environment["STAND_INS_BOARDS"] = "xilinx.com:zcu102:part0:3.4 xczu9eg-ffvb1156-2-e"
    result = here.run("make", "--silent")
    assert result.stderr.splitlines()[0] == (
        "codesign: the board files of ultra96v2 must be installed: run vivado -mode batch -source board_files.tcl once,"
        " or set BOARD_FILES to a folder with a copy")
    result = here.run("vivado", "-mode", "batch", "-source", "board_files.tcl")
    assert (result.returncode, result.stdout) == (0, "installed avnet.com:xilinx_board_store:Ultra96v2:1.2\n")
    here.environment["STAND_INS_BOARDS"] = "a.b:ULTRA96V2:part0:9.0 xczu3eg-sbva484-2-e"
    result = here.run("make", "--silent")
    assert "codesign: a.b:ULTRA96V2:part0:9.0 must be for xczu3eg-sbva484-1-i, not xczu3eg-sbva484-2-e" in result.stderr


MUTANTS = [
    # misspelt ports, pins, interfaces, cells
    ("system.tcl", "accelerator/clk", "accelerator/clock"),
    ("system.tcl", "connect accelerator/irq", "connect accelerator/interrupt"),
    ("system.tcl", "ps/pl_ps_irq0", "ps/pl_ps_irq1"),
    ("system.tcl", "saxihp${hp}_fpd_aclk", "saxihpc${hp}_fpd_aclk"),
    ("system.tcl", "ps/S_AXI_HP${hp}_FPD", "ps/S_AXI_HP${hp}"),
    ("system.tcl", "reset/slowest_sync_clk", "reset/slow_sync_clk"),
    ("system.tcl", "control/S00_AXI", "control/S0_AXI"),
    ("system.tcl", "accelerator/s_axi/reg0", "accelerator/s_axi/Reg"),
    ("system.tcl", "HP${hp}_DDR_LOW", "HP${hp}_DDR"),
    ("settings.tcl", "{m_axi}", "{m_axis}"),
    # what Vivado would only warn of, or not notice
    ("system.tcl", "    CONFIG.PSU__USE__IRQ0 1 \\\n", ""),
    ("system.tcl", "    CONFIG.PSU__USE__M_AXI_GP1 0 \\\n", "    CONFIG.PSU__USE__M_AXI_GP1 1 \\\n"),
    ("system.tcl", "connect reset/peripheral_reset", "connect reset/peripheral_aresetn"),
    ("system.tcl", "connect ps/pl_resetn0 reset/ext_reset_in\n", ""),
    ("system.tcl", "connect reset/peripheral_reset accelerator/rst\n", ""),
    ("system.tcl", " accelerator/clk\n", "\n"),
    ("system.tcl", "connect_interface control/M00_AXI accelerator/s_axi\n", ""),
    ("system.tcl", "SAXIGP[expr {$hp + 2}]/HP${hp}", "SAXIGP[expr {$hp + 3}]/HP[expr {$hp + 1}]"),
    ("system.tcl", "apply_bd_automation", "# apply_bd_automation"),
    ("settings.tcl", "set port_bits 128", "set port_bits 64"),
    ("settings.tcl", "0xA0000000", "0x90000000"),
    ("settings.tcl", "0x10000", "0x1000"),
    # unknown settings and values
    ("system.tcl", "PSU__USE__FABRIC__RST", "PSU__USE__FABRIC_RST"),
    ("system.tcl", "PSU__MAXIGP0__DATA_WIDTH 32", "PSU__MAXIGP0__DATA_WIDTH 16"),
    ("system.tcl", "ip:smartconnect", "ip:smart_connect"),
    ("settings.tcl", "UART1 {MIO 0 .. 1}", "UART1 {MIO 2 .. 3}"),
    ("settings.tcl", "I2C1", "I2C2"),
    ("settings.tcl", "set clock_mhz 250", "set clock_mhz 260"),
    ("build.tcl", "synth_checkpoint_mode None", "synth_checkpoint_mode Nothing"),
    ("build.tcl", "Flow_PerfOptimized_high", "Flow_PerfOptimised_high"),
    ("build.tcl", "set_property board_part", "set_property boardpart"),
    ("constraints.xdc", "BITSTREAM.GENERAL.COMPRESS", "BITSTREAM.GENERAL.COMPRESSED"),
    # wrong files
    ("settings.tcl", "accelerator.v", "acelerator.v"),
    ("settings.tcl", "{accelerator.v accelerator_top.v}", "{accelerator_top.v}"),
    ("build.tcl", "constraints.xdc", "constraint.xdc"),
    ("build.tcl", "source system.tcl", "source design.tcl"),
    ("build.tcl", "get_files system.bd", "get_files design.bd"),
    ("build.tcl", "system_wrapper.bit", "system.bit"),
    ("build.tcl", "-file build/system.xsa", "-file build/system.hdf"),
    ("reports.tcl", "file mkdir $reports\n", ""),
    ("reports.tcl", "$reports/timing.rpt", "$reports/timings.rpt"),
    ("settings.tcl", "set top accelerator_top", "set top accelerator"),
    # missing variables, misspelt commands and options, things out of order
    ("settings.tcl", "set part ", "set device "),
    ("settings.tcl", "set registers_base ", "set register_base "),
    ("system.tcl", "$clock_mhz", "$clk_mhz"),
    ("build.tcl", "wait_on_run impl_1", "wait_on_runs_of impl_1"),
    ("build.tcl", "-to_step write_bitstream", "-step write_bitstream"),
    ("build.tcl", "open_run impl_1\n", ""),
    ("build.tcl", "set reports reports\n", ""),
    ("build.tcl", "wait_on_run impl_1\n", ""),
    ("build.tcl", "set_property top system_wrapper", "set_property top system"),
    ("system.tcl", "validate_bd_design\n", ""),
    ("reports.tcl", "report_route_status", "report_route"),
    ("reports.tcl", "-report_unconstrained", "-unconstrained"),
]


@pytest.mark.parametrize("name, old, new", MUTANTS, ids=[f"{m[0]}: {' '.join(m[1].split())}" for m in MUTANTS])
def test_a_mistake_in_the_scripts_fails(project, name, old, new):
    here = project()
    here.change(name, old, new)
    result = here.run("make", "--silent")
    assert result.returncode != 0 and not (here.directory / "system.xsa").exists()
    assert re.search(r"stand-in: |codesign: |can't read|invalid command|couldn't (read|open)|No rule|check_reports.py: "
                     r"|no such file|error copying", result.stderr), result.stderr


@pytest.mark.parametrize("target, name, old, new", [
    ("fabric", "fabric.xdc", "get_ports clk", "get_ports clock"),
    ("fabric", "fabric.xdc", "create_clock", "create_clocks"),
    ("fabric", "fabric.tcl", "place_design -directive Explore\n", ""),
    ("fabric", "fabric.tcl", "read_xdc -mode out_of_context fabric.xdc\n", ""),
    ("fabric", "fabric.tcl", "route_design -directive Explore", "route_design -directive Explored"),
    ("fabric", "fabric.tcl", "PerformanceOptimized", "PerformanceOptimised"),
    ("fabric", "settings.tcl", "set top accelerator_top", "set top accelerator"),
    ("boot", "boot.bif", "build/fsbl/executable.elf", "build/fsbl/fsbl.elf"),
    ("boot", "boot.bif", "exception_level", "exceptionlevel"),
    ("boot", "boot.tcl", "psu_pmu_0", "psu_cortexr5_0"),
    ("boot", "boot.tcl", "open_hw_design system.xsa", "open_hw_design system.hdf"),
    ("boot", "boot.tcl", "    file mkdir $directory\n", ""),
    ("jtag", "jtag.tcl", "psu_init\nafter", "after"),
    ("jtag", "jtag.tcl", "psu_ps_pl_isolation_removal", "psu_ps_pl_isolation"),
    ("jtag", "jtag.tcl", "fpga -file build/system.bit\n", ""),
    ("jtag", "jtag.tcl", '"Cortex-A53 #0"', '"Cortex A53 #0"'),
    ("jtag", "jtag.tcl", "configparams force-mem-access 1\n", ""),
    ("jtag", "jtag.tcl", "rst -processor\n", ""),
    ("jtag", "jtag.tcl", "dow firmware.elf", "dow firmware/firmware.elf"),
])
def test_a_mistake_in_the_other_scripts_fails(project, target, name, old, new):
    here = project()
    assert here.run("make", "--silent", "all").returncode == 0
    here.change(name, old, new)
    result = here.run("make", "--silent", "-o", "system.xsa", target)
    assert result.returncode != 0 and not (here.directory / "BOOT.BIN").exists(), result.stdout


def test_every_script_is_run_by_some_test(project):
    """Nobody adds a Tcl file that no stand-in has seen."""
    assert sorted(p.name for p in project().directory.glob("*.tcl")) == [
        "board_files.tcl", "boot.tcl", "build.tcl", "fabric.tcl", "jtag.tcl", "reports.tcl", "settings.tcl",
        "system.tcl"]


def test_the_firmware_and_the_block_design_agree(project):
    settings = (project().directory / "settings.tcl").read_text()
    assert f"set registers_base 0x{firmware_constant('FABRIC'):X}\n" in settings
    assert firmware_constant("FABRIC_INTERRUPT") == 121  # PL_PS_IRQ0[0]: AMD UG1085, system interrupts
    with pytest.raises(CodesignError, match="^firmware/zynqmp/board.h must define NOTHING$"):
        firmware_constant("NOTHING")


def test_what_was_not_run_is_said(project):
    directory = project().directory
    assert UNVERIFIED in (directory / "README.md").read_text()
    assert json.loads((directory / "build.json").read_text())["state"] == UNVERIFIED
