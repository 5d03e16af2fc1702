"""The complete metrics table of a network on a board: every line has a value, a unit, and what stands behind it.

The lines are those that V. Sze et al. ask of a design ("Efficient Processing of Deep Neural Networks: A Tutorial and
Survey", Proc. IEEE 105(12), 2017, section VII) and that Eyeriss reports (Y.-H. Chen et al., IEEE JSSC 52(1), 2017): a
low power means nothing without run time, batch, accuracy, and the traffic to memory. So no line is left out silently.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from .accelerator import AcceleratorConfig
from .analysis import Analysis
from .board import Board
from .errors import require
from .integer import PIXEL_BITS
from .resources import Resources

__all__ = ["Metric", "MetricsSources", "metrics_table"]

Value = int | float | str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One line. ``value`` None: not measured, and ``method`` says what would give it."""

    name: str
    value: Value | None
    unit: str
    method: str

    def to_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class MetricsSources:
    """What the table is made of; None where it is not known.

    weight_bits, activation_bits : of the network's layers
    cycles : of one image; counters : of it; run_method : ``simulated``, ``measured`` or ``model``
    images, dataset, accuracy : tested, of which data set, the part answered right; accuracy_method : by which device
    idle_w, active_w : power; each with its method
    """

    network: str | None
    board: Board | None
    config: AcceleratorConfig | None
    process_nm: int | None
    analysis: Analysis | None
    weight_bits: Sequence[int] | None
    activation_bits: Sequence[int] | None
    resources: Resources | None
    cycles: float | None
    counters: Mapping[str, int] | None
    run_method: str | None
    images: int | None
    dataset: str | None
    accuracy: float | None
    accuracy_method: str | None
    idle_w: float | None
    idle_method: str | None
    active_w: float | None
    active_method: str | None

    @property
    def dynamic_method(self) -> str:
        """Of what is above idle."""
        return str(self.active_method) if self.active_method == self.idle_method else (
            f"{self.active_method} less {self.idle_method}")

    @property
    def area_method(self) -> str:
        return self.resources.method if self.resources else "unknown"


#: What would give each source, for lines without it.
HINTS = {
    "network": "a network", "board": "--board B", "config": "--accelerator A or --board B",
    "process_nm": "process_nm in the board's file", "analysis": "a network", "weight_bits": "a network",
    "activation_bits": "a network", "resources": "--board B", "cycles": "a run, or --device model",
    "counters": "a run, or --device model", "run_method": "a run, or --device model", "images": "--images N",
    "dataset": "--dataset D with labelled images", "accuracy": "--dataset D with labelled images",
    "accuracy_method": "--dataset D with labelled images", "idle_w": "measured or estimated idle power",
    "idle_method": "measured or estimated idle power", "active_w": "measured or estimated active power",
    "active_method": "measured or estimated active power",
}
SETTING = "configuration"


@dataclass(frozen=True)
class _Line:
    """``value(sources)`` once all of ``needs`` are known; ``method`` names an attribute of sources, or is itself."""

    name: str
    unit: str
    value: Callable[..., Value]
    method: str
    needs: tuple[str, ...]


def _seconds(s) -> float:
    return s.cycles / s.config.clock_hz


def _memory_bytes(s) -> int:
    return (s.counters["read_beats"] + s.counters["write_beats"]) * s.config.bus_bits // 8


def _off_chip_bytes(s) -> int:
    return _memory_bytes(s) if s.board.memory_kind == "dram" else 0


def _bits(s) -> str:
    def said(bits: Sequence[int]) -> str:
        return "/".join(map(str, sorted(set(bits))))

    return (f"weights {said(s.weight_bits)}, activations {said(s.activation_bits)}, pixels {PIXEL_BITS}, "
            f"accumulators {s.config.acc_bits}")


def _resource(key: str, limit: str) -> Callable[..., str]:
    return lambda s: f"{getattr(s.resources, key):,} of {getattr(s.board, limit):,}"


_RUN = ("cycles", "config", "run_method")
_TRAFFIC = ("counters", "config", "board", "run_method")
_ACTIVE = ("active_w", "active_method", "cycles", "config")
_BOTH = (*_ACTIVE, "idle_w", "idle_method")
_TESTED = ("accuracy", "accuracy_method", "dataset", "images")
_AREA = ("resources", "board")

