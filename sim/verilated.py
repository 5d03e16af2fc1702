"""The accelerator's RTL as a device: program and image into its memory, start, wait, read back."""

import ctypes

import numpy as np

from codesign.accelerator import AcceleratorConfig
from codesign.device import RunResult, check_images, check_program
from codesign.errors import CodesignError, require
from codesign.layer_cycles import LayerCycles, split_by_layer
from codesign.memory_map import MemoryMap
from codesign.program import Program
from codesign.registers import (
    COUNTERS,
    TRACE_COUNTERS,
    TRACE_OFFSET,
    TRACE_STRIDE_WORDS,
    Error,
    counter_offset,
    digest_words,
    register,
)

from .build import build_simulator

__all__ = ["VerilatorDevice"]

_MARGIN_CYCLES = 1_000_000  # beyond which a run that should have ended is stuck


def load_library(path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    u64, u32, pointer = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p
    for name, result, arguments in (
            ("sim_new", pointer, [u64]), ("sim_free", None, [pointer]),
            ("sim_memory", ctypes.POINTER(ctypes.c_uint8), [pointer]), ("sim_configure", None, [pointer, u64, u64]),
            ("sim_write_register", ctypes.c_int, [pointer, u32, u32]),
            ("sim_read_register", ctypes.c_int, [pointer, u32, ctypes.POINTER(u32)]),
            ("sim_wait", ctypes.c_int, [pointer, u64]),
            ("sim_banks", None, [pointer, ctypes.POINTER(ctypes.c_uint8)])):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class VerilatorDevice:
    """Runs programs on the Verilated RTL of ``config``, with the memory model ``config.memory``."""

    method = "simulated"

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        self._library = load_library(build_simulator(config))

    def run(self, program: Program, images: np.ndarray, progress=None) -> RunResult:
        """Run uint8 ``images`` (n, C, H, W), one after another; ``progress(done)`` is called after each."""
        check_program(program, self.config)
        check_images(images, program)
        session = Session(self._library, self.config, program)
        try:
            return session.run(images, progress)
        finally:
            session.close()

    def banks(self, program: Program, image: np.ndarray) -> np.ndarray:
        """Activation memory (rows, bank_depth) uint8 after one image."""
        session = Session(self._library, self.config, program)
        try:
            session.run(image[None], None)
            words = np.empty((self.config.rows, self.config.bank_depth), np.uint8)
            self._library.sim_banks(session.sim, words.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
            return words
        finally:
            session.close()


class Session:
    """One simulator with a program in its memory."""

    def __init__(self, library: ctypes.CDLL, config: AcceleratorConfig, program: Program):
        self.abi, self.config, self.program = library, config, program
        where = MemoryMap.of(program)
        self.output_at = where.output_address
        self.sim = library.sim_new(where.size_bytes)
        self.memory = np.ctypeslib.as_array(library.sim_memory(self.sim), (where.size_bytes,))
        self.memory[:len(program.stream)] = np.frombuffer(program.stream, np.uint8)
        digest = tuple(self.read(name) for name in ("DIGEST_LO", "DIGEST_HI"))
        require(digest == digest_words(config),
                f"Simulated accelerator must have digest {digest_words(config)}, not {digest}")
        for name, value in (where.registers() | {"INTERRUPT": 1}).items():
            self.write(name, value)

    def close(self) -> None:
        del self.memory
        self.abi.sim_free(self.sim)

    def write(self, name: str, value: int) -> None:
        if self.abi.sim_write_register(self.sim, register(name).offset, value):
            raise CodesignError(f"Register {name} must accept {value:#x}, not answer with an error")

    def read_at(self, offset: int) -> int:
        value = ctypes.c_uint32()
        if self.abi.sim_read_register(self.sim, offset, ctypes.byref(value)):
            raise CodesignError(f"Register at {offset:#x} must be readable, not answer with an error")
        return value.value

    def read(self, name: str) -> int:
        return self.read_at(register(name).offset)

    def counter(self, name: str) -> int:
        at = counter_offset(name)
        return self.read_at(at) | self.read_at(at + 4) << 32

    def wait(self, bound: int) -> int:
        """Clock until the interrupt: 0, or 1 if it does not come in ``bound`` cycles, or 2 for an illegal access."""
        return self.abi.sim_wait(self.sim, bound)

    def run(self, images: np.ndarray, progress) -> RunResult:
        program, logits, counters, layers = self.program, [], [], []
        # No pass takes longer than its pixels and words with each beat from memory on its own.
        bound = _MARGIN_CYCLES + 100 * sum(p.beats for p in program.schedule.passes)
        for image in images:
            for at, data in program.place_image(image):
                self.memory[at:at + len(data)] = np.frombuffer(data, np.uint8)
            self.memory[self.output_at:] = 0xEE  # nobody's result
            memory = self.config.memory
            self.abi.sim_configure(self.sim, memory.decibytes_per_cycle, memory.latency_cycles)
            self.write("CONTROL", 1)
            outcome = self.wait(bound)
            require(outcome != 1, f"Simulated run must end within {bound} cycles")
            require(outcome != 2, "Simulated accelerator must stay within its memory")
            error = Error(self.read("ERROR"))
            require(error is Error.NONE, f"Simulated run must end without error, not with {error.name}")
            self.write("INTERRUPT", 3)
            results = self.memory[self.output_at:self.output_at + 4 * program.results].view("<i4")
            logits.append(program.unpack_logits(results))
            counters.append({name: self.counter(name) for name in COUNTERS})
            layers.append(self._layers(counters[-1]))
            if progress:
                progress(len(logits))
        return RunResult.collect(logits, counters, layers)

    def _layers(self, totals: dict[str, int]) -> tuple[LayerCycles, ...]:
        entries = [[self.read_at(TRACE_OFFSET + 4 * (TRACE_STRIDE_WORDS * i + k)) for k in range(len(TRACE_COUNTERS))]
                   for i in range(self.read("TRACE_COUNT"))]
        return split_by_layer(self.program.layer_names, entries, totals)
