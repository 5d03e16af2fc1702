"""Rows of synthetic boards, for networks that the real cost model prices."""

import dataclasses

import numpy as np

from codesign.accelerator import PRESETS
from codesign.costs import Row, layer_keys, network_key
from codesign.costs.synthetic_boards import SyntheticBoard
from codesign.cycles import predict
from codesign.network import Network

CONFIG = PRESETS["tiny"]
BOARD = "ulx3s"
TRUTH = SyntheticBoard(ratios={"conv": 1.25, "identity": 1.1, "linear": 1.05}, overhead_cycles=3000, outliers=0)


def network(*widths) -> Network:
    """Convolutions, a pool and shifts between them, as many as ``widths``."""
    layers = [item for w in widths for item in ({"conv": w}, "shift")]
    return Network.from_dict({"name": "n", "input": [1, 12, 12],
                              "layers": [*layers[:2], "pool", *layers[2:], "average", {"linear": 10}]})


def rows(*networks, board=TRUTH, runs=1, seed=0, method="synthetic", verilog="v1", config=CONFIG) -> list[Row]:
    """``runs`` runs of each of ``networks`` on a synthetic board; of another ``method`` only to test how they part."""
    rng, found = np.random.default_rng(seed), []
    for index, one in enumerate(networks):
        graph = one.graph()
        prediction = predict(graph, config)
        keys = layer_keys(graph, config, BOARD, prediction.layers)
        placed = board.network([(key.operator, layer.cycles)
                                for key, layer in zip(keys, prediction.layers, strict=True)], rng)
        for run in range(runs):
            found += placed.rows(rng, f"run {seed} {index} {run}", [network_key(graph, config, BOARD), *keys])
    serial = "1" if method == "measured" else None
    return [dataclasses.replace(row, method=method, verilog_digest=verilog, board_serial=serial) for row in found]


NETWORKS = [network(w, v) for w in (4, 12, 20) for v in (8, 24)]
NEW = network(16, 8, 16)
EXACT = dataclasses.replace(TRUTH, ratios=dict.fromkeys(TRUTH.ratios, 1.0), overhead_cycles=0, overhead_noise=0,
                            layer_noise=0, run_noise=0)
