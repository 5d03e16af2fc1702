"""Runs cocotb modules on components, from pytest."""

import hashlib
import json
import os
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cocotb_tools.runner import get_runner

from codesign.rtl.emit import to_verilog
from codesign.sim import toolchain

BUILD_ARGS = ["-Wno-lint", "-CFLAGS", "-O0"]  # with every signal visible, optimizing takes longer than it saves


def build(source: str, name: str) -> Path:
    """The folder of ``source`` built for cocotb with top module ``name``; built once per content and tool version."""
    cache = Path(os.environ.get("CODESIGN_CACHE") or Path.home() / ".cache" / "codesign") / "cocotb"
    key = [source, name, BUILD_ARGS, toolchain.find_verilator().version_text, metadata.version("cocotb"),
           metadata.distribution("cocotb").locate_file("").as_posix()]  # the library's path is linked in
    folder = cache / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            path = Path(temporary) / f"{name}.v"
            path.write_text(source)
            get_runner("verilator").build(sources=[path], hdl_toplevel=name, build_dir=temporary, always=True,
                                          build_args=BUILD_ARGS, log_file=Path(temporary) / "build.log")
            try:
                shutil.copytree(temporary, folder.with_suffix(f".{os.getpid()}"))
                folder.with_suffix(f".{os.getpid()}").rename(folder)
            except OSError:
                if not folder.exists():  # else another process was first
                    raise
    return folder


@pytest.fixture
def run_cocotb(tmp_path, monkeypatch):
    """``run_cocotb(component, module, **variables)``: the tests of cocotb module ``module`` on ``component``, which may
    be the (name, Verilog) of a module, too.

    ``variables`` become environment variables CODESIGN_... of the simulation. Fails if any test fails, or none ran.
    """
    def run(component, module, **variables):
        for key, value in toolchain.environment().items():
            monkeypatch.setenv(key, value)
        if isinstance(component, tuple):
            name, source = component
        else:
            name = type(component).__name__.lower()
            source = to_verilog(component, name)
        folder = build(source, name)
        monkeypatch.syspath_prepend(Path(__file__).parent)  # the simulation gets this process's path
        log, results = tmp_path / "log.txt", tmp_path / "results.xml"
        try:
            get_runner("verilator").test(
                hdl_toplevel=name, hdl_toplevel_lang="verilog", test_module=module, build_dir=folder,
                test_dir=tmp_path, results_xml=str(results), log_file=log, seed=1,
                extra_env={"COCOTB_LOG_LEVEL": "WARNING"} | {f"CODESIGN_{k.upper()}": v for k, v in variables.items()})
        except SystemExit:  # the runner's way to say that the simulation did not get to its end
            pytest.fail(log.read_text()[-6000:], pytrace=False)
        cases = list(ElementTree.parse(results).iter("testcase"))
        failed = [case.get("name") for case in cases if any(case.find(tag) is not None for tag in ("failure", "error"))]
        if not cases or failed:
            pytest.fail(f"{', '.join(failed) or 'no tests ran'}\n{log.read_text()[-6000:]}", pytrace=False)
    return run
