import json
import re
import signal
import subprocess
import sys

import pytest

from codesign.cli import sweep
from codesign.cli.arguments import Parser
from codesign.search import SweepOptions

from .conftest import SCRIPT

COMMANDS = ("doctor", "boards", "sweep", "train", "analyze", "estimate", "generate", "run", "costs", "report")


def test_help_lists_every_command(codesign):
    text = codesign("--help", check=True).stdout
    assert all(re.search(rf"^    {name} ", text, re.M) for name in COMMANDS)
    assert codesign(check=True).stdout == text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(codesign, command):
    assert f"codesign {command}" in codesign(command, "--help", check=True).stdout


def test_help_shows_defaults(codesign):
    text = codesign("sweep", "--help", check=True).stdout
    assert re.search(r"--trials TRIALS\s+different pairs to price \(default: 96\)", text)
    assert "default: None" not in text


def test_sweep_defaults_are_the_options():
    parser = Parser()
    sweep.add(parser.add_subparsers())
    args = parser.parse_args(["sweep", "--out", "x"])
    for name in ("trials", "finalists", "epochs", "final_epochs", "seed", "workers"):
        assert getattr(args, name) == getattr(SweepOptions, name)
    assert SweepOptions.trained == 72  # as the help says


def test_help_imports_nothing_heavy(codesign):
    code = ("import sys\nfrom codesign.cli import main\ntry:\n main(['run', '--help'])\nexcept SystemExit: pass\n"
            "print(sorted({'torch', 'numpy', 'amaranth', 'optuna', 'matplotlib', 'sklearn'} & set(sys.modules)))")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_module_is_the_command(tmp_path):
    result = subprocess.run([sys.executable, "-m", "codesign", "--version"], cwd=tmp_path, capture_output=True,
                            text=True, check=True)
    assert re.fullmatch(r"codesign \d+\.\d+\.\d+\n", result.stdout)


@pytest.mark.parametrize("words, rule", [
    (["fly"], r"codesign: .*invalid choice: 'fly'"),
    (["analyze"], r"codesign analyze: the following arguments are required: NETWORK"),
    (["analyze", "diracdeltanet-116", "--classes", "0"], r"--classes: must be an integer in 1\.\.1000000, not '0'"),
    (["run", "network.yaml", "--images", "some"], r"--images: must be an integer in 1\.\.\d+, not 'some'"),
    (["run", "network.yaml", "--random-weights", "1.5"], r"--random-weights: must be an integer .* not '1\.5'"),
    (["costs"], r"codesign costs: .*required: ACTION"),
])
def test_arguments_that_make_no_sense(error_line, words, rule):
    assert re.search(rf"{rule}.* --help\)$", error_line(*words, status=2))


def test_verbose_shows_the_traceback(codesign):
    for words in (["-v", "analyze", "none.yaml"], ["analyze", "none.yaml", "-v"]):
        result = codesign(*words)
        assert result.returncode == 1
        assert "Traceback" in result.stderr and "CodesignError: Network file 'none.yaml'" in result.stderr


def test_interruption_is_one_line(codesign, tmp_path):
    with subprocess.Popen([SCRIPT, "train", "network.yaml", "--dataset", "digits", "--out", "model",
                           "--epochs", "100000"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        seen = ""
        while "loss=" not in seen:  # the first epoch is done
            seen += process.stderr.read(1)
            assert process.poll() is None, seen + process.stderr.read()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "codesign: interrupted" and "Traceback" not in rest
    assert not (tmp_path / "model").exists()


def test_closed_pipe_is_no_error(tmp_path):
    result = subprocess.run(f"{SCRIPT} analyze diracdeltanet-116 --json | head -n 1", shell=True, cwd=tmp_path,
                            capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("{\n", "")


def test_doctor(codesign):
    found = json.loads(codesign("doctor", "--json", check=True).stdout)
    assert found["ok"]
    assert {t["name"] for t in found["tools"]} >= {"python", "verilator", "g++", "amaranth", "torch", "optuna"}
    assert "verilator" in codesign("doctor", check=True).stdout


def test_doctor_says_what_a_missing_tool_disables(codesign, tmp_path):
    result = codesign("doctor", PATH=str(tmp_path))
    assert result.returncode == 1
    assert re.search(r"g\+\+ must be installed: apt install g\+\+\n  disables: run, sweep", result.stdout)
