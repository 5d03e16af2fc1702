"""Vivado projects for Zynq UltraScale+ boards: hardware, constraints, boot files, and the checks of Vivado's reports.

Nothing here runs Vivado: ``make`` in the directory that is written does, wherever Vivado is.
"""

from .build import build, describe
from .settings import VivadoSettings

__all__ = ["TOOLS", "build", "check", "describe"]

TOOLS = ("vivado",)  # of codesign.sim.toolchain.tools
check = VivadoSettings.of
