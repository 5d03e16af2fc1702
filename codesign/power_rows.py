"""Power and energy estimated from a board's samples, as rows of the cost table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .accelerator import AcceleratorConfig
from .board import Board
from .costs import UNITS, Row, network_key
from .energy import estimate_energy
from .graph import Graph
from .power_samples import Estimate, PowerEstimate

__all__ = ["DECILE", "power_rows"]

DECILE = 1.2816  # standard deviations from a normal distribution's mean to its 0.1 and 0.9 quantiles


def power_rows(power: PowerEstimate, graph: Graph, config: AcceleratorConfig, board: Board,
               counters: Mapping[str, int], **provenance: Any) -> list[Row]:
    """Rows of idle and active power and of an image's energy, when ``graph`` runs on ``config`` of ``board``.

    counters : the accelerator's, of one image
    provenance : of :class:`Row`: method (``measured``, or ``synthetic`` where the sensors are a model's), run_id,
        verilog_digest, board_serial, tool_versions

    Values are means of ``n`` samples; quantiles are of the value, as uncertain as it is, not of the samples.
    """
    model = estimate_energy(config, counters, board)
    seconds = counters["cycles"] / config.clock_hz
    active = power.active_rails
    found: dict[str, tuple[Estimate, float, Mapping[str, float], int]] = {
        "power_idle": (power.idle_w, model.static_j / seconds, power.idle_rails, power.idle_sweeps),
        "power_active": (power.active_w, model.total_j / seconds, active, power.active_sweeps),
        "energy": (power.energy_j, model.total_j, {rail: watts * power.image_s for rail, watts in active.items()},
                   power.active_sweeps)}
    key = network_key(graph, config, board.name)
    return [Row(key=replace(key, quantity=quantity), value=estimate.value, unit=UNITS[quantity], n=n,
                quantiles={"0.1": estimate.value - DECILE * estimate.uncertainty,
                           "0.9": estimate.value + DECILE * estimate.uncertainty},
                model_value=model_value, rails=dict(rails),
                counters={} if quantity == "power_idle" else dict(counters), **provenance)
            for quantity, (estimate, model_value, rails, n) in found.items()]
