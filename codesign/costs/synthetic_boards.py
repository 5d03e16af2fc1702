"""Boards that do not exist, of known truth: do corrections find it, and do their intervals hold what they promise?

    python -m codesign.costs.synthetic_boards

Everything here is synthetic: rows say so by their method, and no figure is about a board.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .correction import Correction
from .fitting import fit_pool, fit_runs
from .row import CostKey, Row
from .runs import Origin, Run

__all__ = ["CODE", "BoardNetwork", "SyntheticBoard", "draw_layers", "recover", "recover_others"]

CODE = "synthetic"  # in the place of the digest of a Verilog
Layers = Sequence[tuple[str, float]]  # (class, the model's cycles) of each


@dataclass(frozen=True, kw_only=True)
class SyntheticBoard:
    """What a board does to the model's cycles.

    ratios : by class
    overhead_cycles : of a run, and ``overhead_noise``, its relative standard deviation
    layer_noise : relative, a layer's own ratio about its class's, the same in every run
    run_noise : relative, contention that all layers of a run share
    outliers : share of runs that an interrupt holds up, for an exponential time of mean ``outlier_size`` of the run's
    """

    ratios: Mapping[str, float]
    overhead_cycles: float
    overhead_noise: float = 0.02
    layer_noise: float = 0.03
    run_noise: float = 0.02
    outliers: float = 0.05
    outlier_size: float = 0.5

    @classmethod
    def draw(cls, rng: np.random.Generator, classes: Sequence[str], **changes: float) -> "SyntheticBoard":
        """Contention of 0..40 % by class and an overhead of 2,000..50,000 cycles."""
        return cls(ratios={name: float(rng.uniform(1.0, 1.4)) for name in classes},
                   overhead_cycles=float(np.exp(rng.uniform(np.log(2e3), np.log(5e4)))), **changes)

    def accelerator(self, rng: np.random.Generator, differ: float) -> "SyntheticBoard":
        """Another accelerator on this board: its ratios and its overhead differ from the board's by a relative standard
        deviation ``differ``, the ratios partly all alike, partly each for itself."""
        together, parts = rng.normal(0, differ / 2**0.5), rng.normal(0, differ / 2**0.5, len(self.ratios))
        ratios = {name: float(ratio * np.exp(together + own))
                  for (name, ratio), own in zip(self.ratios.items(), parts, strict=True)}
        overhead = float(self.overhead_cycles * np.exp(rng.normal(0, differ)))
        return replace(self, ratios=ratios, overhead_cycles=overhead)

    def network(self, layers: Layers, rng: np.random.Generator) -> "BoardNetwork":
        """``layers`` on this board."""
        own = np.exp(rng.normal(0, self.layer_noise, len(layers)))
        cycles = np.array([self.ratios[name] * model for name, model in layers]) * own
        return BoardNetwork(board=self, layers=tuple(layers), cycles=tuple(map(float, cycles)))


@dataclass(frozen=True, kw_only=True)
class BoardNetwork:
    """A network on a board; ``cycles`` of its layers where nothing else shares the memory's time by chance."""

    board: SyntheticBoard
    layers: tuple[tuple[str, float], ...]
    cycles: tuple[float, ...]
    number: int = field(default_factory=itertools.count().__next__)

    @property
    def model(self) -> dict[str, float]:
        """The model's cycles by class."""
        return _sums((name for name, _ in self.layers), (cycles for _, cycles in self.layers))

    def time(self, rng: np.random.Generator, interrupts: bool = True) -> tuple[float, np.ndarray]:
        """Cycles of one run, and of each of its layers."""
        layers = np.array(self.cycles) * np.exp(rng.normal(0, self.board.run_noise))
        total = layers.sum() + self.board.overhead_cycles * np.exp(rng.normal(0, self.board.overhead_noise))
        held = interrupts and rng.random() < self.board.outliers
        return float(total * (1 + (rng.exponential(self.board.outlier_size) if held else 0))), layers

    def run(self, rng: np.random.Generator) -> Run:
        """One run, as its rows would tell of it."""
        value, layers = self.time(rng)
        return Run(network=str(self.number), value=value, model=self.model,
                   found=_sums((name for name, _ in self.layers), layers))

    def rows(self, rng: np.random.Generator, run_id: str, keys: Sequence[CostKey]) -> list[Row]:
        """One run's rows; ``keys``: the network's, then each layer's."""
        value, layers = self.time(rng)
        models = [sum(cycles for _, cycles in self.layers), *(cycles for _, cycles in self.layers)]
        return [Row(key=key, value=float(found), unit="cycles", method="synthetic", model_value=model, run_id=run_id,
                    verilog_digest=CODE)
                for key, found, model in zip(keys, [value, *layers], models, strict=True)]


