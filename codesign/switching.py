"""A second estimate of dynamic energy: from what switched in the simulated netlist, not from the counters.

Every transition of a net charges or discharges its capacitance: C V^2 / 2. Flip-flops' clock pins, ports of RAM blocks
and inputs of multipliers take their own energy. Both estimates share the figures for RAM blocks and multipliers
(``energy.yaml``); how often they work is counted here, and everything else is independent. Neither is fitted to the
other. Nets are the outputs of registers and adders of the RTL, sampled once a cycle: glitches, and the nets that
mapping to look-up tables adds, are not counted, so the nets' part is a lower bound at the given capacitance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .energy import Energy, family_value

__all__ = ["COMPONENTS", "COUNTED_AS", "Comparison", "Switching", "compare", "switching_energy"]

#: Of the netlist: the array; rows' feeds and banks; columns' accumulators and requantizers; everything else.
COMPONENTS = ("array", "banks", "columns", "control")
#: Components of the estimate from counters that are in each; memory and static power are outside the netlist.
COUNTED_AS = {"array": ("array",), "banks": ("banks",), "columns": ("accumulators", "requantizers"),
              "control": ("control", "stream")}


@dataclass(frozen=True, kw_only=True)
class Switching:
    """What a component did in a number of cycles.

    transitions : of its nets' bits; flip_flops : bits of register, each clocked every cycle
    ram_port_cycles : cycles in which a port of a 32-Kbit RAM block was clocked, over all ports and blocks
    multiplier_transitions : of bits of multipliers' operands
    """

    transitions: int = 0
    flip_flops: int = 0
    ram_port_cycles: int = 0
    multiplier_transitions: int = 0

    def __add__(self, other: "Switching") -> "Switching":
        return Switching(transitions=self.transitions + other.transitions,
                         flip_flops=self.flip_flops + other.flip_flops,
                         ram_port_cycles=self.ram_port_cycles + other.ram_port_cycles,
                         multiplier_transitions=self.multiplier_transitions + other.multiplier_transitions)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two estimates of one component's dynamic energy in a layer, in joules."""

    component: str
    counters_j: float
    switching_j: float

    @property
    def ratio(self) -> float | None:
        """Switching over counters; None where the counters say nothing."""
        return self.switching_j / self.counters_j if self.counters_j else None

    def to_dict(self) -> dict:
        return {"component": self.component, "counters_j": self.counters_j, "switching_j": self.switching_j,
                "ratio": self.ratio}


def switching_energy(switching: Mapping[str, Switching], cycles: int, family: str) -> Energy:
    """Dynamic energy by component, of ``cycles`` in which ``switching`` was counted, in a part of ``family``."""
    def value(name: str) -> float:
        return family_value(family, name)

    transition_j = value("net_f") * value("core_v") ** 2 / 2
    return Energy({name: s.transitions * transition_j + s.flip_flops * cycles * value("clock_bit_j")
                   + s.ram_port_cycles * value("ram_port_j")
                   + s.multiplier_transitions * value("multiplier_transition_j")
                   for name, s in switching.items()}, method="estimate from switching activity")


def compare(counted: Energy, switched: Energy) -> list[Comparison]:
    """Both estimates by component of the netlist, and in total, as the last one."""
    parts = [Comparison(component=name, counters_j=sum(counted.components[part] for part in COUNTED_AS[name]),
                        switching_j=switched.components[name]) for name in COMPONENTS]
    return [*parts, Comparison(component="total", counters_j=sum(p.counters_j for p in parts),
                               switching_j=sum(p.switching_j for p in parts))]
