"""What an image is to be made of: the same for every toolchain."""

from collections.abc import Callable
from dataclasses import dataclass

from codesign.accelerator import AcceleratorConfig
from codesign.board import Board
from codesign.bundle import FORMAT, accelerator_files, manifest, program_files
from codesign.errors import CodesignError, require
from codesign.integer import IntegerNetwork
from codesign.memory_map import MemoryMap
from codesign.network import Network
from codesign.program import Program
from codesign.sim.build import accelerator_verilog, rtl_digest

__all__ = ["BuildJob", "Progress", "Workload", "bundle_of"]

Progress = Callable[[str], None]  # called now and then with what is being done


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A network, and the program that runs it on the job's accelerator."""

    network: Network
    integer: IntegerNetwork
    program: Program


@dataclass(frozen=True, kw_only=True)
class BuildJob:
    """An image of accelerator ``config`` for ``board``, whose clock and memory it has.

    workload : what it is for, None: whatever comes over the line
    embed : the image has the workload's program in it
    baud : of the serial line; None: the first that the board file gives
    seeds : of the placement, tried one after another
    """

    board: Board
    config: AcceleratorConfig
    workload: Workload | None = None
    embed: bool = False
    baud: int | None = None
    seeds: tuple[int, ...] = (1, 2, 3)

    def __post_init__(self):
        require(self.config == self.board.place(self.config),
                f"Accelerator {self.config.name} must have clock and memory of {self.board.name}")
        bauds = self.board.serial.bauds if self.board.serial else ()
        require(self.baud is None or self.baud in bauds,
                f"Baud must be one of {', '.join(map(str, bauds))} on {self.board.name}, not {self.baud}")
        require(len(self.seeds) > 0, "Seeds must be at least one")
        if self.workload is None:
            require(not self.embed, "Model must be given for an image with its program embedded")
            return
        size, there = MemoryMap.of(self.workload.program).size_bytes, self.board.memory_bytes
        if there is None or size > there:
            raise CodesignError(f"Program and results of {self.workload.network.name} must take at most the {there} "
                                f"bytes of {self.board.name}'s memory, not {size}")


def bundle_of(job: BuildJob) -> tuple[dict[str, bytes], dict]:
    """What every image comes with: files of the accelerator, and of the program if there is one, by name; and what the
    manifest says of them."""
    config, digest = job.config, rtl_digest(job.config)
    files = accelerator_files(config, accelerator_verilog(config))
    if job.workload is None:
        return files, {"format": FORMAT, "accelerator": config.name, "clock_hz": config.clock_hz,
                       "digests": {"config": config.digest(), "rtl": digest}}
    load = job.workload
    return {**files, **program_files(load.program)}, manifest(load.network, load.integer, load.program, digest)
