"""What quantization costs in training, on this machine: steps of the same networks in floating point and quantized.

    python -m codesign.train.bench [--batch B] [--rounds N] [--threads T] [--compile] [--json]
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from ..network import Network, diracdeltanet
from .float_module import FloatNetwork
from .module import build

__all__ = ["NETWORKS", "compare", "main"]


def _network(name: str, shape: list[int], *layers) -> Network:
    return Network.from_dict({"name": name, "input": shape, "layers": [*layers, "average", {"linear": 10}]})


def _stage(out: int) -> list:
    return [{"block": {"out": out, "downsample": True}}, {"block": out}]


NETWORKS = (
    _network("digits, plain", [1, 8, 8], {"conv": 16}, "shift", {"conv": 32}, "shift", {"conv": 32}, "shift",
             {"conv": 48}),
    _network("digits, blocks", [1, 8, 8], {"conv": 16}, "shift", *_stage(32)),
    _network("32x32, blocks", [3, 32, 32], {"conv": 32}, "shift", *_stage(64), *_stage(128)),
    _network("32x32, 3x3", [3, 32, 32], {"conv": {"out": 16, "kernel": 3}}, {"conv": {"out": 16, "kernel": 3}}, "pool",
             {"conv": {"out": 32, "kernel": 3}}, "pool", {"conv": {"out": 64, "kernel": 3}}),
    diracdeltanet(116, resolution=64, classes=100),
)


class _Training:
    """Steps of AdamW on random images, timed."""

    def __init__(self, module: nn.Module, network: Network, batch: int, device: str, compiled: bool):
        self.module = module.to(device).train()
        self.forward: Callable = torch.compile(self.module, dynamic=False) if compiled else self.module
        self.optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randint(0, 256, (batch, *network.input), generator=generator, dtype=torch.uint8).to(device)
        self.labels = torch.randint(0, network.graph().classes, (batch,), generator=generator).to(device)
        self.cpu, self.times_s = device == "cpu", list[float]()

    def run(self, steps: int) -> None:
        """Add the mean time of ``steps`` steps: the thread's own on one CPU thread, which other processes do not count
        in, else the clock's."""
        own = self.cpu and torch.get_num_threads() == 1
        clock = time.process_time if own else time.perf_counter
        started = clock()
        for _ in range(steps):
            loss = F.cross_entropy(self.forward(self.images), self.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        loss.item()  # a device has now done it all
        self.times_s.append((clock() - started) / steps)


def compare(network: Network, *, batch: int, rounds: int, device: str, compiled: bool = False,
            turn_s: float = 0.33) -> dict:
    """Images a second of training in floating point and with each quantizer, and the quantized ones' time over it.

    The kinds take turns, ``rounds`` times about ``turn_s`` each; a ratio is the median of those of the rounds.
    """
    kinds = {"float": FloatNetwork(network), "dorefa": build(network, "dorefa"), "lsq": build(network, "lsq")}
    trainings = {kind: _Training(module, network, batch, device, compiled) for kind, module in kinds.items()}
    for training in trainings.values():
        training.run(3)  # warms up, compiles
        training.times_s.clear()
        training.run(2)
    steps = max(1, round(turn_s / trainings["float"].times_s.pop()))
    for training in trainings.values():
        training.times_s.clear()
    for _ in range(rounds):
        for training in trainings.values():
            training.run(steps)
    of_float = trainings["float"].times_s
    return {"network": network.name, "batch": batch, "device": device, "threads": torch.get_num_threads(),
            "compiled": compiled,
            "images_per_s": {kind: batch / median(t.times_s) for kind, t in trainings.items()},
            "ratio": {kind: median(a / b for a, b in zip(t.times_s, of_float, strict=True))
                      for kind, t in trainings.items() if kind != "float"}}


def main() -> None:
    """Print rates and ratios."""
    parser = argparse.ArgumentParser(prog="python -m codesign.train.bench", description=__doc__.splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--batch", type=int, default=64, help="images per step")
    parser.add_argument("--rounds", type=int, default=5, help="in which the kinds take turns")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on the CPU")
    parser.add_argument("--compile", action="store_true", help="all kinds, by torch.compile")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    results = []
    for network in NETWORKS:
        results.append(compare(network, batch=arguments.batch, rounds=arguments.rounds, device=device,
                               compiled=arguments.compile))
        if not arguments.json:
            rate, ratio = results[-1]["images_per_s"], results[-1]["ratio"]
            print(f"{network.name:24} float {rate['float']:9,.0f} images/s   dorefa {rate['dorefa']:9,.0f}, "
                  f"{ratio['dorefa']:.2f} times its time   lsq {rate['lsq']:9,.0f}, {ratio['lsq']:.2f}", flush=True)
    if arguments.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
