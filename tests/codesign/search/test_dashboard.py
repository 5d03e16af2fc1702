"""Optuna's dashboard reads a sweep's database as it is."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from codesign.search import run_sweep
from tests.codesign.search import sweep_tools

pytest.importorskip("optuna_dashboard", reason="codesign[dashboard] is not installed")
LIMIT_S = 120


def answer(url, server):
    """What ``url`` answers, as soon as the server listens."""
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=LIMIT_S) as response:
                return json.load(response)
        except urllib.error.URLError:
            assert server.poll() is None and time.monotonic() < end
            time.sleep(0.2)


def test_the_dashboard_shows_a_sweeps_trials(tmp_path):
    out = tmp_path / "out"
    results = run_sweep(sweep_tools.options(out, trials=6, trained=3, finalists=1),
                        sweep_tools.tools(train=sweep_tools.quick_train))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from optuna_dashboard._cli import main; main()",
               f"sqlite:///{out / 'study.db'}", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            (study,) = answer(f"http://127.0.0.1:{port}/api/studies", server)["study_summaries"]
            trials = answer(f"http://127.0.0.1:{port}/api/studies/{study['study_id']}", server)["trials"]
        finally:
            server.terminate()
    assert len(trials) == results["counts"]["proposals"]
    trained = [c for c in results["candidates"] if c["status"] == "trained"]
    complete = {t["number"]: t["values"] for t in trials if t["state"] == "Complete"}
    assert all(complete[c["trial"]] == [c.get("accuracies", [c["accuracy"]])[0], c["price"]["cycles"],
                                        c["resources"]["lut"]] for c in trained)
