"""A board behind a serial line as a device: program and image into its memory, run, results back."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from codesign.accelerator import AcceleratorConfig
from codesign.device import RunResult, check_images, check_program
from codesign.errors import CodesignError, require
from codesign.layer_cycles import LayerCycles, split_by_layer
from codesign.memory_map import MemoryMap
from codesign.program import Program
from codesign.registers import TRACE_COUNTERS, WATCHDOG_CYCLES, digest_words

from .link import BoardError, Link
from .power import has_power, measure_power
from .runs import start_run

__all__ = ["SerialDevice", "Times"]

RUN_MS = 10_000  # a run that takes longer is stuck, by default
SIMULATED_RUN_MS = 180_000  # where the accelerator is simulated: 32x32 makes some 30,000 cycles a second
SESSIONS = 4  # in which one call of run must come to its end


@dataclass
class Times:
    """Where the time went: on the line, and while the accelerator ran (by the board's clock)."""

    transfer_s: float = 0.0
    compute_s: float = 0.0


class SerialDevice:
    """Runs programs of ``config`` on the board behind ``link``.

    ``method`` is ``measured``, but ``simulated`` where the firmware says that it is a program on a host: the
    accelerator behind it then is the simulated one. Raises :class:`CodesignError` where the board has another
    accelerator than ``config``.

    power_sweeps : after a run, sample all power rails so often, while idle and while the last image runs again and
        again; a board without sensors has no power. What is wrong with the sensors, or with the board meanwhile, is
        told beside the run's results, which stand.
    """

    def __init__(self, link: Link, config: AcceleratorConfig, *, run_ms: int | None = None, power_sweeps: int = 0):
        self.link, self.config, self.power_sweeps = link, config, power_sweeps
        self.method = "simulated" if link.has("simulated") else "measured"
        self.run_ms = run_ms or (SIMULATED_RUN_MS if link.has("simulated") else RUN_MS)
        self.times = Times()
        #: First 64 bits, hexadecimal, of the digest of the Verilog that the board's accelerator was made from.
        self.rtl = self._identify()
        self._is_sure = False  # of what the board is doing

    def _identify(self) -> str:
        identity, wanted = self.link.request("accelerator"), digest_words(self.config)
        require(identity["digest"] == wanted[0] | wanted[1] << 32,
                f"Accelerator on {self.link.name} must have digest {self.config.digest()[:16]} ({self.config.name}), "
                f"not {identity['digest']:016x}")
        return f"{identity['rtl']:016x}"

    def run(self, program: Program, images: np.ndarray, progress: Callable[[int], None] | None = None) -> RunResult:
        """Run uint8 ``images`` (n, C, H, W), one after another; ``progress(done)`` is called after each.

        Counters and layers are of the first image; cycles of each. Nothing is returned unless program, image and
        results were read back or checksummed as they should be, in one session. Where the board is reset meanwhile, or
        another host says hello, it begins again with the image that was under way, a few times.
        """
        check_program(program, self.config)
        check_images(images, program)
        started = self.link.now()
        where = MemoryMap.of(program)
        require(where.size_bytes <= self.link.board["memory_bytes"],
                f"Program and results must take at most the {self.link.board['memory_bytes']} bytes of "
                f"{self.link.name}'s memory, not {where.size_bytes}")
        logits, cycles = list[np.ndarray](), list[int]()
        counters: dict[str, int] | None = None
        layers: tuple[LayerCycles, ...] = ()
        self.times = Times()
        sessions = 0
        while len(logits) < len(images):
            try:
                self._begin(where, program)
                for image in images[len(logits):]:
                    answer, values = self._run_image(where, program, image)
                    if counters is None:
                        layers = self._layers(program, answer)
                        counters = answer["counters"]
                    logits.append(values)
                    cycles.append(answer["counters"]["cycles"])
                    self.times.compute_s += answer["ticks"] / self.link.board["tick_hz"]
                    if progress:
                        progress(len(logits))
            except BoardError as e:
                sessions += 1
                if e.status != "no_session" or sessions == SESSIONS:
                    raise
        # A replay is quicker than what it tells of.
        self.times.transfer_s = max(0.0, self.link.now() - started - self.times.compute_s)
        power, problem = None, None
        if self.power_sweeps and counters and has_power(self.link):
            try:
                power = measure_power(self, counters, sweeps=self.power_sweeps)
            except CodesignError as e:
                problem = str(e)
        self._is_sure = problem is None
        return RunResult(np.array(logits), tuple(cycles), counters, layers, power, problem)

    def _begin(self, where: MemoryMap, program: Program) -> None:
        """The program onto the board, in a session of its own: what may be left of one before is refused from here on,
        and if this one ends, by a reset or another host, all that was written counts no more."""
        self.link.greet()
        self.rtl = self._identify()
        if not self._is_sure and self.link.has("reset"):
            self.link.request("reset")
        self._is_sure = False
        self._load(where, program)
        self.link.request("configure", program_offset=where.program_address, program_beats=where.program_beats,
                          output_offset=where.output_address, output_beats=where.output_beats,
                          watchdog_cycles=WATCHDOG_CYCLES)

    def _load(self, where: MemoryMap, program: Program) -> None:
        """The program into memory; where one may be since power came, only the parts of it that differ."""
        parts = [(where.program_address + at, data) for at, data in program.fixed_parts()]
        if self.link.has("embedded"):
            there = self.link.stream("checksum", ({"offset": at, "length": len(data)} for at, data in parts))
            parts = [part for part, found in zip(parts, there, strict=True) if found["crc"] != zlib.crc32(part[1])]
        else:
            parts = [(where.program_address, program.stream)]
        for at, data in parts:
            self._write(at, data)

    def _run_image(self, where: MemoryMap, program: Program, image: np.ndarray) -> tuple[dict, np.ndarray]:
        """What RUN was answered, and the logits."""
        for at, data in program.place_image(image):
            self._write(where.program_address + at, data)
        self._verify(where, program.with_image(image))
        answer = start_run(self.link, self.run_ms)
        return answer, program.unpack_logits(self._results(where, program))

    def _write(self, offset: int, data: bytes) -> None:
        size = self.link.board["max_payload"] - 4
        self.link.stream("write", ({"offset": offset + at, "data": data[at:at + size]}
                                   for at in range(0, len(data), size)))

    def _verify(self, where: MemoryMap, stream: bytes) -> None:
        there = self.link.request("checksum", offset=where.program_address, length=len(stream))["crc"]
        require(there == zlib.crc32(stream), f"Program in {self.link.name}'s memory must have CRC-32 "
                                             f"{zlib.crc32(stream):08x}, not {there:08x}")

    def _results(self, where: MemoryMap, program: Program) -> np.ndarray:
        size = self.link.board["max_payload"]
        count = 4 * program.results
        parts = self.link.stream("read", ({"offset": where.output_address + at, "length": min(size, count - at)}
                                          for at in range(0, count, size)))
        data = b"".join(part["data"] for part in parts)
        require(len(data) == count, f"Results from {self.link.name} must be {count} bytes, not {len(data)}")
        return np.frombuffer(data, "<i4")

    def _layers(self, program: Program, answer: dict) -> tuple[LayerCycles, ...]:
        entry = len(TRACE_COUNTERS)
        names, size = program.layer_names, self.link.board["max_payload"] // (4 * entry)
        require(answer["trace_entries"] == len(names), f"Trace of {self.link.name} must have {len(names)} entries, "
                                                       f"not {answer['trace_entries']}")
        parts = self.link.stream("trace", ({"first": at, "count": min(size, len(names) - at)}
                                           for at in range(0, len(names), size)))
        words = [word for part in parts for word in part["entries"]]
        return split_by_layer(names, [words[i:i + entry] for i in range(0, len(words), entry)], answer["counters"])
