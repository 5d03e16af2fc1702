"""How fast the cost model prices many at once, on this machine: one network on many accelerators, and a whole space.

    python -m codesign.batch.bench [--network N] [--resolution R] [--space S] [--board B] [--points P]
"""

import argparse
import dataclasses
import itertools
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

from ..accelerator import AcceleratorConfig, Memory, load_accelerator
from ..board import Board, load_board
from ..cycles import predict
from ..errors import CodesignError
from ..graph import Conv, Graph, Linear
from ..network import Network, load_network
from ..search.space import Space, load_space
from .model import BatchModel

SHAPES = (4, 8, 12, 16, 20, 24, 28, 32)
BYTES_PER_CYCLE = (2, 4, 6, 8, 10, 12, 13.6, 16, 19.2, 25.6, 32, 38.4)
LATENCIES = (20, 40, 60, 80, 120, 160)


def _surroundings(config: AcceleratorConfig) -> list[AcceleratorConfig]:
    """The same array with other memories around it and other FIFOs."""
    return [dataclasses.replace(config, memory=Memory(bytes_per_cycle=rate, latency_cycles=latency), fifo_bursts=bursts)
            for rate in BYTES_PER_CYCLE for latency in LATENCIES for bursts in (16, 32, 64, 128, 256)]


def _shapes(board: Board) -> list[AcceleratorConfig]:
    """Arrays of every shape on ``board``."""
    preset = board.preset()
    return [dataclasses.replace(preset, rows=rows, cols=cols, wide_rows=min(4, rows), acc_depth=acc_depth,
                                bank_depth=bank_depth, weight_rows=1)
            for rows, cols, acc_depth, bank_depth in itertools.product(SHAPES, SHAPES, (64, 256, 1024), (1024, 4096))]


def _networks(space: Space, count: int) -> list[Network]:
    """Distinct proposals of ``space``, as many as there are among many tries."""
    rng, found = random.Random(0), {}
    for _ in range(50 * count):
        try:
            network = space.build(space.propose(lambda name, choices: rng.choice(choices)))
        except CodesignError:
            continue
        found[network.digest()] = network
        if len(found) == count:
            break
    return list(found.values())


def _layers(graph: Graph) -> int:
    return sum(isinstance(node.op, Conv | Linear) for node in graph.nodes)


def _one_network(reference: str, resolution: int, accelerator: str) -> None:
    config = load_accelerator(accelerator)
    graph, model = load_network(reference, resolution=resolution).graph(), BatchModel(_surroundings(config))
    model.price(graph)  # compiled now, if it was not before
    started = time.process_time()
    predict(graph, config)
    single_s = time.process_time() - started
    started = time.process_time()
    for _ in range(10):
        batch = model.price(graph, bands=False)
    batch_s = (time.process_time() - started) / 10
    layers, count = _layers(graph), int(batch.fits.sum())
    rates = layers / single_s, layers * count / batch_s
    print(f"{reference} at {resolution}x{resolution}, {config.rows}x{config.cols}: {layers} layers on one core\n"
          f"  one by one, in Python        {rates[0]:12,.0f} layers/s\n"
          f"  {count:3d} accelerators at once, C++ {rates[1]:12,.0f} layers/s, "
          f"{rates[1] / rates[0]:,.0f} times as fast\n"
          f"  (arrays alike, memories and FIFOs not: {batch.cycles.min():,} to {batch.cycles.max():,} cycles)")


def _whole_space(space: Space, board: Board, points: int) -> None:
    configs = _shapes(board)
    model, networks = BatchModel(configs), _networks(space, -(-points // len(configs)))
    started, used = time.perf_counter(), time.process_time()
    priced = layers = 0
    graphs = [network.graph() for network in networks]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for graph, batch in zip(graphs, pool.map(lambda g: model.price(g, bands=False), graphs), strict=True):
            priced += len(configs)
            layers += _layers(graph) * int(batch.fits.sum())
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - used
    print(f"space {space.name}: {len(networks):,} networks on {len(configs)} accelerators for {board.name}: {priced:,} "
          f"points in {wall_s:.1f} s on {os.cpu_count()} cores ({cpu_s:.1f} s of one: {priced / cpu_s:,.0f} points/s, "
          f"{layers / cpu_s:,.0f} layers/s)")


def bench_parser(module: str, text: str) -> argparse.ArgumentParser:
    """The arguments of a bench of a network on an accelerator; ``text`` is its ``module``'s docstring."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=text.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--network", default="diracdeltanet-116", help="a network")
    parser.add_argument("--resolution", type=int, default=224, help="of its input, where the network is a built-in one")
    parser.add_argument("--accelerator", default="ultra96", help="an accelerator")
    return parser


def main() -> None:
    """Print rates; every price is exact. The accelerator is varied."""
    parser = bench_parser("codesign.batch.bench", __doc__)
    parser.add_argument("--space", default="digits", help="a search space")
    parser.add_argument("--board", default="ultra96v2", help="a board")
    parser.add_argument("--points", type=int, default=1_000_000, help="of the space, at least")
    arguments = parser.parse_args()
    _one_network(arguments.network, arguments.resolution, arguments.accelerator)
    _whole_space(load_space(arguments.space), load_board(arguments.board), arguments.points)


if __name__ == "__main__":
    main()
