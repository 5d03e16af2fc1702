"""Power from a board's samples: while idle, while running, and an image's energy, each with its uncertainty.

The firmware (``firmware/power.c``) samples volts and amperes of every rail, in one window while nothing runs and in one
in which runs follow one another. Between two runs the board is idle for a while; so the mean over the second window is
not yet the power of running: that is what the window's excess over idle power becomes over the time that runs took.

A standard uncertainty joins the samples' own scatter (standard error of the mean) and what sensors may be off by: their
data sheets' limits, of equal probability within (JCGM 100:2008, 4.3.7). The latter is the same in both windows and
does not become less with more samples; sensors of a board may be off all alike, so rails' limits are added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import hypot, sqrt

import numpy as np

from .errors import require

__all__ = ["SENSORS", "Estimate", "PowerEstimate", "Rail", "Sensor", "Window", "estimate_power", "join", "parse_rails",
           "parse_window"]

RAIL = np.dtype([("kind", "u1"), ("flags", "u1"), ("microohms", "<u4"), ("name", "S16")])
SAMPLE = np.dtype([("ticks", "<u8"), ("rail", "u1"), ("running", "u1"), ("microvolts", "<i4"), ("microamperes", "<i4")])
SUMMED = 1  # flag of a rail


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """Limits of a kind of sensor's errors, half a step of its resolution included.

    gain : of power, relative; volts : of the rail's voltage; amperes : of its current; shunt_volts : of the voltage
        over a shunt that the current is told from
    """

    name: str
    gain: float
    volts: float
    amperes: float = 0.0
    shunt_volts: float = 0.0


#: By ``kind`` (firmware/sensors.h). INA226: SBOS547, gain of both voltages 0.1 % each, offsets 10 uV and 7.5 mV, steps
#: 2.5 uV and 1.25 mV; the boards' shunts are taken for 1 % ones. Of the regulators no limit was found: 5 % of the
#: current and 50 mA are assumed, and steps of 2^-9 and 2^-8 V.
SENSORS = {1: Sensor(name="INA226", gain=0.012, volts=8.125e-3, shunt_volts=11.25e-6),
           2: Sensor(name="IRPS5401", gain=0.05, volts=2**-10, amperes=0.05),
           3: Sensor(name="IR38060", gain=0.05, volts=2**-9, amperes=0.05)}


@dataclass(frozen=True, kw_only=True)
class Rail:
    """A rail of the board. ``summed``: its power is part of the chip's and its memory's; shunt_ohms : 0 where none"""

    name: str
    sensor: Sensor
    summed: bool
    shunt_ohms: float

    def limits(self, volts: float, amperes: float) -> tuple[float, float]:
        """What power may be off by, in W: in proportion to it, and whatever it is."""
        off = self.sensor.amperes + (self.sensor.shunt_volts / self.shunt_ohms if self.shunt_ohms else 0.0)
        return abs(volts * amperes) * self.sensor.gain, abs(volts) * off + abs(amperes) * self.sensor.volts


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """Samples over ``seconds``, in which ``runs`` runs began and ended that took ``busy_s`` by the board's clock; for
    ``part_s`` one was on that had begun before, or went on after.

    volts, amperes : float64 (sweeps, rails)
    """

    seconds: float
    runs: int
    busy_s: float
    part_s: float
    volts: np.ndarray
    amperes: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A value and its standard uncertainty, in the same unit."""

    value: float
    uncertainty: float


@dataclass(frozen=True, kw_only=True)
class PowerEstimate:
    """Power in W and energy of an image in J, idle power included, of all summed rails.

    method : ``measured``, or ``synthetic`` where the sensors are a model's
    idle_sweeps, active_sweeps : samples of each rail
    idle_rails, active_rails : W by the name of each summed rail; duty : of the second window's time, what runs took
    """

    method: str
    idle_w: Estimate
    active_w: Estimate
    energy_j: Estimate
    image_s: float
    duty: float
    idle_rails: Mapping[str, float]
    active_rails: Mapping[str, float]
    idle_sweeps: int
    active_sweeps: int

    def to_dict(self) -> dict:
        """JSON-compatible."""
        return asdict(self)


def parse_rails(table: bytes) -> tuple[Rail, ...]:
    """The table that the request RAILS answers. Raises :class:`CodesignError` where it is none."""
    require(len(table) > 0 and len(table) % RAIL.itemsize == 0,
            f"Board's table of rails must have {RAIL.itemsize} bytes of each, not {len(table)}")
    rails = []
    for kind, flags, microohms, name in np.frombuffer(table, RAIL).tolist():
        require(kind in SENSORS, f"Board's power sensor must be of kind {', '.join(map(str, SENSORS))}, not {kind}")
        rails.append(Rail(name=name.decode("ascii", "replace"), sensor=SENSORS[kind], summed=bool(flags & SUMMED),
                          shunt_ohms=microohms * 1e-6))
    require(len({rail.name for rail in rails}) == len(rails), "Board's rails must have a name each")
    require(any(rail.summed for rail in rails), "Board's rails must make up its power, not none of them")
    return tuple(rails)


