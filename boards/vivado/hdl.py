"""The accelerator as a block design takes it: a Verilog module whose ports say which interfaces they belong to.

Vivado reads interfaces from the attributes X_INTERFACE_INFO and X_INTERFACE_PARAMETER of a module's ports (AMD UG994),
so that no IP needs to be packaged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import jinja2
from amaranth.lib.wiring import In, Out, Signature

from codesign.accelerator import AcceleratorConfig
from codesign.registers import ADDRESS_BITS
from codesign.rtl.axi import MasterSignature, SlaveSignature
from codesign.rtl.control import BUS_ADDR_BITS
from codesign.rtl.emit import to_verilog
from codesign.rtl.memory_ports import MemoryPorts
from codesign.sim.build import TOP as ACCELERATOR
from codesign.sim.build import accelerator_verilog

from .settings import PORT_BITS

__all__ = ["TOP", "Port", "masters", "templates", "top_ports", "verilog_files"]

TOP = "accelerator_top"
_OUTSTANDING = 16  # bursts that a port of the processing system holds


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of the top module. ``interface``: what X_INTERFACE_INFO says; ``parameters``: X_INTERFACE_PARAMETER."""

    name: str
    direction: str
    width: int
    interface: str
    parameters: str | None = None

    @property
    def range(self) -> str:
        return f"[{self.width - 1}:0] " if self.width > 1 else ""


def masters(ports: int) -> list[str]:
    """Names of the top module's AXI masters."""
    return ["m_axi"] if ports == 1 else [f"m_axi_{i}" for i in range(ports)]


def _axi(name: str, signature: Signature, inputs, parameters: str) -> Iterator[Port]:
    for i, (member, its) in enumerate(signature.members.items()):
        yield Port(name=f"{name}_{member}", direction="input" if its.flow is inputs else "output", width=its.shape,
                   interface=f"xilinx.com:interface:aximm:1.0 {name} {member.upper()}",
                   parameters=f"XIL_INTERFACENAME {name}, {parameters}" if i == 0 else None)


def top_ports(config: AcceleratorConfig, ports: int) -> list[Port]:
    """All ports of the top module, with ``ports`` AXI masters."""
    width = min(config.bus_bits, PORT_BITS)
    burst = config.burst_beats * config.bus_bits // width // ports
    names = masters(ports)
    master = (f"PROTOCOL AXI4, DATA_WIDTH {width}, ADDR_WIDTH {ADDRESS_BITS}, ID_WIDTH 1, SUPPORTS_NARROW_BURST 0, "
              f"MAX_BURST_LENGTH {burst}, NUM_READ_OUTSTANDING {_OUTSTANDING}, NUM_WRITE_OUTSTANDING {_OUTSTANDING}")
    return [
        Port(name="clk", direction="input", width=1, interface="xilinx.com:signal:clock:1.0 clk CLK",
             parameters=f"XIL_INTERFACENAME clk, ASSOCIATED_BUSIF {':'.join(['s_axi', *names])}, ASSOCIATED_RESET rst"),
        Port(name="rst", direction="input", width=1, interface="xilinx.com:signal:reset:1.0 rst RST",
             parameters="XIL_INTERFACENAME rst, POLARITY ACTIVE_HIGH"),
        Port(name="irq", direction="output", width=1, interface="xilinx.com:signal:interrupt:1.0 irq INTERRUPT",
             parameters="XIL_INTERFACENAME irq, SENSITIVITY LEVEL_HIGH"),
        *_axi("s_axi", SlaveSignature(addr_bits=BUS_ADDR_BITS), Out,  # as the master sees it
              f"PROTOCOL AXI4LITE, DATA_WIDTH 32, ADDR_WIDTH {BUS_ADDR_BITS}"),
        *(port for name in names
          for port in _axi(name, MasterSignature(addr_bits=ADDRESS_BITS, data_bits=width), In, master)),
    ]


def templates() -> jinja2.Environment:
    """This package's templates; a name that they miss is an error."""
    loader = jinja2.FunctionLoader(lambda name: resources.files(__package__).joinpath("files", name).read_text())
    return jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True, autoescape=False)


def verilog_files(config: AcceleratorConfig, ports: int) -> dict[str, str]:
    """By name, the Verilog whose top module is :data:`TOP`."""
    bus = MasterSignature(addr_bits=ADDRESS_BITS, data_bits=config.bus_bits)
    inside = masters(ports) != ["m_axi"] or config.bus_bits > PORT_BITS  # between accelerator and ports is something
    top = templates().get_template("accelerator_top.v.j2").render(
        top=TOP, accelerator=ACCELERATOR, ports=top_ports(config, ports), masters=masters(ports), has_ports=inside,
        bus=[(f"m_axi_{name}", member.shape) for name, member in bus.members.items()])
    files = {f"{ACCELERATOR}.v": accelerator_verilog(config, "xcup"), f"{TOP}.v": top}
    if inside:
        files["memory_ports.v"] = to_verilog(MemoryPorts(config, ports=ports, port_bits=PORT_BITS), "memory_ports")
    return files
