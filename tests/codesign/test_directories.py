import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from codesign.directories import built_once
from codesign.errors import CodesignError


def slow_build(target: Path, log: Path, seconds: float) -> None:
    """Build ``target``, and say so in ``log`` when it begins."""
    def build(work: Path) -> None:
        with open(log, "a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(seconds)
        (work / "content").write_text("whole")

    assert (built_once(target, build) / "content").read_text() == "whole"


def start(*arguments):
    process = multiprocessing.get_context("fork").Process(target=slow_build, args=arguments)
    process.start()
    return process


def test_of_many_processes_one_builds(tmp_path):
    target, log = tmp_path / "cache" / "a", tmp_path / "log"
    processes = [start(target, log, 0.3) for _ in range(6)]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert len(log.read_text().split()) == 1
    assert [p.name for p in target.parent.iterdir()] == ["a"]


def test_a_killed_builder_is_succeeded(tmp_path):
    target, log = tmp_path / "a", tmp_path / "log"
    log.touch()
    first = start(target, log, 600)
    while not log.read_text():
        time.sleep(0.01)
    second = start(target, log, 0)
    time.sleep(0.2)
    assert not target.exists() and second.is_alive()  # it waits
    os.kill(first.pid, signal.SIGKILL)
    second.join(30)
    assert second.exitcode == 0 and len(log.read_text().split()) == 2
    first.join()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "log"]


def test_a_failed_build_leaves_nothing(tmp_path):
    def fail(work: Path) -> None:
        (work / "half").write_text("")
        raise CodesignError("Compiler must succeed")

    with pytest.raises(CodesignError, match="Compiler must succeed"):
        built_once(tmp_path / "a", fail)
    assert list(tmp_path.iterdir()) == []
