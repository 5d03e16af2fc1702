"""Verilog from components, with repeated parts emitted once.

Amaranth writes one module per instance; an array of a thousand equal elements then takes synthesis minutes
instead of seconds. A component names such parts in ``parts`` (module name -> component) and places them with
:func:`place`; :func:`to_verilog` emits each part once, as its own module.
"""

from amaranth import ClockSignal, Instance, Module, ResetSignal
from amaranth.back import verilog
from amaranth.lib import wiring

from .axi import flat_ports

__all__ = ["place", "to_verilog"]


def place(m: Module, label: str, name: str, part: wiring.Component):
    """Add an instance of module ``name`` to ``m`` as ``label``; returns its interface, seen from outside.

    ``part`` must have plain ports only (no nested interfaces), and a synchronous body (ports clk and rst).
    """
    signals, ports = part.signature.create(), {}
    for port, member in part.signature.members.items():
        prefix = "o" if member.flow is wiring.Out else "i"
        ports[f"{prefix}_{port}"] = getattr(signals, port)
    m.submodules[label] = Instance(name, i_clk=ClockSignal(), i_rst=ResetSignal(), **ports)
    return signals


def _collect(component, parts: dict) -> dict:
    for name, part in getattr(component, "parts", {}).items():
        if name not in parts:
            parts[name] = part
            _collect(part, parts)
    return parts


def to_verilog(component: wiring.Component, name: str, platform=None) -> str:
    """``component`` as module ``name`` followed by its shared parts; the same input gives the same bytes.

    ``platform`` : makes parts of its own cells, as :class:`codesign.rtl.dsp48.Dsp48Platform` does
    """
    modules = {name: component, **_collect(component, {})}
    return "\n".join(verilog.convert(part, name=module, platform=platform, ports=flat_ports(part), emit_src=False,
                                     strip_internal_attrs=True)
                     for module, part in modules.items())