def parse_window(samples: bytes, rails: Sequence[Rail], *, tick_hz: int, ticks: int = 0, runs: int = 0,
                 busy_ticks: int = 0, part_ticks: int = 0) -> Window:
    """What the request POWER answers. Raises :class:`CodesignError` where it lacks a rail's sample."""
    require(len(samples) % SAMPLE.itemsize == 0,
            f"Board's samples of power must have {SAMPLE.itemsize} bytes each, not {len(samples)}")
    found = np.frombuffer(samples, SAMPLE)
    sweeps = len(found) // len(rails)
    require(sweeps * len(rails) == len(found)
            and np.array_equal(found["rail"], np.tile(np.arange(len(rails)), sweeps)),
            f"Board's samples of power must be of each of its {len(rails)} rails in turn")
    require(bool(np.all(found["running"] == (runs > 0 or part_ticks > 0))),
            "Board's samples of power must all be idle's, or all be of runs")
    shape = sweeps, len(rails)
    return Window(seconds=ticks / tick_hz, runs=runs, busy_s=busy_ticks / tick_hz, part_s=part_ticks / tick_hz,
                  volts=found["microvolts"].reshape(shape) * 1e-6,
                  amperes=found["microamperes"].reshape(shape) * 1e-6)


def join(windows: Sequence[Window]) -> Window:
    """Several windows of one kind as one."""
    return Window(seconds=sum(w.seconds for w in windows), runs=sum(w.runs for w in windows),
                  busy_s=sum(w.busy_s for w in windows), part_s=sum(w.part_s for w in windows),
                  volts=np.concatenate([w.volts for w in windows]),
                  amperes=np.concatenate([w.amperes for w in windows]))


def estimate_power(rails: Sequence[Rail], idle: Window, running: Window, *, image_s: float, method: str,
                   busy_s: float | None = None) -> PowerEstimate:
    """Power and energy of running images, each of which the accelerator computes in ``image_s``.

    method : of the samples, ``measured`` or ``synthetic``
    busy_s : what the whole runs of ``running`` took together, where it is better known than by the board's clock: on a
        board, which may see a run's end late, images times ``image_s``

    Raises :class:`CodesignError` where samples or runs are too few to tell.
    """
    for name, window in (("idle", idle), ("running", running)):
        require(len(window.volts) >= 2, f"Samples of {name} power must be at least 2 of each rail, "
                                        f"not {len(window.volts)}")
    busy_s = (running.busy_s if busy_s is None else busy_s) + running.part_s
    require(0 < busy_s <= running.seconds, f"Runs must take more than 0 s and at most the {running.seconds:g} s in "
                                           f"which they were sampled, not {busy_s:g} s")
    duty = busy_s / running.seconds
    summed = [i for i, rail in enumerate(rails) if rail.summed]
    at_rest, mixed = (w.volts * w.amperes for w in (idle, running))  # W (sweeps, rails)
    active = at_rest.mean(0) + (mixed.mean(0) - at_rest.mean(0)) / duty
    idle_error, mixed_error = (_standard_error(watts[:, summed].sum(1)) for watts in (at_rest, mixed))
    active_error = hypot(mixed_error / duty, idle_error * (1 / duty - 1))
    idle_limit, active_limit = (
        _limit([rails[i] for i in summed], w.volts[:, summed].mean(0), watts[summed])
        for w, watts in ((idle, at_rest.mean(0)), (running, active)))
    active_w = Estimate(float(active[summed].sum()), hypot(active_error, active_limit))
    return PowerEstimate(
        method=method, idle_w=Estimate(float(at_rest.mean(0)[summed].sum()), hypot(idle_error, idle_limit)),
        active_w=active_w,
        energy_j=Estimate(active_w.value * image_s, active_w.uncertainty * image_s), image_s=image_s, duty=duty,
        idle_rails={rails[i].name: float(at_rest.mean(0)[i]) for i in summed},
        active_rails={rails[i].name: float(active[i]) for i in summed},
        idle_sweeps=len(idle.volts), active_sweeps=len(running.volts))


def _standard_error(watts: np.ndarray) -> float:
    return float(watts.std(ddof=1)) / sqrt(len(watts))


def _limit(rails: Sequence[Rail], volts: np.ndarray, watts: np.ndarray) -> float:
    """Standard uncertainty of the rails' sum by their sensors' limits; gains and offsets are independent."""
    gains, offsets = zip(*(rail.limits(v, w / v if v else 0.0)
                           for rail, v, w in zip(rails, volts.tolist(), watts.tolist(), strict=True)), strict=True)
    return hypot(sum(gains), sum(offsets)) / sqrt(3)
