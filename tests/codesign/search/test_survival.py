"""Sweeps that are killed, again and again, and end as if nothing had been."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codesign.search import run_sweep
from tests.codesign.search import sweep_tools

pytestmark = pytest.mark.slow

KILLS = 24
ROOT = Path(__file__).parents[3]
SETTINGS = {"trials": 40, "trained": 24, "finalists": 3, "epochs": 1, "final_epochs": 1, "workers": 2}
SCRIPT = """
import json, pathlib, sys
sys.path.insert(0, {root!r})
from codesign.errors import CodesignError
from codesign.search import run_sweep
from tests.codesign.search import sweep_tools
if __name__ == "__main__":
    settings = json.loads(sys.argv[2])
    tools = sweep_tools.tools(train=sweep_tools.unhurried_train)
    try:
        run_sweep(sweep_tools.options(pathlib.Path(sys.argv[1]), **settings), tools)
    except CodesignError as e:
        sys.exit(str(e))
"""


class Sweep:
    """A sweep's process and its directory."""

    def __init__(self, path: Path, **settings):
        self.out, self._script = path / "out", path / "run.py"
        self._script.write_text(SCRIPT.format(root=str(ROOT)))
        self.settings = {**SETTINGS, **settings}

    def start(self) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, str(self._script), str(self.out), json.dumps(self.settings)],
                                stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)

    def finish(self) -> dict:
        """Go on to the end; the results as they are on disk."""
        with self.start() as process:
            _, errors = process.communicate(timeout=1200)
        assert process.returncode == 0, errors
        return json.loads((self.out / "results.json").read_text())

    def finished_trials(self) -> dict[int, str]:
        """Record by number, read past everything that writes it."""
        if not (self.out / "study.db").exists():
            return {}
        with sqlite3.connect(f"file:{self.out / 'study.db'}?mode=ro", uri=True, timeout=30) as database:
            try:
                return dict(database.execute(
                    "SELECT number, value_json FROM trials JOIN trial_user_attributes USING (trial_id) "
                    "WHERE key = 'record' AND state IN ('COMPLETE', 'PRUNED', 'FAIL')").fetchall())
            except sqlite3.OperationalError:  # killed before there were tables
                return {}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The bytes of the results of a sweep that nobody disturbs."""
    sweep = Sweep(tmp_path_factory.mktemp("undisturbed"))
    assert sweep.finish()["counts"]["priced"] == SETTINGS["trials"]
    return (sweep.out / "results.json").read_bytes()


def workers_of(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_killed_at_random_times_it_ends_as_if_it_had_not_been(tmp_path, undisturbed):
    """Now the sweep, now one of its workers is killed; no finished trial is lost, changed or proposed again."""
    sweep, generator = Sweep(tmp_path), random.Random(0)
    models: dict[str, int] = {}
    kills = {"sweep": 0, "worker": 0}
    ended = 0
    while sum(kills.values()) < KILLS:
        before = sweep.finished_trials()
        process = sweep.start()
        try:
            if kills["worker"] < kills["sweep"]:
                deadline = time.monotonic() + 120
                while process.poll() is None and not workers_of(process) and time.monotonic() < deadline:
                    time.sleep(0.05)
                time.sleep(generator.uniform(0, 3))
                found = workers_of(process) if process.poll() is None else []
                if found:
                    os.kill(generator.choice(found), signal.SIGKILL)
                    kills["worker"] += 1
            since = time.monotonic()
            delay = generator.uniform(0, 8)
            while process.poll() is None and time.monotonic() < since + delay:
                time.sleep(0.02)
            if process.poll() is None:
                process.kill()
                kills["sweep"] += 1
        finally:
            process.kill()
            _, errors = process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0), errors
        after = sweep.finished_trials()
        assert before.items() <= after.items()
        for path in sweep.out.glob("candidates/*-*"):
            changed = path.stat().st_mtime_ns
            assert models.setdefault(path.name, changed) == changed  # never trained twice
        if process.returncode == 0:  # done before enough kills: from the start, elsewhere
            assert (sweep.out / "results.json").read_bytes() == undisturbed
            shutil.rmtree(sweep.out)
            models.clear()
            ended += 1
    results = sweep.finish()
    print(f"killed {kills}, {ended} ends before the last")
    assert (sweep.out / "results.json").read_bytes() == undisturbed
    choices = [json.dumps(record) for record in results["candidates"]]
    assert len(choices) == len(set(choices)) == SETTINGS["trials"]


def test_interrupted_it_leaves_nobody_behind(tmp_path, undisturbed):
    """Ctrl-C in the midst of trainings."""
    sweep = Sweep(tmp_path)
    process = sweep.start()
    while not list(sweep.out.glob("candidates/*-search")):
        assert process.poll() is None
        time.sleep(0.05)
    workers = workers_of(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0 and workers
    assert not any(Path(f"/proc/{pid}").exists() and b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
                   for pid in workers)
    sweep.finish()
    assert (sweep.out / "results.json").read_bytes() == undisturbed


NAMESPACE = """
set -e
mount -t tmpfs -o size=$1 none "$2"
status=0
"$3" "$4" "$2/out" "$5" || status=$?
test $status -ne 0
du -sk "$2" >&2
mount -o remount,size=500m "$2"
"$3" "$4" "$2/out" "$5"
cp "$2/out/results.json" "$6"
"""


@pytest.mark.parametrize("size_kb", [200, 300, 400, 600, 800])
def test_a_full_disk_is_told_and_with_room_again_it_goes_on(tmp_path, undisturbed, size_kb):
    """On a file system of its own, which is small and then is not."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("needs user namespaces (unshare -rm)")
    sweep = Sweep(tmp_path)
    (tmp_path / "disk").mkdir()
    result = subprocess.run(
        ["unshare", "-rm", "sh", "-c", NAMESPACE, "sh", f"{size_kb}k", str(tmp_path / "disk"), sys.executable,
         str(tmp_path / "run.py"), json.dumps(sweep.settings), str(tmp_path / "results.json")],
        capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stderr
    told = [line for line in result.stderr.splitlines() if "must" in line]
    assert len(told) == 1 and ("No space left on device" in told[0] or "disk" in told[0]), result.stderr
    assert (tmp_path / "results.json").read_bytes() == undisturbed


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    """With real trainings: twice one worker, then two."""
    found = set()
    for name, workers in (("a", 1), ("b", 1), ("c", 2)):
        run_sweep(sweep_tools.options(tmp_path / name, workers=workers, trials=12, trained=6), sweep_tools.tools())
        found.add((tmp_path / name / "results.json").read_bytes())
    assert len(found) == 1
