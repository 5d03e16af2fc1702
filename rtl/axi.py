"""AXI4 and AXI4-Lite interfaces, as seen by the master; member names are the standard's, in lower case.

A port called ``m_axi`` comes out in Verilog as ``m_axi_araddr`` and so on: see :func:`flat_ports`. Rules and
names: Arm IHI 0022 (AMBA AXI and ACE Protocol Specification).
"""

from enum import IntEnum

from amaranth.hdl import Module, Value
from amaranth.hdl._ir import PortDirection  # nowhere public; `convert` wants it for ports nothing drives or reads
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Burst", "MasterSignature", "ReadSignature", "Resp", "SlaveSignature", "WriteSignature", "flat_ports",
           "forward"]


class Burst(IntEnum):
    """How addresses go on in a burst (AxBURST)."""

    FIXED = 0
    INCR = 1
    WRAP = 2


class Resp(IntEnum):
    """Outcome of a transfer (RRESP, BRESP)."""

    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3


def _address_members(prefix: str, addr_bits: int, data_bits: int) -> dict:
    """AR or AW. What never changes is an initial value, so nothing needs to drive it."""
    return {
        f"{prefix}id": Out(1),
        f"{prefix}addr": Out(addr_bits),
        f"{prefix}len": Out(8),  # beats - 1
        f"{prefix}size": Out(3, init=(data_bits // 8).bit_length() - 1),  # whole beats only
        f"{prefix}burst": Out(2, init=Burst.INCR),
        f"{prefix}lock": Out(1),
        f"{prefix}cache": Out(4, init=0b0011),  # normal, non-cacheable, bufferable
        f"{prefix}prot": Out(3),  # unprivileged, secure, data
        f"{prefix}qos": Out(4),
        f"{prefix}valid": Out(1),
        f"{prefix}ready": In(1),
    }


def _read_members(addr_bits: int, data_bits: int) -> dict:
    return {
        **_address_members("ar", addr_bits, data_bits),
        "rid": In(1), "rdata": In(data_bits), "rresp": In(2), "rlast": In(1), "rvalid": In(1), "rready": Out(1),
    }


def _write_members(addr_bits: int, data_bits: int) -> dict:
    return {
        **_address_members("aw", addr_bits, data_bits),
        "wdata": Out(data_bits), "wstrb": Out(data_bits // 8), "wlast": Out(1), "wvalid": Out(1), "wready": In(1),
        "bid": In(1), "bresp": In(2), "bvalid": In(1), "bready": Out(1),
    }


class ReadSignature(wiring.Signature):
    """AXI4 read channels (AR, R) with byte addresses of ``addr_bits`` and beats of ``data_bits``."""

    def __init__(self, *, addr_bits: int, data_bits: int):
        super().__init__(_read_members(addr_bits, data_bits))


class WriteSignature(wiring.Signature):
    """AXI4 write channels (AW, W, B) with byte addresses of ``addr_bits`` and beats of ``data_bits``."""

    def __init__(self, *, addr_bits: int, data_bits: int):
        super().__init__(_write_members(addr_bits, data_bits))


class MasterSignature(wiring.Signature):
    """All five AXI4 channels: a :class:`ReadSignature` and a :class:`WriteSignature` side by side."""

    def __init__(self, *, addr_bits: int, data_bits: int):
        super().__init__({**_read_members(addr_bits, data_bits), **_write_members(addr_bits, data_bits)})


class SlaveSignature(wiring.Signature):
    """AXI4-Lite with 32-bit data and byte addresses of ``addr_bits``; the slave's member is ``In`` of it."""

    def __init__(self, *, addr_bits: int):
        super().__init__({
            "awaddr": Out(addr_bits), "awprot": Out(3), "awvalid": Out(1), "awready": In(1),
            "wdata": Out(32), "wstrb": Out(4), "wvalid": Out(1), "wready": In(1),
            "bresp": In(2), "bvalid": In(1), "bready": Out(1),
            "araddr": Out(addr_bits), "arprot": Out(3), "arvalid": Out(1), "arready": In(1),
            "rdata": In(32), "rresp": In(2), "rvalid": In(1), "rready": Out(1),
        })


def forward(m: Module, inner, outer) -> None:
    """Let the submodule's interface ``inner`` drive the same-named members of this module's own port ``outer``.

    ``outer`` may have more members, as :class:`MasterSignature` has more than :class:`ReadSignature`.
    """
    for name, member in inner.signature.members.items():
        here, there = getattr(inner, name), getattr(outer, name)
        m.d.comb += there.eq(here) if member.flow is Out else here.eq(there)


def flat_ports(component: wiring.Component) -> dict[str, tuple[Value, PortDirection]]:
    """The ports of ``component`` for :func:`amaranth.back.verilog.convert`, paths joined by one underscore."""
    return {"_".join(map(str, path)):
            (Value.cast(value), PortDirection.Input if member.flow is In else PortDirection.Output)
            for path, member, value in component.signature.flatten(component)}
