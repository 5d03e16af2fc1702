"""Measured power for commands that speak of energy: rows of a cost table, and what is fitted to them."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CodesignError

if TYPE_CHECKING:
    from ..accelerator import AcceleratorConfig
    from ..board import Board
    from ..costs import Row
    from ..energy_fit import EnergyFit
    from ..graph import Graph

__all__ = ["add_costs", "read_fit", "read_power"]


def add_costs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--costs", metavar="TABLE",
                        help="fit energy per event to the measured power in this cost table, or sweep's directory")
    parser.add_argument("--synthetic", action="store_true",
                        help="fit to the table's synthetic power, of modelled sensors, instead")


def read_fit(args: argparse.Namespace, config: "AcceleratorConfig", board: "Board") -> "EnergyFit | None":
    """The fit that ``--costs`` asks for; None without it."""
    from ..energy_fit import fit_energy

    rows, configs = _read_rows(args, config, board)
    return None if args.costs is None else fit_energy(rows, configs, board, synthetic=args.synthetic)


def _read_rows(args: argparse.Namespace, config: "AcceleratorConfig",
               board: "Board") -> "tuple[list[Row], dict[str, AcceleratorConfig]]":
    """The table's fresh rows of power and energy on ``board``, measured ones, or with ``--synthetic`` those alone; and
    accelerators by digest: ``config``, the presets and those of the table's runs.

    Rows of other Verilog than today's are passed over, and that is said. Without ``--costs``, there are none.
    """
    from ..accelerator import PRESETS
    from ..costs import CostTable
    from ..energy_fit import QUANTITIES
    from ..search.directory import SweepDirectory
    from .costs import row_state, verilog_digests

    if args.costs is None:
        if args.synthetic:
            raise CodesignError("Cost table must be given by --costs where --synthetic is")
        return [], {}
    path = Path(args.costs)
    with CostTable(SweepDirectory(path).costs if path.is_dir() else path, read_only=True) as table:
        rows = [row for row in table.rows(method="synthetic" if args.synthetic else "measured")
                if row.key.board == board.name and row.key.quantity in QUANTITIES]
        questions = list(table.questions().values())
    today = verilog_digests(rows, questions)
    fresh = [row for row in rows if row_state(row, today) != "stale"]
    if len(fresh) < len(rows):
        print(f"{len(rows) - len(fresh)} stale rows of power passed over: their Verilog is not today's",
              file=sys.stderr)
    configs = [config, *PRESETS.values(), *(question.accelerator for question in questions)]
    return fresh, {c.digest(): c for c in configs}


def read_power(args: argparse.Namespace, graph: "Graph", config: "AcceleratorConfig", board: "Board",
               counters: "Mapping[str, int]") -> dict:
    """Idle and active power of ``graph`` running image after image, each with its method: rows of just that where
    there are any, else a fit to the table's rows, else the estimate from ``counters``."""
    from ..energy import estimate_energy
    from ..energy_fit import fit_energy

    rows, configs = _read_rows(args, config, board)
    said = {quantity: _newest(rows, quantity, graph, config, board) for quantity in ("power_idle", "power_active")}
    fitting = None in said.values() and any(row.key.quantity != "power_idle" for row in rows)
    fit = fit_energy(rows, configs, board, synthetic=args.synthetic) if fitting else None
    energy = estimate_energy(config, counters, board, fit)
    seconds = counters["cycles"] / config.clock_hz
    values: dict[str, float | str] = {}
    for name, joules in (("idle", energy.static_j), ("active", energy.total_j)):
        row = said[f"power_{name}"]
        values[f"{name}_w"] = joules / seconds if row is None else row.value
        values[f"{name}_method"] = energy.method if row is None else row.method
    return values


def _newest(rows: "Sequence[Row]", quantity: str, graph: "Graph", config: "AcceleratorConfig",
            board: "Board") -> "Row | None":
    """The latest row that answers just this question; idle power does not depend on the network."""
    from ..costs import network_key

    key = replace(network_key(graph, config, board.name), quantity=quantity)
    if quantity == "power_idle":
        found = [row for row in rows if row.key.quantity == quantity and row.key.accelerator == key.accelerator
                 and row.key.clock_hz == key.clock_hz]
    else:
        found = [row for row in rows if row.key == key]
    return found[-1] if found else None
