"""A Vivado project as a directory, with the accelerator's files and, where it is for a network, the network's.

==========================  ===========================================================================
README.md                   what to do with it, and what must come from AMD
Makefile, *.tcl, *.xdc      how Vivado makes bitstream and platform of it, boots and checks
*.v                         the hardware
firmware.elf                the board's firmware
manifest.json, the rest     as ``codesign generate`` has them; the program where it is for a network
==========================  ===========================================================================
"""

from pathlib import Path

from codesign.bundle import write_files
from codesign.errors import require
from codesign.sim.toolchain import generator_versions

from ..job import BuildJob, Progress, bundle_of
from .project import UNVERIFIED, project_files

__all__ = ["build", "describe"]


def build(job: BuildJob, out: Path, progress: Progress = lambda step: None) -> dict:
    """Make the directory ``out``, whole or not at all; returns its manifest.

    Raises :class:`CodesignError` where the board cannot clock or feed the accelerator, or a tool is missing.
    """
    board = job.board
    require(not job.embed, f"Program must go over the line to {board.name}, not into its image (--embed): its memory "
                           "is not the fabric's")
    progress("Verilog and firmware")
    project = project_files(job.config, board, baud=job.baud)
    bundle, values = bundle_of(job)
    return write_files(out, {**bundle, **project}, {
        **values, "image": {"board": board.name, "part": board.part, "state": UNVERIFIED,
                            "baud": job.baud or (board.serial.bauds[0] if board.serial else None)},
        "provenance": {"board": board.to_dict(), "tools": generator_versions()}})


def describe(built: dict, out: Path) -> str:
    """What ``build`` made in ``out``, and what to do with it."""
    image, network = built["image"], built.get("network", "MODEL")
    return (f"{out}: {built['accelerator']} on {image['board']} ({image['part']}), a Vivado project\n"
            f"{image['state']}\n\n"
            f"does it fit and meet its clock, where Vivado is:\n    make -C {out} fabric\n"
            f"bitstream and platform, then onto the board ({out / 'README.md'} says what must come from AMD):\n"
            f"    make -C {out}\n    make -C {out} boot    # or jtag\n"
            f"run it:\n    codesign run {network} --accelerator {out / 'accelerator.yaml'} --board {image['board']} "
            f"--device serial --baud {image['baud']} --port PORT\n")
