"""Resources by synthesis with Yosys: what the emitted Verilog needs of a family's cells, module by module.

Each module is synthesized once, with the hierarchy kept, and counted as often as it is placed. Nothing is placed,
routed or timed: that is Vivado's or nextpnr's. For UltraScale+ the LUTs are mapped by Yosys' older mapper (``abc``):
with the newer one (``abc9``), WebAssembly's Yosys 0.70 fails on the top module of a 32x32 accelerator.
"""

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from codesign.accelerator import AcceleratorConfig
from codesign.directories import cache_directory
from codesign.errors import CodesignError, require
from codesign.resources import Component, Resources

from . import depth
from .build import TOP, accelerator_verilog
from .depth import LogicPath, longest_paths
from .toolchain import yosys_version
from .yosys_verilog import for_yosys
from .yowasp import yowasp_command

__all__ = ["ECP5_OPTIONS", "LABEL", "cell_statistics", "count_cells", "script_of", "synthesize",
           "synthesize_modules"]

LABEL = "by synthesis with Yosys; neither placed nor timed, so unverified until place and route has met the clock"

ECP5_OPTIONS = ""  # of synth_ecp5, each after a space; for whole images too (codesign.boards.lattice)
_SCRIPTS = {
    "xcup": """
synth_xilinx -family xcup -top {top} -noiopad -noclkbuf -run begin:map_luts
opt_expr -mux_undef -noclkinv
abc -luts 2:2,3,6:5,10,20
clean
xilinx_srl -fixed -minlen 3
techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6
xilinx_dffopt
opt_lut_ins -tech xilinx
synth_xilinx -family xcup -top {top} -noiopad -noclkbuf -run finalize:check
""",
    "ecp5": """
synth_ecp5 -top {top}{ecp5_options}
""",
}


def script_of(family: str, top: str) -> str:
    """Yosys' commands, after the Verilog has been read, to map ``top`` to ``family``'s cells."""
    return _SCRIPTS[family].format(top=top, ecp5_options=ECP5_OPTIONS)


