"""Every network of the benchmark's space that its budget leaves, trained once to each length that a search may ask for.

``accuracies.csv`` beside this file has them: a network, by its digest and in words, and how many of the validation
images it read after so many epochs. ``python -m codesign.search.bench.table`` makes it, and continues what was stopped,
or lacks a network since space or cost model changed.
"""

import csv
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from ...board import Board, load_board
from ...datasets import Dataset, load_dataset
from ...errors import CodesignError, require
from ...goals import Goals
from ...network import Network
from ...pool import Failure, Pool, Task
from ...workers import LocalCrew
from ..pricing import Pricer
from ..records import summarize
from ..space import Space, load_space
from ..training import Job, Shared, train_network

__all__ = ["EPOCHS", "FILE", "LENGTHS", "Table", "bench_board", "bench_networks", "bench_space", "never", "read_table",
           "tabulate", "validation_images"]

FILE = Path(__file__).with_name("accuracies.csv")
EPOCHS = 24  # of a whole training
LENGTHS = (3, 8, EPOCHS)  # the rungs of successive halving
SEED = 0  # of trainings and of the split into training and validation
LIMIT_S = 600

#: Right answers by the network's digest, then by epochs.
Table = Mapping[str, Mapping[int, int]]


@cache
def bench_space() -> Space:
    """The benchmark's space."""
    return load_space(str(Path(__file__).with_name("space.yaml")))


@cache
def bench_board() -> Board:
    """The benchmark's board."""
    return load_board("ulx3s")


@cache
def validation_images() -> int:
    """How many a network is judged by."""
    return len(load_dataset("digits").split_validation(SEED).test_labels)


def bench_networks() -> dict[str, Network]:
    """Those of the space that a search may train, by digest: some accelerator runs them within the budget."""
    space = bench_space()
    goals = Goals.of(max_cycles=space.max_cycles)
    pricer = Pricer(space, bench_board(), goals)
    pairs = [pricer.pair(choices) for choices in space.points()]
    return {network.digest(): network for network, record in pairs if not goals.violation(record)}


def _read(path: Path) -> dict[str, dict[str, str]]:
    with open(path, newline="") as file:
        return {row["network"]: row for row in csv.DictReader(line for line in file if not line.startswith("#"))}


def read_table(path: Path = FILE) -> Table:
    """Read what :func:`tabulate` wrote; raises :class:`CodesignError` where it cannot be read."""
    try:
        return {digest: {epochs: int(row[f"epochs{epochs}"]) for epochs in LENGTHS}
                for digest, row in _read(path).items()}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise CodesignError(f"Table {str(path)!r} must be readable, with network, epochs{EPOCHS}: {e}") from None


def tabulate(networks: Mapping[str, Network], dataset: Dataset, train: Callable, workers: int,
             path: Path = FILE) -> None:
    """Train those of ``networks`` that ``path`` has not, and write them into it, each as soon as it is trained."""
    rows = _read(path) if path.exists() else {}
    missing = {digest: network for digest, network in networks.items() if digest not in rows}
    shared = Shared(train=train, measure=never, dataset=dataset, seed=SEED)
    images = len(shared.search_dataset.test_labels)
    tasks = {Task(function=train_network, limit_s=LIMIT_S, arguments=(Job(
        network=network, epochs=epochs, seed=SEED, all_data=False, path=Path()),)): (digest, epochs)
        for digest, network in missing.items() for epochs in LENGTHS}
    found: dict[str, dict[str, int]] = {digest: {} for digest in missing}
    with Pool(LocalCrew(workers, shared)) as pool, tqdm(total=len(tasks), unit="training", file=sys.stderr) as bar:
        for task, answer in pool.run(list(tasks)):
            digest, epochs = tasks[task]
            require(not isinstance(answer, Failure), f"Training of {networks[digest].name} must not fail: "
                                                     f"{getattr(answer, 'reason', '')}")
            found[digest][f"epochs{epochs}"] = round(answer.accuracy * images)
            bar.update()
            if len(found[digest]) == len(LENGTHS):
                rows[digest] = {"network": digest, **{key: str(count) for key, count in found[digest].items()},
                                "summary": summarize(networks[digest])}
                _write(path, rows, images)


def never(*_):
    """Measure nothing. (Workers find it here; what is in ``__main__`` they do not.)"""
    raise CodesignError("nothing is measured here")


def _write(path: Path, rows: Mapping[str, Mapping[str, str]], images: int) -> None:
    text = io.StringIO()
    text.write(f"# right answers for {images} validation images of digits (split {SEED}), trained with seed {SEED}\n"
               f"# python -m codesign.search.bench.table; torch {version('torch')}, numpy {version('numpy')}\n")
    writer = csv.DictWriter(text, ["network", *(f"epochs{epochs}" for epochs in LENGTHS), "summary"],
                            lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for _, row in sorted(rows.items()))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text.getvalue())
    os.replace(temporary, path)


def main(arguments: Sequence[str] | None = None) -> None:
    from ...cli.arguments import Parser, integer
    from ...train import train

    parser = Parser(prog="python -m codesign.search.bench.table", description="Train every network of the benchmark.")
    parser.add_argument("--workers", type=integer(1, 1024), default=1, help="trainings at a time")
    args = parser.parse_args(arguments)
    tabulate(bench_networks(), load_dataset("digits"), train, args.workers)


if __name__ == "__main__":
    main()
