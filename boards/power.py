"""Power of the board behind a link: its rails sampled while idle, and while the run it is configured for goes on."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from codesign.errors import require
from codesign.power_samples import PowerEstimate, Rail, Window, estimate_power, join, parse_rails, parse_window
from codesign.protocol import SIZES, protocol

from .link import LIMIT_S, Link
from .runs import finish_runs, run_error

if TYPE_CHECKING:
    from .serial_device import SerialDevice

__all__ = ["SWEEPS", "has_power", "measure_power", "power_method", "read_rails", "sample_power"]

SWEEPS = 60  # samples of every rail, of idle power and of running
SAMPLE_BYTES = 18
SETTLE_MS, CONVERSION_MS = 24, 12  # at least, see protocol.yaml


def has_power(link: Link) -> bool:
    """Whether the board has power sensors."""
    return link.has("power")


def power_method(link: Link) -> str:
    """What its figures are called: ``measured``, or ``synthetic`` where the sensors are a model's."""
    return "synthetic" if link.has("synthetic_power") else "measured"


def read_rails(link: Link) -> tuple[Rail, ...]:
    """The rails that the board's sensors are on."""
    return parse_rails(link.request("rails")["table"])


def sample_power(link: Link, rails: tuple[Rail, ...], *, running: bool, sweeps: int = SWEEPS,
                 patience_s: float = LIMIT_S, progress: Callable[[int], None] | None = None) -> Window:
    """``sweeps`` samples of each rail while nothing runs or, ``running``, while the run that was configured goes on
    again and again; it then still does. ``progress(count)`` is called with each request's, which may take
    ``patience_s`` longer than it is to.

    Raises :class:`CodesignError` where a run ends in an error.
    """
    require(sweeps >= 1, f"Samples of power must be at least 1 of each rail, not {sweeps}")
    fixed = sum(SIZES[kind] for kind, _ in protocol().ops["power"].answer if kind in SIZES)
    most = (link.board["max_payload"] - fixed) // (SAMPLE_BYTES * len(rails))
    windows, left = list[Window](), sweeps
    while left > 0:
        count = min(left, most)
        run_ms = SETTLE_MS + CONVERSION_MS * count if running else 0
        answer = link.request("power", run_ms=run_ms, samples=count, limit_s=patience_s + run_ms / 1000)
        if answer["error"]:
            raise run_error(link, answer["error"])
        window = parse_window(answer["samples"], rails, tick_hz=link.board["tick_hz"], ticks=answer["ticks"],
                              runs=answer["runs"], busy_ticks=answer["busy_ticks"], part_ticks=answer["part_ticks"])
        taken = len(window.volts)
        require(taken > 0, f"Sensors of {link.name} must be read at least once, not never")
        windows.append(window)
        left -= taken
        if progress:
            progress(taken)
    return join(windows)


def measure_power(device: "SerialDevice", counters: Mapping[str, int], *, sweeps: int = SWEEPS,
                  progress: Callable[[int], None] | None = None) -> PowerEstimate:
    """Idle and active power, and energy of an image, of what ``device`` ran last; ``counters`` are that run's.

    The accelerator's own cycles say how long an image takes. Where it is simulated, that is not how long the board saw
    it run, which is what its modelled sensors go by.
    """
    link, image_s = device.link, counters["cycles"] / device.config.clock_hz
    rails = read_rails(link)
    patience_s = LIMIT_S + device.run_ms / 1000  # a simulated accelerator takes the processor's time
    idle, running = (sample_power(link, rails, running=runs, sweeps=sweeps, patience_s=patience_s, progress=progress)
                     for runs in (False, True))
    finish_runs(link, device.run_ms)
    method = power_method(link)
    return estimate_power(rails, idle, running, image_s=image_s, method=method,
                          busy_s=None if method == "synthetic" else running.runs * image_s)
