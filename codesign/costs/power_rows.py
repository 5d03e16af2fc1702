"""Power and energy estimated from a board's samples, as rows of the cost table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..accelerator import AcceleratorConfig
from ..graph import Graph
from ..power_samples import Estimate, PowerEstimate
from .pricing import network_key
from .row import UNITS, Row

__all__ = ["power_rows"]

DECILE = 1.2816  # standard deviations from a normal distribution's mean to its 0.1 and 0.9 quantiles


def power_rows(power: PowerEstimate, graph: Graph, config: AcceleratorConfig, board: str, counters: Mapping[str, int],
               **provenance: Any) -> list[Row]:
    """Rows of idle and active power and of an image's energy, when ``graph`` runs on ``config`` of the board so named.

    counters : the accelerator's, of one image
    provenance : of :class:`Row`: run_id, verilog_digest, board_serial, tool_versions; the method is the samples' own

    Values are means of ``n`` samples; quantiles are of the value, as uncertain as it is, not of the samples.
    """
    active = power.active_rails
    found: dict[str, tuple[Estimate, Mapping[str, float], int, Mapping[str, int]]] = {
        "power_idle": (power.idle_w, power.idle_rails, power.idle_sweeps, {}),
        "power_active": (power.active_w, active, power.active_sweeps, counters),
        "energy": (power.energy_j, {rail: watts * power.image_s for rail, watts in active.items()},
                   power.active_sweeps, counters)}
    key = network_key(graph, config, board)
    return [Row(key=replace(key, quantity=quantity), value=estimate.value, unit=UNITS[quantity], method=power.method,
                n=n, quantiles={"0.1": estimate.value - DECILE * estimate.uncertainty,
                                "0.9": estimate.value + DECILE * estimate.uncertainty},
                counters=dict(counts), rails=dict(rails), **provenance)
            for quantity, (estimate, rails, n, counts) in found.items()]
