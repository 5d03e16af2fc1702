"""SCALE-Sim 3 on the same layers and the same array, for comparison.

It counts the cycles of a weight-stationary array that loads each tile before it streams, with memories of its own
assumptions (here: never stalling), layer by layer. Ours counts a whole frame, program fetch and memory stalls included.

Source: Raj et al., SCALE-Sim v3, ISPASS 2025; https://github.com/scalesim-project/SCALE-Sim
"""

import csv
import importlib.util
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from codesign.accelerator import AcceleratorConfig
from codesign.analysis import analyze
from codesign.errors import CodesignError, require
from codesign.graph import Graph

__all__ = ["ScaleSim", "run_scalesim"]

_CONFIG = """\
[general]
run_name = run
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = {rows}
ArrayWidth = {cols}
IfmapSramSzkB = 1024
FilterSramSzkB = 1024
OfmapSramSzkB = 1024
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = ws
Bandwidth = 10
ReadRequestBuffer = 512
WriteRequestBuffer = 512
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
"""
_RUN = """
import builtins
import numpy as np
import scalesim.memory.double_buffered_scratchpad_mem as memory
from scalesim.scale_sim import scalesim
# SCALE-Sim 3.0.0 makes integers of arrays of one element, as NumPy before 2.4 allowed.
memory.max = lambda *values: np.asarray(builtins.max(*values)).item()
scalesim(save_disk_space=True, verbose=True, config="array.cfg", topology="layers.csv", layout="layout.csv",
         input_type_gemm=True).run_scale(top_path=".")
"""


@dataclass(frozen=True)
class ScaleSim:
    """Cycles of each layer, and the seconds it took."""

    cycles: dict[str, int]
    seconds: float


def run_scalesim(graph: Graph, config: AcceleratorConfig) -> ScaleSim:
    """``graph``'s convolutions and linear layer, as matrix products, on an array of ``config``'s rows and columns.

    Takes about a second a layer. Raises :class:`CodesignError` if SCALE-Sim is missing or fails.
    """
    require(importlib.util.find_spec("scalesim") is not None,
            "scalesim must be installed to compare with SCALE-Sim: pip install scalesim")
    layers = analyze(graph).layers
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "array.cfg").write_text(_CONFIG.format(rows=config.rows, cols=config.cols))
        (work / "layout.csv").write_text("layout\n")
        lines = ["Layer, M, N, K,"]
        for x in layers:
            out = x.out_shape[0]
            lines.append(f"{x.name.replace(',', ' ')}, {x.macs // x.weights}, {out}, {x.weights // out},")
        (work / "layers.csv").write_text("\n".join(lines) + "\n")
        started = time.perf_counter()
        said = []
        with subprocess.Popen([sys.executable, "-c", _RUN], cwd=work, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace") as process, \
                tqdm(total=len(layers), desc="SCALE-Sim", unit="layer", file=sys.stderr) as bar:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line.strip())
                bar.update(line.startswith("Overall utilization"))
        seconds = time.perf_counter() - started
        reports = list(work.glob("**/COMPUTE_REPORT.csv"))
        if process.returncode or not reports:
            raise CodesignError(f"SCALE-Sim must run, not fail: {said[-1] if said else 'no reason given'}")
        with reports[0].open(newline="") as file:
            table = [{key.strip(): value for key, value in row.items() if key} for row in csv.DictReader(file)]
    return ScaleSim({x.name: round(float(row["Total Cycles"])) for x, row in zip(layers, table, strict=True)}, seconds)
