import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codesign.errors import CodesignError, Contradiction
from codesign.pool import Failure, Pool, Task, WorkerDied
from codesign.workers import LocalCrew


def add(shared, a, b):
    return shared + a + b


def where(shared):
    return os.getpid()


def rank(shared, folder, together):
    """Its number, once as many as ``together`` are at it."""
    mine = os.environ["LOCAL_RANK"]
    (Path(folder) / mine).touch()
    while len(list(Path(folder).iterdir())) < together:
        time.sleep(0.01)
    return int(mine)


def die(shared, log, number):
    with open(log, "a") as file:
        file.write(f"{os.getpid()}\n")
    os.kill(os.getpid(), number)


def die_once(shared, log):
    first = not Path(log).exists()
    Path(log).touch()
    if first:
        os._exit(7)
    return "second time"


def hang(shared, log):
    child = subprocess.Popen(["sleep", "600"])  # what it started ends with it
    Path(log).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def fail(shared, kind):
    if kind == "full":
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as e:
            raise CodesignError("Model must be writable") from e
    raise {"error": CodesignError("Loss must stay\nfinite"), "contradiction": Contradiction("Logit must be 1"),
           "compiler": CodesignError("g++ must succeed: x.cpp: No space left on device"),
           "bug": KeyError("colour")}[kind]


def alone(shared, path):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL))  # raises where another one is at it
    time.sleep(0.1)
    os.unlink(path)


def unsendable(shared):
    return lambda: None


def task(function, *arguments, limit_s=60.0):
    return Task(function=function, arguments=arguments, limit_s=limit_s)


def gone(log):
    """Whether all processes named in ``log`` are, within ten seconds."""
    deadline = time.monotonic() + 10
    while any(alive(int(pid)) for pid in log.read_text().split()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture(scope="module")
def pool():
    with Pool(LocalCrew(2, 100)) as pool:
        yield pool


def test_answers_are_their_tasks(pool):
    tasks = [task(add, a, 1000) for a in range(20)]
    assert {t.arguments[0]: answer for t, answer in pool.run(tasks)} == {a: 1100 + a for a in range(20)}


def test_workers_stay(pool):
    assert len({answer for _ in range(3) for _, answer in pool.run([task(where)] * 1)}) <= 2
    assert list(pool.run([])) == []


@pytest.mark.parametrize(("kind", "failure"), [
    ("error", Failure(reason="Loss must stay finite")),
    ("contradiction", Failure(reason="Logit must be 1", kind="contradiction")),
    ("full", Failure(reason="Model must be writable", kind="full disk")),
    ("compiler", Failure(reason="g++ must succeed: x.cpp: No space left on device", kind="full disk")),
])
def test_failures_say_why(pool, kind, failure):
    assert [answer for _, answer in pool.run([task(fail, kind)])] == [failure]


def test_bugs_say_where(pool):
    (_, failure), = pool.run([task(fail, "bug")])
    assert failure.kind == "error" and failure.reason.startswith("unexpected KeyError: 'colour' (test_pool.py:")
    (_, failure), = pool.run([task(unsendable)])
    assert failure.reason.startswith("unexpected ")


def test_a_dying_worker_harms_no_other(pool, tmp_path):
    answers = {t.function: answer for t, answer in pool.run(
        [task(die, tmp_path / "log", signal.SIGSEGV), task(add, 1, 2), task(die_once, tmp_path / "once")])}
    assert answers[die] == Failure(reason="its process was ended by signal 11 (SIGSEGV)", kind="died")
    assert len(set((tmp_path / "log").read_text().split())) == 3  # each time in a new process
    assert answers[add] == 103 and answers[die_once] == "second time"


def test_workers_are_numbered_and_a_new_one_has_the_number_of_the_one_it_replaces(tmp_path):
    with Pool(LocalCrew(3)) as pool:
        for folder in ("before", "after"):
            (tmp_path / folder).mkdir()
            tasks = [task(rank, tmp_path / folder, 3)] * 3
            assert sorted(answer for _, answer in pool.run(tasks)) == [0, 1, 2]
            assert [a.kind for _, a in pool.run([task(die, tmp_path / "log", signal.SIGKILL)])] == ["died"]


def test_a_hanging_task_is_ended_with_what_it_started(pool, tmp_path):
    began = time.monotonic()
    answers = dict(pool.run([task(hang, tmp_path / "log", limit_s=2.0), *(task(add, n, 0) for n in range(5))]))
    assert 2 <= time.monotonic() - began < 30
    failure, = (a for a in answers.values() if isinstance(a, Failure))
    assert failure == Failure(reason="it took longer than 2 s", kind="limit") and len(answers) == 6
    assert gone(tmp_path / "log")


def test_one_at_a_time(pool, tmp_path):
    tasks = [task(alone, tmp_path / "here") for _ in range(6)]
    assert [answer for _, answer in pool.run(tasks, at_most=1)] == [None] * 6


def test_whoever_stops_listening_ends_the_rest(pool, tmp_path):
    running = pool.run([task(hang, tmp_path / "log"), task(add, 1, 1)])
    assert next(running)[1] == 102
    while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text():
        time.sleep(0.01)
    running.close()
    assert gone(tmp_path / "log")


def test_workers_do_not_outlive_a_killed_caller(tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from codesign.pool import Pool
from codesign.workers import LocalCrew
from tests.codesign.test_pool import hang, task
if __name__ == "__main__":
    with Pool(LocalCrew(1)) as pool:
        list(pool.run([task(hang, {str(tmp_path / "log")!r})]))
"""
    (tmp_path / "run.py").write_text(script)
    process = subprocess.Popen([sys.executable, str(tmp_path / "run.py")])
    deadline = time.monotonic() + 60
    while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert gone(tmp_path / "log")


def test_an_interrupt_while_a_worker_begins_ends_it_without_a_word(capfd):
    worker, deadline = LocalCrew(1).hire(), time.monotonic() + 5
    status = Path(f"/proc/{worker._pid}/status")
    # Python takes interrupts from here on, and imports.
    while not int(status.read_text().split("SigCgt:")[1].split()[0], 16) & 1 << signal.SIGINT - 1:
        if time.monotonic() > deadline:  # seen too late: it is through
            break
    os.kill(worker._pid, signal.SIGINT)
    with pytest.raises(WorkerDied, match="SIGINT"):
        worker.answer()
    worker.stop()
    assert capfd.readouterr().err == ""


def test_workers_that_cannot_start_end_it():
    class Stillborn(LocalCrew):
        def hire(self):
            worker = super().hire()

            def ready():
                raise WorkerDied("no such package")

            worker.ready = ready
            return worker

    with Pool(Stillborn(2)) as pool, pytest.raises(CodesignError, match="Workers must be able to start: no such pack"):
        list(pool.run([task(add, 1, 2)]))


def test_a_crew_has_somebody():
    with pytest.raises(CodesignError, match="Workers must be at least 1, not 0"):
        LocalCrew(0)
