"""The installed console script, as a person runs it."""

import os
import signal
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from codesign.cli import main

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a background job's tests interrupt commands, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

SCRIPT = Path(sys.executable).with_name("codesign")
NETWORK = """
name: small
input: [1, 8, 8]
layers:
  - conv: 8
  - pool
  - shift: released
  - conv: 12
  - average
  - linear: 10
"""


def run_codesign(*words, cwd, check=False, **env):
    """``codesign WORDS`` in ``cwd``; with ``check``, it must succeed."""
    result = subprocess.run([SCRIPT, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=900,
                            env={**os.environ, "OMP_NUM_THREADS": "1", **env})
    assert not check or result.returncode == 0, result.stderr
    return result


def call_codesign(*words, cwd, check=False):
    """As :func:`run_codesign`, in this process: quicker, where nothing is about processes."""
    words = list(map(str, words))
    with chdir(cwd), redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            status = main(words)
        except SystemExit as e:
            status = e.code
    assert not check or status == 0, err.getvalue()
    return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


@pytest.fixture
def codesign(tmp_path):
    """Runs in the test's own directory, which holds network.yaml."""
    (tmp_path / "network.yaml").write_text(NETWORK)

    def run(*words, **more):
        return run_codesign(*words, cwd=tmp_path, **more)
    return run


@pytest.fixture
def error_line(codesign, tmp_path):
    """``error_line(WORDS)``: the one line on stderr of a command that must fail and leave nothing behind."""
    def run(*words, status=1, **env):
        before = sorted(tmp_path.rglob("*"))
        result = codesign(*words, **env)
        assert result.returncode == status, result.stderr
        lines = [line for line in result.stderr.replace("\r", "\n").splitlines() if "it/s" not in line]
        assert len(lines) == 1, result.stderr
        assert sorted(tmp_path.rglob("*")) == before
        return lines[0]
    return run
