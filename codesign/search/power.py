"""Energies of a sweep's candidates by what its cost table says of power, where it does."""

from collections.abc import Mapping

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..costs import CostTable
from ..energy import estimate_energy
from ..energy_fit import QUANTITIES, EnergyFit, fit_energy
from .directory import SweepDirectory
from .verilog import Verilog

__all__ = ["fit_power", "refit"]


def fit_power(directory: SweepDirectory, candidates: Mapping[str, dict], board: Board,
              verilog: Verilog) -> EnergyFit | None:
    """The fit to the measured rows of power on ``board``, the sweep's and those that it began with; None where no run
    was measured.

    Rows of other Verilog than the candidates' newest, or than today's of an accelerator that the sweep has not
    measured, are stale and say nothing; nor do those of an accelerator that nobody knows.
    """
    if not directory.costs.is_file():
        return None
    with CostTable(directory.costs, read_only=True) as table:
        rows = [r for r in table.rows(method="measured") if r.key.quantity in QUANTITIES and r.key.board == board.name]
    newest = {c["accelerator_digest"]: c["measured"]["verilog_digest"] for c in candidates.values() if "measured" in c}
    today = {a: newest.get(a) or verilog(a) for a in {row.key.accelerator for row in rows}}
    fresh = [row for row in rows if row.verilog_digest == today[row.key.accelerator]]
    if all(row.key.quantity == "power_idle" for row in fresh):
        return None
    return fit_energy(fresh, verilog.configs, board)


def refit(candidate: dict, board: Board, fit: EnergyFit) -> dict:
    """``candidate`` with its energies by ``fit``: of its price, and of its run where there is one."""
    config, price = AcceleratorConfig.from_dict(candidate["accelerator"]), candidate["price"]

    def energy(counters: Mapping[str, float]) -> dict:
        return estimate_energy(config, counters, board, fit).to_dict()

    measured = candidate.get("measured")
    return {**candidate, "energy": energy({**price["counters"], "cycles": price["cycles"]}),
            **({"measured": {**measured, "energy": energy(measured["counters"])}} if measured else {})}