def draw_layers(rng: np.random.Generator) -> Layers:
    """A network as a cost model might see it: 3 to 14 layers of 300 to 60,000 cycles, one of them linear and small."""
    size = rng.uniform(np.log(1e3), np.log(2e4))
    convs, copies = int(rng.integers(2, 10)), int(rng.integers(0, 4))
    return [*(("conv", float(np.exp(rng.normal(size, 0.5)))) for _ in range(convs)),
            *(("identity", float(np.exp(rng.normal(size - 0.5, 0.3)))) for _ in range(copies)),
            ("linear", float(np.exp(rng.normal(size - 1.5, 0.3))))]


CLASSES = ("conv", "identity", "linear")
ORIGIN = Origin(method="synthetic", accelerator="synthetic", clock_hz=250_000_000, memory="synthetic",
                board="synthetic", quantity="cycles", verilog_digest=CODE)


def recover(rng: np.random.Generator, *, networks: int, runs: int = 1, fresh: int = 4,
            **changes: float) -> tuple[SyntheticBoard, Correction, list[tuple[dict[str, float], float]]]:
    """A random board, what is fitted to ``runs`` runs of each of ``networks`` random networks on it, and of each of
    ``fresh`` other networks the model's cycles by class and the cycles of a run that no interrupt held up."""
    board = SyntheticBoard.draw(rng, CLASSES, **changes)
    seen = [board.network(draw_layers(rng), rng) for _ in range(networks)]
    others = [board.network(draw_layers(rng), rng) for _ in range(fresh)]
    correction = fit_runs([network.run(rng) for network in seen for _ in range(runs)], ORIGIN)
    return board, correction, [(other.model, other.time(rng, interrupts=False)[0]) for other in others]


def recover_others(rng: np.random.Generator, *, accelerators: int, networks: int, differ: float, fresh: int = 4,
                   **changes: float) -> tuple[list[tuple[Correction, dict[str, float], float]], ...]:
    """A random board, and what is fitted to a run of each of ``networks`` random networks on each of so many
    accelerators of it: for another accelerator and for the first one, of each of ``fresh`` other networks there the
    correction, the model's cycles by class and the cycles of a run that no interrupt held up."""
    board = SyntheticBoard.draw(rng, CLASSES, **changes)
    seen = [board.accelerator(rng, differ) for _ in range(accelerators)]
    runs = {replace(ORIGIN, accelerator=f"synthetic {i}"): [
        one.network(draw_layers(rng), rng).run(rng) for _ in range(networks)] for i, one in enumerate(seen)}
    pool, found = fit_pool(runs), []
    for accelerator, origin in ((board.accelerator(rng, differ), ORIGIN), (seen[0], next(iter(runs)))):
        correction = pool.correction(origin)
        others = [accelerator.network(draw_layers(rng), rng) for _ in range(fresh)]
        found.append([(correction, other.model, other.time(rng, interrupts=False)[0]) for other in others])
    return tuple(found)


def _sums(names, values) -> dict[str, float]:
    sums: dict[str, float] = {}
    for name, value in zip(names, values, strict=True):
        sums[name] = sums.get(name, 0.0) + float(value)
    return sums


