"""Workers on a Ray cluster of two nodes, both on this machine."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from codesign.errors import CodesignError
from codesign.pool import Failure, Pool
from codesign.ray_workers import RayCrew, _gpus_each
from tests.codesign.search.test_survival import Sweep
from tests.codesign.test_pool import add, die, die_once, fail, gone, hang, task

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own, of many kinds

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray", reason="needs Ray: pip install 'codesign[cluster]'")
    from ray.cluster_utils import Cluster

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)  # its workers import the tests' helpers
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    try:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def nap(shared, n):
    time.sleep(1)
    return n


def there(shared):
    import ray

    time.sleep(0.5)
    return ray.get_runtime_context().get_node_id()


def test_tasks_on_two_nodes(cluster, tmp_path):
    with Pool(RayCrew(cluster.address, 100)) as pool:
        assert pool.crew.size == 2
        tasks = [task(add, a, 1000) for a in range(6)]
        assert {t.arguments[0]: a for t, a in pool.run(tasks)} == {a: 1100 + a for a in range(6)}
        found, deadline = set(), time.monotonic() + 300  # the second node takes its time
        while len(found) < 2 and time.monotonic() < deadline:
            found |= {a for _, a in pool.run([task(there), task(there)])}
        assert len(found) == 2
        answers = {t.function: a for t, a in pool.run(
            [task(die, tmp_path / "log", signal.SIGKILL), task(add, 1, 2), task(die_once, tmp_path / "once"),
             task(fail, "contradiction")])}
        assert answers[add] == 103 and answers[die_once] == "second time"
        assert answers[die].kind == "died" and answers[die].reason.startswith("its process or machine in the cluster")
        assert answers[fail] == Failure(reason="Logit must be 1", kind="contradiction")
        (_, failure), = pool.run([task(hang, tmp_path / "hang", limit_s=3.0)])
        assert failure == Failure(reason="it took longer than 3 s", kind="limit")
        pid = tmp_path / "pid"
        pid.write_text((tmp_path / "hang").read_text().split()[0])
        assert gone(pid)


def test_a_node_that_is_switched_off_costs_nothing_but_time(cluster, tmp_path):
    node = cluster.add_node(num_cpus=1)
    with Pool(RayCrew(cluster.address, 100)) as pool:
        assert pool.crew.size == 3
        running = pool.run([task(nap, n) for n in range(9)])
        answers = [next(running)[1]]
        cluster.remove_node(node, allow_graceful=False)
        answers += [a for _, a in running]
        assert sorted(answers) == list(range(9))


def test_the_same_results_as_on_one_machine(cluster, tmp_path):
    expected = {}
    for name, ray in (("here", None), ("cluster", cluster.address)):
        (tmp_path / name).mkdir()
        sweep = Sweep(tmp_path / name, trials=20, trained=10, ray=ray, workers=2 if ray is None else None)
        expected[name] = json.dumps(sweep.finish())
    assert expected["here"] == expected["cluster"]


@pytest.mark.parametrize("gpus, workers", [(1, 1), (1, 7), (3, 2), (3, 8), (8, 8), (4, 13)])
def test_there_is_a_gpu_for_every_worker(gpus, workers):
    """Ray takes parts of one GPU, never of two."""
    each = _gpus_each(gpus, workers)
    assert 0 < each <= 1 and gpus * int(1 / each + 1e-9) >= workers
    assert _gpus_each(0, workers) == 0


def test_no_cluster_is_told():
    pytest.importorskip("ray")
    with pytest.raises(CodesignError, match="^Ray address must be a cluster's, not 'localhost:1': "):
        RayCrew("localhost:1")


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CodesignError, match=r"^Ray must be installed: pip install 'codesign\[cluster\]'$"):
        RayCrew("auto")
