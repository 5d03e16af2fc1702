import importlib.util

import pytest

from codesign.accelerator import PRESETS
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.sim.scalesim import run_scalesim

GRAPH = Network.from_dict({"name": "n", "input": [3, 8, 8], "layers": [
    {"conv": {"out": 6, "kernel": 3}}, {"conv": 4}, "average", {"linear": 10}]}).graph()


def test_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CodesignError, match="^scalesim must be installed to compare .*: pip install scalesim$"):
        run_scalesim(GRAPH, PRESETS["tiny"])


@pytest.mark.slow
def test_the_same_products():
    """K = 27, 6 and 4 on 4 rows and columns: no fewer cycles than tiles times pixels, loading and draining on top."""
    pytest.importorskip("scalesim", reason="pip install -e .[bench]")
    cycles = list(run_scalesim(GRAPH, PRESETS["tiny"]).cycles.values())
    least = [7 * 2 * 64, 2 * 1 * 64, 1 * 3 * 1]
    tiles = [14, 2, 3]
    assert all(a < c <= a + 20 * n for a, c, n in zip(least, cycles, tiles, strict=True))