def _one_board(seed: int) -> None:
    board, correction, others = recover(np.random.default_rng(seed), networks=12, runs=2)
    print(f"one synthetic board, 2 runs of each of 12 networks, {board.outliers:.0%} of runs held up by an interrupt\n")
    print(f"{'':18}{'truth':>10}{'fitted':>10}{'std. error':>12}")
    overhead = correction.overhead
    print(f"{'overhead, cycles':18}{board.overhead_cycles:10,.0f}{overhead.value:10,.0f}{overhead.error:12,.0f}")
    for name, ratio in correction.ratios.items():
        print(f"{'ratio of ' + name:18}{board.ratios[name]:10.3f}{ratio.value:10.3f}{ratio.error:12.3f}")
    print(f"\n{'other networks:':18}{'run':>10}{'price':>10}{'90 % interval':>22}{'model':>10}")
    for model, run in others:
        price = correction.price(model, level=0.9)
        within = f"{price.low:,.0f} .. {price.high:,.0f}"
        print(f"{'':18}{run:10,.0f}{price.value:10,.0f}{within:>22}{sum(model.values()):10,.0f}")


def _coverage(boards: int, seed: int) -> None:
    print(f"\n{boards} synthetic boards a line, 4 other networks of each: how many of their runs the intervals hold, "
          "the median width\nof the 90 % ones, and how many true parameters lie within 1.645 standard errors (90 % of "
          "them where runs are many)\n")
    print(f"{'networks':>8}{'runs of each':>14}{'90 % holds':>12}{'50 % holds':>12}{'width':>8}{'overhead':>10}"
          f"{'ratios':>8}")
    for networks, runs in ((1, 1), (2, 1), (3, 1), (6, 1), (6, 3), (12, 1), (12, 3), (30, 1)):
        rng = np.random.default_rng(seed)
        held: dict[float, list[bool]] = {0.9: [], 0.5: []}
        widths, overheads, ratios = [], [], []
        for _ in range(boards):
            board, correction, others = recover(rng, networks=networks, runs=runs)
            for model, run in others:
                for level in held:
                    price = correction.price(model, level=level)
                    held[level].append(price.low <= run <= price.high)
                    widths += [price.high / price.low - 1] if level == 0.9 else []
            overheads.append(abs(correction.overhead.value - board.overhead_cycles) < 1.645 * correction.overhead.error)
            ratios += [abs(r.value - board.ratios[name]) < 1.645 * r.error for name, r in correction.ratios.items()]
        print(f"{networks:8}{runs:14}{np.mean(held[0.9]):12.1%}{np.mean(held[0.5]):12.1%}{np.median(widths):8.1%}"
              f"{np.mean(overheads):10.1%}{np.mean(ratios):8.1%}")


def _other_accelerators(boards: int, seed: int) -> None:
    print(f"\n{boards} synthetic boards a line, a run of each network on each of some accelerators, which differ from "
          "one\nanother: how many runs of 4 other networks the 90 % intervals hold, and their median width, on an "
          f"accelerator\nwithout runs and on one of them\n\n{'':32}{'without runs':>19}{'with runs':>19}")
    print(f"{'accelerators':>12}{'networks':>10}{'differ by':>10}" + f"{'90 % holds':>12}{'width':>7}" * 2)
    for accelerators, networks in ((1, 3), (1, 12), (2, 3), (4, 3), (8, 3)):
        for differ in (0.02, 0.05, 0.1):
            rng, cells = np.random.default_rng(seed), []
            found = [recover_others(rng, accelerators=accelerators, networks=networks, differ=differ)
                     for _ in range(boards)]
            for side in zip(*found, strict=True):
                prices = [(c.price(model, level=0.9), run) for one in side for c, model, run in one]
                cells += [np.mean([p.low <= run <= p.high for p, run in prices]),
                          np.median([p.high / p.low - 1 for p, _ in prices])]
            print(f"{accelerators:12}{networks:10}{differ:10.0%}"
                  + "".join(f"{held:12.1%}{width:7.0%}" for held, width in zip(cells[::2], cells[1::2], strict=True)))


def main() -> None:
    """Print what corrections recover."""
    parser = argparse.ArgumentParser(prog="python -m codesign.costs.synthetic_boards",
                                     description="What corrections recover of synthetic boards.")
    parser.add_argument("--boards", type=int, default=200, help="a line of the table (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    _one_board(args.seed)
    _coverage(args.boards, args.seed)
    _other_accelerators(args.boards, args.seed)


if __name__ == "__main__":
    main()
