"""Sweeps whose trials are in a PostgreSQL server's database."""

import json
import subprocess
import time

import pytest

from codesign.errors import CodesignError
from codesign.search import run_sweep
from tests.codesign.search import sweep_tools
from tests.codesign.search.postgres import server
from tests.codesign.search.test_survival import Sweep

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database():
    with server() as started:
        yield started


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The results of a sweep with its trials in a file."""
    return comparable(Sweep(tmp_path_factory.mktemp("file")).finish())


def comparable(results):
    return {**results, "settings": {**results["settings"], "storage": None}}


def test_two_sweeps_at_once_in_one_database(tmp_path, database, expected):
    sweeps = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        sweeps.append(Sweep(tmp_path / name, storage=database.url))
    processes = [sweep.start() for sweep in sweeps]
    for process in processes:
        _, errors = process.communicate(timeout=1200)
        assert process.returncode == 0, errors
    for sweep in sweeps:
        assert comparable(json.loads((sweep.out / "results.json").read_text())) == expected
        assert not (sweep.out / "study.db").exists()
    assert int(database.ask("SELECT count(*) FROM studies")) >= 2


def begun(database, sweep, process):
    """Wait until some trials of ``sweep`` are finished."""
    name = None
    while name is None or int(database.ask(
            f"SELECT count(*) FROM trials JOIN studies USING (study_id) WHERE study_name = '{name}' "
            "AND state <> 'RUNNING'")) < 6:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
        if (sweep.out / "sweep.json").exists():
            name = json.loads((sweep.out / "sweep.json").read_text())["name"]


def test_its_connections_are_cut_and_the_server_killed_and_started(tmp_path, database, expected):
    """The sweep waits for it, and goes on."""
    sweep = Sweep(tmp_path, storage=database.url)
    process = sweep.start()
    begun(database, sweep, process)
    for _ in range(5):
        database.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                     "AND backend_type = 'client backend'")
        time.sleep(0.5)
    database.stop()
    time.sleep(2)
    database.start()
    _, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors
    assert comparable(json.loads((sweep.out / "results.json").read_text())) == expected


def test_a_server_that_stays_away_ends_it_and_the_same_command_goes_on(tmp_path, database, expected, monkeypatch):
    sweep = Sweep(tmp_path, storage=database.url)
    process = sweep.start()
    begun(database, sweep, process)
    process.kill()
    process.communicate()
    database.stop()
    monkeypatch.setattr("codesign.search.trials.RETRIES_S", (0.1,))
    with pytest.raises(CodesignError, match=r"^Database of trials postgresql\+psycopg://me@/postgres\?host=\S+ must be "
                                            "usable: .*connection") as e:
        run_sweep(sweep_tools.options(sweep.out, **sweep.settings), sweep_tools.tools())
    assert "\n" not in str(e.value)
    database.start()
    assert comparable(sweep.finish()) == expected


def test_a_password_is_written_nowhere(tmp_path, database):
    url = database.url.replace("me@", "me:secret@")
    run_sweep(sweep_tools.options(tmp_path / "out", storage=url, trials=2, trained=1, finalists=1),
              sweep_tools.tools(train=sweep_tools.quick_train))
    found = subprocess.run(["grep", "-r", "secret", str(tmp_path)], capture_output=True, text=True)
    assert found.stdout == "" and "me:***@" in (tmp_path / "out" / "sweep.json").read_text()
