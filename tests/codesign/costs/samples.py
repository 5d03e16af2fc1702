"""Keys, rows and a question to test tables with."""

import dataclasses

from codesign.accelerator import PRESETS
from codesign.costs import CostKey, Question, Row
from codesign.network import Network

NETWORK = Network.from_dict({"name": "n", "input": [1, 4, 4], "layers": [
    {"conv": 6}, "shift", {"conv": 5}, "average", {"linear": 3}]})
QUESTION = Question(network=NETWORK, accelerator=PRESETS["tiny"], board="ulx3s")


def key(shape="a", **changes) -> CostKey:
    return dataclasses.replace(CostKey.on(PRESETS["tiny"], "ulx3s", operator="network", shape=shape), **changes)


def row(shape="a", **changes) -> Row:
    values = dict(key=key(shape), value=120, unit="cycles", method="simulated", run_id="r1", verilog_digest="v1",
                  model_value=100, counters={"cycles": 120}, tool_versions={"verilator": "5.48"})
    return Row(**{**values, **changes})
