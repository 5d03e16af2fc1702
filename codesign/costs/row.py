"""What a cost row says: the question it answers (its key), the answer, and where the answer comes from."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..accelerator import AcceleratorConfig
from ..errors import require
from ..integer import A_BITS, PIXEL_BITS, W_BITS

__all__ = ["METHODS", "UNITS", "CostKey", "Row", "canonical", "now", "rows_digest"]

#: ``synthetic`` is power or the like from a modelled sensor: never mixed with, or called, ``measured``.
METHODS = ("model", "simulated", "measured", "synthetic")

#: What can be asked, and the one unit its answers are in.
UNITS = {"cycles": "cycles", "time": "s", "energy": "J", "power_idle": "W", "power_active": "W"}


def canonical(values: Mapping) -> str:
    """One text for one content: JSON, sorted, without spaces."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)


def now() -> str:
    """The time, UTC, as rows have it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, kw_only=True)
class CostKey:
    """The question, canonically: equal keys ask the same.

    operator : ``network`` for a whole one, else the operator of a layer (``conv``, ``linear``, ...)
    shape : of a network the digest of its graph, of a layer ``KxMxHxW``
    bits : of weights, activations and pixels
    schedule : tiling and fusion of a layer as the compiler chose them; empty for a network
    accelerator : ``AcceleratorConfig.digest()``
    clock_hz, memory, board : what surrounds it
    quantity : what is asked, one of :data:`UNITS`
    """

    operator: str
    shape: str
    bits: str = f"w{W_BITS}a{A_BITS}p{PIXEL_BITS}"
    schedule: str = ""
    accelerator: str
    clock_hz: int
    memory: str
    board: str
    quantity: str = "cycles"

    def __post_init__(self):
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            kind = getattr(f.type, "__name__", f.type)
            require(type(value) is f.type, f"Cost key's {f.name} must be of type {kind}, not {value!r}")
        require(self.quantity in UNITS,
                f"Cost key's quantity must be one of {', '.join(UNITS)}, not {self.quantity!r}")

    def digest(self) -> str:
        """SHA-256, hexadecimal."""
        return hashlib.sha256(canonical(dataclasses.asdict(self)).encode()).hexdigest()

    @classmethod
    def on(cls, config: AcceleratorConfig, board: str, **question: str) -> "CostKey":
        """The key of ``question`` (operator, shape, ...) put to ``config`` on the board named ``board``."""
        memory = f"{config.memory.decibytes_per_cycle / 10:g} B/cycle, {config.memory.latency_cycles} cycles"
        return cls(accelerator=config.digest(), clock_hz=config.clock_hz, memory=memory, board=board, **question)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An answer and its provenance. Rows are immutable: a new measurement is a new row.

    value, unit : the median where ``n`` > 1; ``quantiles`` then maps "0.1", "0.9", ... to values; the unit is
        its quantity's (:data:`UNITS`)
    model_value : what the cost model said of the very same run, same unit, or None
    counters : the accelerator's counters, per image
    rails : of power or energy, what ``value`` sums: the board's power rails by name, in the same unit
    verilog_digest : of the emitted Verilog that ran, or None where none did (method ``model``)
    board_serial : which board, for ``measured``
    id : the table's number for it, None before it is stored
    """

    key: CostKey
    value: float
    unit: str
    method: str
    n: int = 1
    quantiles: Mapping[str, float] = field(default_factory=dict)
    model_value: float | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    rails: Mapping[str, float] = field(default_factory=dict)
    run_id: str
    verilog_digest: str | None = None
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    board_serial: str | None = None
    created: str = field(default_factory=now)
    id: int | None = field(default=None, compare=False)

    def __post_init__(self):
        def number(v):
            return isinstance(v, int | float) and not isinstance(v, bool) and -1e300 < v < 1e300

        require(isinstance(self.key, CostKey), f"Cost row's key must be a CostKey, not {self.key!r}")
        require(number(self.value) and self.value >= 0,
                f"Cost row's value must be a finite number of at least 0, not {self.value!r}")
        require(self.model_value is None or number(self.model_value) and self.model_value >= 0,
                f"Cost row's model_value must be a finite number of at least 0 or None, not {self.model_value!r}")
        require(self.method in METHODS, f"Cost row's method must be one of {', '.join(METHODS)}, not {self.method!r}")
        require(type(self.n) is int and self.n >= 1, f"Cost row's n must be an integer of at least 1, not {self.n!r}")
        for name in ("unit", "run_id", "created"):
            value = getattr(self, name)
            require(isinstance(value, str) and value != "", f"Cost row's {name} must be a text, not {value!r}")
        unit = UNITS[self.key.quantity]
        require(self.unit == unit, f"Cost row's unit must be {unit!r} for {self.key.quantity}, not {self.unit!r}")
        for name in ("verilog_digest", "board_serial"):
            value = getattr(self, name)
            require(value is None or isinstance(value, str) and value != "",
                    f"Cost row's {name} must be a text or None, not {value!r}")
        require(self.method not in ("simulated", "measured") or bool(self.verilog_digest),
                f"Cost row's verilog_digest must be given where method is {self.method}")
        require(self.method != "measured" or bool(self.board_serial),
                "Cost row's board_serial must be given where method is measured")
        checks = {"quantiles": number, "counters": number, "rails": number,
                  "tool_versions": lambda v: isinstance(v, str)}
        for name, check in checks.items():
            value = getattr(self, name)
            require(isinstance(value, Mapping) and all(isinstance(k, str) and check(v) for k, v in value.items()),
                    f"Cost row's {name} must be a mapping of names to values, not {value!r}")

    @property
    def ratio(self) -> float | None:
        """value / model_value: how far the model was off in this run; None where it said nothing."""
        return self.value / self.model_value if self.model_value else None

    def content(self) -> dict:
        """All but the id, JSON-compatible; ``rails`` only where there are any, as rows before they had them."""
        values = dataclasses.asdict(self)
        del values["id"]
        if not self.rails:
            del values["rails"]
        return values

    def to_dict(self) -> dict:
        """All fields, JSON-compatible; :meth:`from_dict` takes it back."""
        return {"id": self.id, **self.content()}

    @classmethod
    def from_dict(cls, values: dict) -> "Row":
        """Check ``values`` and build a row."""
        require(isinstance(values, dict) and isinstance(values.get("key"), dict),
                f"Cost row must be a mapping with a key, not {str(values)[:80]!r}")
        for kind, given, name in ((cls, values, "row"), (CostKey, values["key"], "key")):
            known = {f.name: f for f in dataclasses.fields(kind)}
            unknown = sorted(set(given) - set(known))
            require(not unknown, f"Cost {name}'s fields must be of {', '.join(known)}, not {', '.join(unknown)}")
            missing = [n for n, f in known.items() if n not in given
                       and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING]
            require(not missing, f"Cost {name} must give {', '.join(missing)}")
        return cls(**{**values, "key": CostKey(**values["key"])})


def rows_digest(rows: Iterable[Row]) -> str:
    """SHA-256 of all that ``rows`` say, in their order, hexadecimal; their ids do not count."""
    return hashlib.sha256("\n".join(canonical(row.content()) for row in rows).encode()).hexdigest()
