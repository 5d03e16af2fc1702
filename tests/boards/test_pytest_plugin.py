"""The fixture ``device`` in somebody else's project, by the pytest that runs there."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.boards.host_board import HostBoard
from codesign.boards.model_device import ModelDevice
from codesign.errors import CodesignError

NETWORK = ("name: small\ninput: [1, 8, 8]\nlayers:\n  - conv: 8\n  - pool\n  - conv: 8\n  - average\n  - linear: 10\n")
OTHER = "preset: tiny\nname: other\nmemory: {bytes_per_cycle: 8, latency_cycles: 20}\n"  # the same RTL
SETTINGS = '[pytest]\ncodesign_accelerator = tiny\n'


@pytest.fixture
def project(tmp_path):
    """``project(TESTS, WORDS)``: lines that pytest prints for the file tests/test_it.py of a project of its own."""
    (tmp_path / "network.yaml").write_text(NETWORK)
    (tmp_path / "other.yaml").write_text(OTHER)
    (tmp_path / "tests").mkdir()

    def run(tests, *words, status=0, settings=SETTINGS, conftest=""):
        (tmp_path / "pytest.ini").write_text(settings)
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "tests" / "test_it.py").write_text(tests)
        result = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "codesign.boards.pytest_plugin", "-p",
                                 "no:cacheprovider", *words], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                                env={**os.environ, "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1",
                                     "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})  # quicker; ours is named
        text = result.stdout + result.stderr
        assert result.returncode == status, text
        return text
    return run


ON_ALL = """
import numpy as np
import pytest

def test_a_run(device):
    run = device.check("network.yaml", 3, random_weights=0)
    assert run.logits.shape == (3, 10) and run.labels is None and run.accelerator == "tiny"
    assert run.cycles in ((), (run.model_cycles,) * 3)
    images = np.zeros((1, 1, 8, 8), np.uint8)
    assert (device.run("network.yaml", images, random_weights=0).logits != run.logits[:1]).any()

@pytest.mark.accelerator("other.yaml")
@pytest.mark.parametrize("name", ["a/b", "a_b", "x" * 300])
def test_another_accelerator(device, name):
    assert device.check("network.yaml", len(name) % 7 + 1, random_weights=0).accelerator == "other"

class TestTwo:
    def test_a_run(self, device):
        found = [device.check("network.yaml", 1, random_weights=0, accelerator=a) for a in ("tiny", "other.yaml")]
        assert [run.accelerator for run in found] == ["tiny", "other"]
        assert (found[0].logits == found[1].logits).all()
"""


def test_every_device(project, tmp_path):
    """The reference, a port, the firmware before the RTL, and from what was recorded then, any test of it alone."""
    assert "5 passed" in project(ON_ALL, "--device", "reference")
    with HostBoard(PRESETS["tiny"]) as board:
        assert "1 passed" in project(ON_ALL, "--device", "serial", f"--port={board.port}", "--baud", "4000000", "-k",
                                     "test_a_run and not TestTwo")
    assert not (tmp_path / "tests" / "sessions").exists()
    assert "5 passed" in project(ON_ALL, "--device=host", "--record")
    sessions = sorted(path.name for path in (tmp_path / "tests" / "sessions").iterdir())
    assert len(sessions) == 6 and all(name.endswith(".jsonl") for name in sessions)
    assert {"test_it.test_a_run.tiny.jsonl", "test_it.TestTwo.test_a_run.other.jsonl"} <= set(sessions)
    assert "5 passed" in project(ON_ALL, "--device", "replay")
    assert "1 passed" in project(ON_ALL, "--device", "replay", "-k", "TestTwo", "tests/test_it.py")
    changed = project(ON_ALL.replace("np.zeros", "np.ones"), "--codesign-device", "replay", status=1)
    assert re.search(r"^E .*test_a_run.tiny.jsonl' must be asked what was recorded, as request", changed, re.M)
    assert "1 failed, 4 passed" in changed and "boards/" not in changed


@pytest.mark.parametrize("settings, words, line", [
    ("", ["--codesign-device", "reference"], r"E .*CodesignError: Accelerator must be given: codesign_accelerator in"),
    (SETTINGS, ["--device", "replay"], r"E .*test_one.tiny.jsonl' must have been recorded: --device serial --port P "),
    (SETTINGS, ["--device", "serial:/dev/ttyNONE"], r"E .*Serial port must be one that can be opened .*/dev/ttyNONE'")])
def test_a_device_that_cannot_be_had(project, settings, words, line):
    """The test's own line, and one that says what is wrong."""
    text = project("def test_one(device):\n    device.check('network.yaml', random_weights=0)\n", *words, status=1,
                   settings=settings)
    assert re.search(f"^{line}", text, re.M), text
    assert "1 failed" in text and len(text.splitlines()) < 18, text