# What a cell takes: (resource, how many). Memories of LUTs as UG574 and the ECP5 family handbook count them; an
# inverter is a LUT until it is merged with what it drives.
_FREE: tuple[str, int] = ("lut", 0)
_CELLS: dict[str, dict[str, tuple[str, int]]] = {
    "xcup": {**{f"LUT{n}": ("lut", 1) for n in range(1, 7)}, "INV": ("lut", 1),
             **dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE"), ("ff", 1)),
             "RAMB36E2": ("bram18", 2), "RAMB18E2": ("bram18", 1), "DSP48E2": ("dsp", 1),
             "RAM64M8": ("lut", 8), "RAM32M16": ("lut", 8), "RAM64M": ("lut", 4), "RAM32M": ("lut", 4),
             "SRL16E": ("lut", 1), "SRLC32E": ("lut", 1),
             **dict.fromkeys(("CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "GND", "VCC", "$scopeinfo"), _FREE)},
    "ecp5": {"LUT4": ("lut", 1), "CCU2C": ("lut", 2), "TRELLIS_DPR16X4": ("lut", 6), "TRELLIS_FF": ("ff", 1),
             "DP16KD": ("bram18", 1), "MULT18X18D": ("dsp", 1),
             **dict.fromkeys(("PFUMX", "L6MUX21", "EHXPLLL", "DCCA", "GND", "VCC", "$scopeinfo"), _FREE)},
}


def count_cells(modules: dict[str, dict[str, int]], family: str) -> Resources:
    """``modules`` (name -> cell or module -> how often it is placed there), the top one first, as resources.

    Raises :class:`CodesignError` for a cell that nobody said the cost of.
    """
    placed = dict.fromkeys(modules, 0)

    def place(name: str, times: int) -> None:
        placed[name] += times
        for cell, count in modules[name].items():
            if cell in modules:
                place(cell, times * count)

    place(next(iter(modules)), 1)
    components = []
    for name, cells in modules.items():
        needs = dict.fromkeys(("lut", "ff", "dsp", "bram18"), 0)
        for cell, count in cells.items():
            if cell not in modules:
                require(cell in _CELLS[family], f"Cell must be one of {', '.join(_CELLS[family])}, not {cell}")
                kind, each = _CELLS[family][cell]
                needs[kind] += each * count * placed[name]
        if any(needs.values()):
            components.append(Component(name if placed[name] == 1 else f"{placed[name]} x {name}", **needs))
    return Resources(family, tuple(components), method="synthesis")


def cell_statistics(text: str, top: str = TOP) -> dict[str, dict[str, int]]:
    """Yosys' `stat -json` -> cells by module, the ``top`` one first."""
    def plain(name: str) -> str:
        return re.sub(r"\$\d+$", "", name.lstrip("\\"))

    modules = {plain(name): {plain(cell): count for cell, count in module["num_cells_by_type"].items()}
               for name, module in json.loads(text)["modules"].items()}
    return {top: modules.pop(top), **modules}


def synthesize(config: AcceleratorConfig, family: str) -> Resources:
    """What ``config``'s accelerator needs in the fabric of ``family``; a 32x32 one takes minutes, once.

    Raises :class:`CodesignError` if Yosys is missing or fails.
    """
    require(family in _SCRIPTS, f"Synthesis family must be one of {', '.join(_SCRIPTS)}, not {family!r}")
    return synthesize_modules(_files(config, family), family, [TOP])[TOP]


def logic_depth(config: AcceleratorConfig, family: str) -> list[LogicPath]:
    """The longest path of each class in ``config``'s accelerator, mapped to ``family``, the deepest first. Its cells,
    for :func:`synthesize`, are counted on the way.

    Raises :class:`CodesignError` if Yosys is missing or fails.
    """
    require(family in _SCRIPTS, f"Synthesis family must be one of {', '.join(_SCRIPTS)}, not {family!r}")
    files, script = _files(config, family), script_of(family, TOP)
    cells = _kept(files, script)
    paths = cells.with_suffix(f".{hashlib.sha256(Path(depth.__file__).read_bytes()).hexdigest()[:8]}.paths.json")
    if not paths.exists():
        netlist = cells.with_suffix(f".{os.getpid()}.netlist.json")
        _run(files, f"read_verilog {TOP}.v{script}tee -q -o {TOP}.json stat -json\n"
                    "proc =*\nwrite_json netlist.json\n",  # the library's models of cells are written, too
             {f"{TOP}.json": cells, "netlist.json": netlist})
        try:
            found = longest_paths(json.loads(netlist.read_text())["modules"], TOP)
        finally:
            netlist.unlink()
        with tempfile.NamedTemporaryFile("w", dir=paths.parent, delete=False) as f:
            json.dump([path.to_dict() for path in found], f)
        os.replace(f.name, paths)
    return [LogicPath(**path | {"kind": tuple(path["kind"])}) for path in json.loads(paths.read_text())]


def _files(config: AcceleratorConfig, family: str) -> dict[str, str]:
    return {f"{TOP}.v": for_yosys(accelerator_verilog(config, family))}


def _kept(files: Mapping[str, str], script: str) -> Path:
    """Where the statistics of what ``script`` makes of ``files`` are kept."""
    key = hashlib.sha256("\0".join([*files.values(), script, yosys_version()]).encode()).hexdigest()[:32]
    return cache_directory() / "syntheses" / f"{key}.json"


def _run(files: Mapping[str, str], script: str, results: Mapping[str, Path]) -> None:
    """Run Yosys' ``script`` beside ``files``, and keep what it writes: all of ``results``, or none."""
    directory = next(iter(results.values())).parent
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as work:
        for name, text in {**files, "script.ys": script}.items():
            (Path(work) / name).write_text(text)
        result = subprocess.run([*yowasp_command("yosys"), "-q", "script.ys"], cwd=work, capture_output=True, text=True,
                                errors="replace")
        if result.returncode or not all((Path(work) / name).exists() for name in results):
            lines = (result.stdout + result.stderr).splitlines()
            reason = next((x for x in lines if "ERROR" in x), lines[-1] if lines else "no reason given")
            raise CodesignError(f"Yosys must synthesize the accelerator, not fail ({result.returncode}): "
                                 f"{reason[:300]}")
        for name, kept in results.items():
            os.replace(Path(work) / name, kept)


def synthesize_modules(files: Mapping[str, str], family: str, tops: Sequence[str],
                       boxes: Sequence[str] = ()) -> dict[str, Resources]:
    """What each of the modules ``tops`` of the Verilog ``files`` needs by itself, from one run of Yosys for those that
    have not been asked for before. ``boxes`` : black boxes among the modules, which need nothing.

    Raises :class:`CodesignError` if Yosys is missing or fails.
    """
    files = {name: for_yosys(text) if name.endswith(".v") else text for name, text in files.items()}
    scripts = {top: script_of(family, top) for top in tops}
    cached = {top: _kept(files, script) for top, script in scripts.items()}
    missing = [top for top in tops if not cached[top].exists()]
    if missing:
        reading = f"design -reset\nread_verilog {' '.join(files)}"
        _run(files, "".join(f"{reading}{scripts[top]}tee -q -o {top}.json stat -json\n" for top in missing),
             {f"{top}.json": cached[top] for top in missing})
    return {top: count_cells({**cell_statistics(path.read_text(), top), **dict.fromkeys(boxes, {})}, family)
            for top, path in cached.items()}
