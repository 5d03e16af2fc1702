"""How much faster two workers measure than one: ``python -m codesign.sim.worker_bench``.

Each measures networks of the ``digits`` space, weights drawn at random, on the simulated RTL, all held-out images of
the handwritten digits each, as the finalists of a sweep are. Simulators are built, and workers up, before the clock
starts.
"""

import argparse
import os
import random
import time
from collections.abc import Iterator

from codesign.accelerator import AcceleratorConfig
from codesign.board import load_board
from codesign.cli.arguments import Parser, integer
from codesign.cycles import predict
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.pool import Failure, Pool, Task
from codesign.random_weights import random_network
from codesign.search import Space, load_space
from codesign.search.training import Shared, measure_model
from codesign.workers import LocalCrew

from .tools import search_tools

LIMIT_S = 600


def networks(space: Space, seed: int) -> Iterator[Network]:
    """Drawn from ``space``, those that can be built."""
    generator = random.Random(seed)
    while True:
        try:
            yield space.build(space.propose(lambda name, choices: generator.choice(choices)))
        except CodesignError:
            continue


def tasks(space: Space, config: AcceleratorConfig, count: int, seed: int) -> list[Task]:
    """Measurements of ``count`` networks that run on ``config``."""
    found: list[Task] = []
    for network in networks(space, seed):
        if len(found) == count:
            break
        graph = network.graph()
        try:
            arguments = network, random_network(graph, seed), config, predict(graph, config)
        except CodesignError:
            continue
        found.append(Task(function=measure_model, arguments=arguments, limit_s=LIMIT_S))
    return found


def seconds(shared: Shared, workers: int, warm: list[Task], work: list[Task]) -> float:
    """How long ``workers`` take for ``work``, after ``warm``."""
    with Pool(LocalCrew(workers, shared)) as pool:
        for each in (warm, work):
            began = time.perf_counter()
            for _, answer in pool.run(each):
                if isinstance(answer, Failure):
                    raise CodesignError(answer.reason)
        return time.perf_counter() - began


def main() -> None:
    parser = Parser(prog="python -m codesign.sim.worker_bench", description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=integer(2, 1024), default=2, help="against one")
    parser.add_argument("--networks", type=integer(1, 10_000), default=24, help="to measure")
    parser.add_argument("--seed", type=integer(0), default=0, help="of the draw")
    args: argparse.Namespace = parser.parse_args()

    space = load_space("digits")
    tools = search_tools("digits", space.input)
    shared = Shared(train=tools.train, measure=tools.measure, dataset=tools.dataset(), seed=args.seed)
    config = max(space.configs(load_board("ulx3s")), key=lambda c: c.rows * c.cols)
    work = tasks(space, config, args.networks, args.seed)
    found = {}
    for workers in (1, args.workers):
        found[workers] = seconds(shared, workers, work[:1] * workers, work)
        images = len(work) * len(shared.dataset.test_labels) / found[workers]
        print(f"{workers:4} workers: {len(work)} networks on {config.name} in {found[workers]:.1f} s, {images:,.0f} "
              "images/s")
    load = os.getloadavg()[0]
    print(f"ratio {found[1] / found[args.workers]:.2f} on {os.cpu_count()} processors (load average now {load:.1f})")


if __name__ == "__main__":
    main()
