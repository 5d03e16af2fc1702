"""Switching activity: how often the nets of the simulated accelerator change while it runs one layer."""

import ctypes
from collections.abc import Iterable

import numpy as np

from codesign.accelerator import AcceleratorConfig
from codesign.compiler import compile_network
from codesign.device import RunResult
from codesign.energy import ram_blocks
from codesign.errors import require
from codesign.integer import IntegerNetwork
from codesign.layer_cycles import LayerCycles
from codesign.program import Program
from codesign.reference import evaluate
from codesign.switching import COMPONENTS, Switching

from .build import TOP, accelerator_verilog, build_simulator
from .netlist import Memory, read_modules, walk
from .verilated import Session, load_library

__all__ = ["count_switching"]

LUT_RAM_WORDS = 32  # memories of no more are made of LUTs, mostly: their ports are no block's

_NEVER = 2**64 - 1
_COMPONENT_OF = {"array": "array", "row_": "banks", "column_at_": "columns"}  # by where an instance's path starts


class _WatchedSession(Session):
    """Counts transitions from clock edge ``first`` of the wait for the run's end up to ``last``, exclusive."""

    first = last = _NEVER
    edges = 0

    def wait(self, bound: int) -> int:
        edges = ctypes.c_uint64()
        outcome = self.abi.sim_watch(self.sim, bound, self.first, self.last, ctypes.byref(edges))
        self.edges = edges.value
        return outcome


def _load(config: AcceleratorConfig) -> ctypes.CDLL:
    library = load_library(build_simulator(config, activity=True))
    u64 = ctypes.c_uint64
    library.sim_watch.argtypes = [ctypes.c_void_p, u64, u64, u64, ctypes.POINTER(u64)]
    library.sim_watch.restype = ctypes.c_int
    library.sim_transitions.argtypes, library.sim_transitions.restype = [], ctypes.c_char_p
    return library


def count_switching(network: IntegerNetwork, config: AcceleratorConfig, image: np.ndarray,
                    layer: str) -> tuple[LayerCycles, dict[str, Switching]]:
    """Run uint8 ``image`` (C, H, W) on the simulated ``config``; the cycles of ``layer``, and what switches in just
    those cycles, by component.

    The RTL's registers and adders are sampled once a cycle: glitches, and the nets that mapping to look-up tables adds,
    are not in it. Raises :class:`CodesignError` where there is no such layer.
    """
    program = compile_network(network, config)
    names = program.layer_names
    require(layer in names, f"Layer must be one of {', '.join(names)}, not {layer!r}")
    index, library = names.index(layer), _load(config)
    result, edges = _run(library, config, program, image, _NEVER, _NEVER)
    require(np.array_equal(result.logits, evaluate(network, image[None])), "Simulated logits must be the reference's")
    # The run began in the writing of its register, before its end was waited for.
    first = edges - result.cycles[0] + sum(found.cycles for found in result.layers[:index])
    found = result.layers[index]
    again, _ = _run(library, config, program, image, max(0, first), first + found.cycles)
    require(again.counters == result.counters, f"Counters must be those of the first run, {result.counters}, "
                                               f"not {again.counters}")
    return found, _by_component(config, _nets(library.sim_transitions().decode()), found.cycles)


def _run(library: ctypes.CDLL, config: AcceleratorConfig, program: Program, image: np.ndarray, first: int,
         last: int) -> tuple[RunResult, int]:
    session = _WatchedSession(library, config, program)
    session.first, session.last = first, last
    try:
        return session.run(image[None], None), session.edges
    finally:
        session.close()


def _nets(report: str) -> dict[str, tuple[int, int, int]]:
    """(width, transitions, cycles high) of each net, under each of its paths within the accelerator."""
    nets = {}
    for line in report.splitlines():
        width, transitions, high, *paths = line.split(" ")
        for path in paths:
            nets[path.removeprefix(f"TOP/{TOP}/")] = int(width), int(transitions), int(high)
    return nets


def _by_component(config: AcceleratorConfig, nets: dict[str, tuple[int, int, int]],
                  cycles: int) -> dict[str, Switching]:
    totals = dict.fromkeys(COMPONENTS, Switching())
    for path, module in walk(read_modules(accelerator_verilog(config)), TOP):
        at = f"{path}/" if path else ""
        component = next((c for start, c in _COMPONENT_OF.items() if path.startswith(start)), "control")

        def total(names: Iterable[str], column: int, at: str = at) -> int:
            return sum(nets[at + name][column] for name in names)

        ports = sum(_port_cycles(memory, nets, at, cycles) for memory in module.memories)
        products = {name for operands in module.multipliers.values() for name in operands}  # parts share them
        totals[component] += Switching(
            transitions=total([*module.registers, *module.adders, *module.multipliers], 1),
            flip_flops=total(module.registers, 0), multiplier_transitions=total(products, 1), ram_port_cycles=ports)
    return totals


def _port_cycles(memory: Memory, nets: dict[str, tuple[int, int, int]], at: str, cycles: int) -> int:
    if memory.words <= LUT_RAM_WORDS:
        return 0
    clocked = sum(cycles if enable is None else nets[at + enable][2]
                  for enable in (memory.write_enable, memory.read_enable))
    return clocked * ram_blocks(memory.words * memory.bits)
