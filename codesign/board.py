"""Boards: what a part offers (look-up tables, memory, multipliers) and what surrounds the accelerator on it."""

import dataclasses
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml

from .accelerator import PRESETS, AcceleratorConfig, Memory
from .errors import CodesignError, require

__all__ = ["FAMILIES", "Board", "load_board", "board_names"]

FAMILIES = ("ecp5", "xcup")
MEMORY_KINDS = ("dram", "on-chip")
DRAMS = ("lpddr4", "ddr4")


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board: the budget for resources, and clock and memory for time and energy.

    family : ``ecp5`` (Lattice ECP5, 4-input LUTs) or ``xcup`` (AMD UltraScale+, 6-input LUTs)
    luts, ffs, dsps, bram18 : what the part has; ``bram18`` counts block RAMs of 18 Kbit
    memory, memory_kind : behind the accelerator's AXI master; ``dram`` or ``on-chip``
    accelerator : name of the preset made for the board
    dram : its type, where ``memory_kind`` is dram; process_nm : of the part; static_w : power of the part with nothing
        in it switching, None for its family's
    """

    name: str
    part: str
    family: str
    luts: int
    ffs: int
    dsps: int
    bram18: int
    clock_hz: int
    memory: Memory
    memory_kind: str
    accelerator: str
    dram: str = "ddr4"
    process_nm: int | None = None
    static_w: float | None = None

    def __post_init__(self):
        for key in ("name", "part"):
            value = getattr(self, key)
            require(isinstance(value, str) and value != "", f"Board {key} must be a text, not {value!r}")
        require(self.family in FAMILIES, f"Board family must be one of {', '.join(FAMILIES)}, not {self.family!r}")
        for key in ("luts", "ffs", "dsps", "bram18"):
            value = getattr(self, key)
            require(type(value) is int and 0 <= value <= 10**8,
                    f"Board {key} must be an integer in 0..100000000, not {value!r}")
        require(type(self.clock_hz) is int and 10**6 <= self.clock_hz <= 10**9,
                f"Board clock_hz must be an integer in 1000000..1000000000 Hz, not {self.clock_hz!r}")
        require(self.memory_kind in MEMORY_KINDS,
                f"Board memory kind must be one of {', '.join(MEMORY_KINDS)}, not {self.memory_kind!r}")
        require(isinstance(self.accelerator, str) and self.accelerator in PRESETS,
                f"Board accelerator must be one of {', '.join(PRESETS)}, not {self.accelerator!r}")

        require(self.dram in DRAMS, f"Board dram must be one of {', '.join(DRAMS)}, not {self.dram!r}")
        require(self.process_nm is None or type(self.process_nm) is int and 1 <= self.process_nm <= 1000,
                f"Board process_nm must be an integer in 1..1000 nm, not {self.process_nm!r}")
        require(self.static_w is None or type(self.static_w) in (int, float) and 0 <= self.static_w <= 1000,
                f"Board static_w must be a number in 0..1000 W, not {self.static_w!r}")

    def place(self, config: AcceleratorConfig) -> AcceleratorConfig:
        """``config`` at this board's clock and with its memory."""
        return dataclasses.replace(config, clock_hz=self.clock_hz, memory=self.memory)

    def preset(self) -> AcceleratorConfig:
        """The accelerator made for this board."""
        return self.place(PRESETS[self.accelerator])

    def to_dict(self) -> dict:
        """The fields as the YAML file has them."""
        values = dataclasses.asdict(self)
        values["memory"]["kind"] = values.pop("memory_kind")
        return values

    @classmethod
    def from_dict(cls, values: dict) -> "Board":
        """Check keys and types of ``values`` (a YAML file's content) and build a board."""
        require(isinstance(values, dict), f"Board must be a mapping of its fields, not {values!r}")
        fields = [f for f in dataclasses.fields(cls) if f.name != "memory_kind"]
        known = [f.name for f in fields]
        unknown = sorted(str(k) for k in values if k not in known)
        require(not unknown, f"Board key must be one of {', '.join(known)}, not {', '.join(map(repr, unknown))}")
        missing = [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in values]
        require(not missing, f"Board must give {', '.join(missing)}")
        memory = values["memory"]
        memory_keys = {"bytes_per_cycle", "latency_cycles", "kind"}
        require(isinstance(memory, dict) and set(memory) == memory_keys,
                f"Board memory must be a mapping of {', '.join(sorted(memory_keys))}, not {memory!r}")
        kind = memory["kind"]
        rest = {key: value for key, value in memory.items() if key != "kind"}
        return cls(**{**values, "memory": Memory(**rest), "memory_kind": kind})


def board_names() -> list[str]:
    """Names of the built-in boards."""
    files = resources.files("codesign.boards").iterdir()
    return sorted(Path(f.name).stem for f in files if f.name.endswith(".yaml"))


def load_board(reference: str) -> Board:
    """The board that ``reference`` names: a built-in one, or a YAML file's path."""
    path = Path(reference)
    if path.suffix in (".yaml", ".yml"):
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as e:
            raise CodesignError(f"Board file {reference!r} must be readable: {e}") from None
    else:
        names = board_names()
        require(reference in names, f"Board must be one of {', '.join(names)} or a .yaml file, not {reference!r}")
        text = resources.files("codesign.boards").joinpath(f"{reference}.yaml").read_text()
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise CodesignError(f"Board file {reference!r} must be YAML: {' '.join(str(e).split())}") from None
    try:
        return Board.from_dict(values)
    except CodesignError as e:
        raise CodesignError(f"{reference}: {e}") from None