LINES = (
    _Line("network", "", lambda s: s.network, SETTING, ("network",)),
    _Line("device", "", lambda s: f"{s.board.part} ({s.board.name})", "data sheet", ("board",)),
    _Line("technology", "nm", lambda s: s.process_nm, "data sheet", ("process_nm",)),
    _Line("clock", "MHz", lambda s: s.config.clock_hz / 1e6, f"{SETTING}, not placed and routed", ("config",)),
    _Line("array", "rows x columns", lambda s: f"{s.config.rows}x{s.config.cols}", SETTING, ("config",)),
    _Line("multipliers", "MACs/cycle", lambda s: s.config.rows * s.config.cols, SETTING, ("config",)),
    _Line("LUTs", "", _resource("lut", "luts"), "area_method", _AREA),
    _Line("flip-flops", "", _resource("ff", "ffs"), "area_method", _AREA),
    _Line("DSPs", "", _resource("dsp", "dsps"), "area_method", _AREA),
    _Line("block RAMs", "of 18 Kbit", _resource("bram18", "bram18"), "area_method", _AREA),
    _Line("on-chip storage", "KB", lambda s: s.resources.memory_bits / 8 / 1024, "area_method", ("resources",)),
    _Line("precision", "bits", _bits, SETTING, ("weight_bits", "activation_bits", "config")),
    _Line("batch", "images", lambda s: 1, SETTING, ()),
    _Line("weights", "", lambda s: s.analysis.weights, "count", ("analysis",)),
    _Line("work", "MACs/image", lambda s: s.analysis.macs, "count", ("analysis",)),
    _Line("run time", "cycles/image", lambda s: s.cycles, "run_method", ("cycles", "run_method")),
    _Line("run time", "ms/image", lambda s: 1e3 * _seconds(s), "run_method", _RUN),
    _Line("frame rate", "images/s", lambda s: 1 / _seconds(s), "run_method", _RUN),
    _Line("throughput", "GOPS, 2 a MAC", lambda s: 2e-9 * s.analysis.macs / _seconds(s), "run_method",
          (*_RUN, "analysis")),
    _Line("utilisation", "% of MACs possible",
          lambda s: 100 * s.analysis.macs / (s.cycles * s.config.rows * s.config.cols), "run_method",
          (*_RUN, "analysis")),
    _Line("idle power", "W", lambda s: s.idle_w, "idle_method", ("idle_w", "idle_method")),
    _Line("active power", "W", lambda s: s.active_w, "active_method", ("active_w", "active_method")),
    _Line("energy", "mJ/image", lambda s: 1e3 * s.active_w * _seconds(s), "active_method", _ACTIVE),
    _Line("energy above idle", "mJ/image", lambda s: 1e3 * (s.active_w - s.idle_w) * _seconds(s), "dynamic_method",
          _BOTH),
    _Line("energy", "pJ/MAC", lambda s: 1e12 * s.active_w * _seconds(s) / s.analysis.macs, "active_method",
          (*_ACTIVE, "analysis")),
    _Line("efficiency", "GOPS/W", lambda s: 2e-9 * s.analysis.macs / _seconds(s) / s.active_w, "active_method",
          (*_ACTIVE, "analysis")),
    _Line("memory", "", lambda s: f"{s.board.memory_kind}, {s.board.memory.bytes_per_cycle:g} B/cycle", SETTING,
          ("board",)),
    _Line("memory traffic", "bytes/image", _memory_bytes, "run_method", _TRAFFIC),
    _Line("off-chip traffic", "bytes/image", _off_chip_bytes, "run_method", _TRAFFIC),
    _Line("off-chip traffic", "bytes/MAC", lambda s: _off_chip_bytes(s) / s.analysis.macs, "run_method",
          (*_TRAFFIC, "analysis")),
    _Line("images tested", "", lambda s: s.images, "accuracy_method", ("images", "accuracy_method")),
    _Line("accuracy", "%", lambda s: 100 * s.accuracy, "accuracy_method", _TESTED),
    _Line("data set", "", lambda s: s.dataset, "accuracy_method", _TESTED),
)


def metrics_table(sources: MetricsSources, *, allow_missing: bool = False) -> list[Metric]:
    """Every line of the table, in its order.

    Raises :class:`CodesignError` that names all lines whose sources are not known, unless ``allow_missing``: they then
    say what would give them.
    """
    unknown = {f.name for f in fields(sources) if getattr(sources, f.name) is None}
    metrics, missing = [], {}
    for line in LINES:
        lacks = [name for name in line.needs if name in unknown]
        if lacks:
            hint = "; ".join(dict.fromkeys(HINTS[name] for name in lacks))
            missing[line.name] = hint
            metrics.append(Metric(name=line.name, value=None, unit=line.unit, method=f"not measured: {hint}"))
        else:
            metrics.append(Metric(name=line.name, value=line.value(sources), unit=line.unit,
                                  method=getattr(sources, line.method, line.method)))
    require(allow_missing or not missing, "Metrics must be complete, or --allow-missing given, not without "
            + ", ".join(f"{name} ({hint})" for name, hint in missing.items()))
    return metrics
