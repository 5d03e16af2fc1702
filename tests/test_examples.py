"""The example project, outside the checkout: as it is copied, and with the built wheel."""

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from codesign.accelerator import load_accelerator
from codesign.model import load_model
from codesign.network import load_network

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "digits_on_ulx3s"
WORKFLOW = EXAMPLE / ".github" / "workflows" / "rtl.yml"


@pytest.fixture
def project(tmp_path):
    kept_out = shutil.ignore_patterns(".*_cache", "__pycache__")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "project", ignore=kept_out))


def run(*words, cwd):
    result = subprocess.run(list(map(str, words)), cwd=cwd, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pytest_of_the_workflow() -> list[list[str]]:
    """What its steps give pytest."""
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["test"]["steps"]
    commands = [shlex.split(step["run"]) for step in steps if "run" in step]
    return [words[1:] for words in commands if words[0] == "pytest"]


def test_the_model_is_the_network():
    assert load_model(EXAMPLE / "model")[0].layers == load_network(str(EXAMPLE / "network.yaml")).layers
    assert load_accelerator(str(EXAMPLE / "accelerator.yaml")).name == "my-array"


def test_recorded_sessions(project):
    """They hold for this compiler; if it now makes another program, record them again (see the example's README)."""
    plugin = ("-p", "codesign.boards.pytest_plugin")  # an installed codesign needs no word
    text = run(sys.executable, "-m", "pytest", *plugin, "--device", "replay", cwd=project)
    assert "codesign: device replay" in text and re.search(r"\b3 passed\b", text)


def test_the_workflow():
    assert pytest_of_the_workflow() == [["--device", "verilator"], ["--device", "host"], ["--device", "replay"]]


def test_where_codesign_is_from_must_be_filled_in():
    """The workflow stops before pip does, and says where; filled in, every line is a requirement."""
    text = (EXAMPLE / "requirements.txt").read_text()
    check, = [step["run"] for step in yaml.safe_load(WORKFLOW.read_text())["jobs"]["test"]["steps"]
              if "YOUR-HOST" in step.get("run", "")]
    stopped = subprocess.run(["bash", "-ec", check], cwd=EXAMPLE, capture_output=True, text=True)
    assert stopped.returncode == 1 and re.fullmatch(r"requirements.txt:\d+:codesign @ git\+https.*\n", stopped.stdout)
    filled = text.replace("YOUR-HOST", "example.org").replace("YOUR-NAME", "me")
    lines = [Requirement(line) for line in filled.splitlines() if not line.startswith("#")]
    assert [(line.name, bool(line.url)) for line in lines] == [("codesign", True), ("pytest", False)]


@pytest.mark.slow
def test_with_the_built_wheel(project, tmp_path):
    """Every test of the workflow, where this checkout is out of sight."""
    source = tmp_path / "source"
    for name in ("codesign", "rtl", "sim", "boards", "firmware"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", tmp_path, source, cwd=tmp_path)
    wheel, = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    # The packages that codesign needs are this environment's; its own codesign comes after the wheel's.
    here = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    (packages / "here.pth").write_text("\n".join([*here, sysconfig.get_path("purelib")]) + "\n")
    run(*pip, "install", "--no-deps", "--no-index", "--target", packages, wheel, cwd=tmp_path)
    where = run(python, "-c", "import codesign.boards.pytest_plugin as p; print(p.__file__)", cwd=project)
    assert where.startswith(str(packages))
    for words in pytest_of_the_workflow():
        text = run(python, "-m", "pytest", *words, cwd=project)
        assert f"codesign: device {words[1]}" in text and re.search(r"\b3 passed\b", text)