@pytest.mark.parametrize("words, line", [
    (["--codesign-device", "fpga"], "ERROR: Device must be one of reference, verilator, .*, not 'fpga'"),
    (["--device", "serial"], "ERROR: Device serial must have a port: --device serial:/dev/ttyUSB1, say"),
    (["--device", "verilator", "--port", "x"], "ERROR: Device verilator must have no port, not 'x'"),
    (["--codesign-record"], "ERROR: Device must be host .*or serial to be recorded, not verilator"),
    (["--device", "serial", "--port", "/dev/null"], "ERROR: Port must be given as --port=/dev/null or --device ")])
def test_words_that_make_no_sense(project, words, line):
    text = project("def test_one(device): pass\n", *words, status=4)
    assert re.search(f"^{line}", text, re.M), text


OTHERS = """
import sys
import pytest

def pytest_addoption(parser):
    for name in ("--device", "--port", "--baud", "--record", "--replay"):
        parser.addoption(name, default="none")

@pytest.fixture
def device(pytestconfig):
    return pytestconfig.getoption("--device")

def pytest_unconfigure():
    print("imported:", sorted({"numpy", "torch", "amaranth", "serial", "yaml"} & set(sys.modules)))
"""


def test_a_project_with_such_words_of_its_own(project):
    """Nothing is taken from it, and nothing is imported for it."""
    tests, own = "def test_one(device): assert device == {!r}\n", dict(settings="[pytest]\n", conftest=OTHERS)
    assert "imported: []" in project(tests.format("none"), **own)
    assert "1 passed" in project(tests.format("serial"), "--device", "serial", "--port=/dev/null", **own)


def test_a_wrong_device_fails_the_test(tmp_path, monkeypatch):
    (tmp_path / "network.yaml").write_text(NETWORK)
    with ModelDevice("reference", tmp_path, accelerator="tiny") as device:
        right = device.check("network.yaml", 2, random_weights=0)
        monkeypatch.setattr("codesign.verification.evaluate", lambda *_: right.logits + np.eye(2, 10, 3, np.int64))
        line = r"^small on tiny, reference: Logit of image 0, class 3 must be the reference's .*2 of 20 logits differ"
        with pytest.raises(AssertionError, match=line):
            device.check("network.yaml", 2, random_weights=0)
        assert "Logit of image 0" in device.run("network.yaml", 2, random_weights=0).problem


def test_images_and_models(tmp_path):
    (tmp_path / "network.yaml").write_text(NETWORK)
    with ModelDevice("reference", tmp_path, board="ulx3s") as device:
        run = device.check("network.yaml", "all", dataset="digits", random_weights=0)
        assert len(run.labels) == 360 and run.accuracy == (run.classes == run.labels).mean()
        assert run.accelerator == "ulx3s" and device.config().clock_hz == 75_000_000
        with pytest.raises(CodesignError, match="Images of small must have labels"):
            _ = device.check("network.yaml", random_weights=0).accuracy
        for images in (0, "some", 1.5, [1]):
            with pytest.raises(CodesignError, match='Images must be an array, "all" or a number of at least 1, not'):
                device.run("network.yaml", images, random_weights=0)
        with pytest.raises(CodesignError, match=r"Model must be .* a network with random_weights=SEED, not 'network"):
            device.run("network.yaml")
        with pytest.raises(CodesignError, match=r"Network must be one of .*, not 'nothing'"):
            device.run("nothing")
