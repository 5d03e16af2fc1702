"""Boards as data: what a part offers (look-up tables, memory, multipliers), what surrounds the accelerator on it, and
by which tools an image for it is made."""

import dataclasses
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import yaml

from .accelerator import PRESETS, AcceleratorConfig, Memory
from .errors import CodesignError, require

__all__ = ["FAMILIES", "TOOLCHAINS", "Board", "SerialPort", "board_names", "load_board"]

FAMILIES = ("ecp5", "xcup")
TOOLCHAINS = ("lattice", "vivado")
MEMORY_KINDS = ("dram", "on-chip")
DRAMS = ("lpddr4", "ddr4")
FIRMWARE_NAME = r"[!-~]{1,15}"  # what fits the field of the board's answer to HELLO


@dataclass(frozen=True, kw_only=True)
class SerialPort:
    """The board's serial line to a host.

    port : which one it is, in words
    bauds : rates in bits/s that it can do; the first is what the firmware is built for unless told otherwise
    usb : ``vendor:product`` (hexadecimal) of its USB bridge, those that it may have; none where nobody has said
    """

    port: str
    bauds: tuple[int, ...]
    usb: tuple[str, ...] = ()

    def __post_init__(self):
        require(isinstance(self.port, str) and self.port != "",
                f"Board serial port must be a text, not {self.port!r}")
        require(len(self.bauds) > 0 and all(type(b) is int and 1200 <= b <= 12_000_000 for b in self.bauds),
                f"Board serial bauds must be a list of integers in 1200..12000000 bits/s, not {list(self.bauds)!r}")
        require(all(isinstance(u, str) and re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", u) for u in self.usb),
                f"Board serial usb must be a list of vendor:product, as \"0403:6015\", not {list(self.usb)!r}")

    @classmethod
    def from_dict(cls, values: object) -> "SerialPort":
        """Check keys and types of the board file's ``serial``."""
        if not (isinstance(values, dict) and {"port", "bauds"} <= set(values) <= {"port", "bauds", "usb"}
                and all(isinstance(values.get(key, []), list | tuple) for key in ("bauds", "usb"))):
            raise CodesignError(f"Board serial must be a mapping of port, bauds (a list), usb (a list), not {values!r}")
        return cls(port=values["port"], bauds=tuple(values["bauds"]), usb=tuple(values.get("usb", ())))


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board: the budget for resources, clock and memory for time and energy, and how to make and reach an image.

    family : ``ecp5`` (Lattice ECP5, 4-input LUTs) or ``xcup`` (AMD UltraScale+, 6-input LUTs)
    luts, ffs, dsps, bram18 : what the part has; ``bram18`` counts block RAMs of 18 Kbit
    clock_hz : of the accelerator
    memory, memory_kind, memory_bytes : behind the accelerator's AXI master; ``dram`` or ``on-chip``; what of it
        programs, images and results may take, None where nothing can be run
    accelerator : name of the preset made for the board
    dram : its type, where ``memory_kind`` is dram; process_nm : of the part; static_w : power of the part with nothing
        in it switching, None for its family's
    reference_clock_hz : of the oscillator that the fabric's clock is made from; None where the processor gives it
    serial : the line to a host; firmware : what the board's firmware calls it
    power_sensors : the firmware's table of power rails (firmware/sensors_boards.c), None without sensors
    toolchain : ``name`` (of :data:`TOOLCHAINS`) and that toolchain's own keys, which it checks; None where no image can
        be built
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
    memory_bytes: int | None = None
    reference_clock_hz: int | None = None
    serial: SerialPort | None = None
    firmware: str | None = None
    power_sensors: str | None = None
    toolchain: dict | None = field(default=None, hash=False)

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
        size = self.memory_bytes
        require(size is None or type(size) is int and 1024 <= size <= 2**40,
                f"Board memory bytes must be an integer in 1024..2**40, not {size!r}")
        hz = self.reference_clock_hz
        require(hz is None or type(hz) is int and 10**6 <= hz <= 10**9,
                f"Board reference_clock_hz must be an integer in 1000000..1000000000 Hz, not {hz!r}")
        for key in ("firmware", "power_sensors"):
            value = getattr(self, key)
            require(value is None or isinstance(value, str) and re.fullmatch(FIRMWARE_NAME, value) is not None,
                    f"Board {key} must be 1 to 15 characters without spaces, not {value!r}")
        tools = self.toolchain
        require(tools is None or isinstance(tools, dict) and tools.get("name") in TOOLCHAINS,
                f"Board toolchain must be a mapping whose name is one of {', '.join(TOOLCHAINS)}, not {tools!r}")

    def place(self, config: AcceleratorConfig) -> AcceleratorConfig:
        """``config`` at this board's clock and with its memory."""
        return dataclasses.replace(config, clock_hz=self.clock_hz, memory=self.memory)

    def preset(self) -> AcceleratorConfig:
        """The accelerator made for this board."""
        return self.place(PRESETS[self.accelerator])

    def to_dict(self) -> dict:
        """The fields as the YAML file has them."""
        values = dataclasses.asdict(self)
        values["memory"] |= {"kind": values.pop("memory_kind"), "bytes": values.pop("memory_bytes")}
        if self.serial is not None:
            values["serial"] |= {"bauds": list(self.serial.bauds), "usb": list(self.serial.usb)}
        return values

    @classmethod
    def from_dict(cls, values: dict) -> "Board":
        """Check keys and types of ``values`` (a YAML file's content) and build a board."""
        require(isinstance(values, dict), f"Board must be a mapping of its fields, not {values!r}")
        fields = [f for f in dataclasses.fields(cls) if f.name not in ("memory_kind", "memory_bytes")]
        known = [f.name for f in fields]
        unknown = sorted(str(k) for k in values if k not in known)
        require(not unknown, f"Board key must be one of {', '.join(known)}, not {', '.join(map(repr, unknown))}")
        missing = [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in values]
        require(not missing, f"Board must give {', '.join(missing)}")
        memory = values["memory"]
        needed = {"bytes_per_cycle", "latency_cycles", "kind"}
        require(isinstance(memory, dict) and needed <= set(memory) <= needed | {"bytes"},
                f"Board memory must be a mapping of {', '.join(sorted(needed))} and perhaps bytes, not {memory!r}")
        rest = {key: value for key, value in memory.items() if key not in ("kind", "bytes")}
        serial = values.get("serial")
        return cls(**{**values, "memory": Memory(**rest), "memory_kind": memory["kind"],
                      "memory_bytes": memory.get("bytes"),
                      "serial": None if serial is None else SerialPort.from_dict(serial)})


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
