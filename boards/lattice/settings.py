"""A Lattice board's own settings: what nextpnr must be told of its part, and where the design's ports are."""

import re
from dataclasses import dataclass

from codesign.board import Board
from codesign.errors import CodesignError, require

__all__ = ["LatticeSettings", "Pin"]

_PACKAGES = {"BG": "CABGA", "MG": "CSFBGA", "TG": "TQFP"}  # in the part's name, and as nextpnr calls them
_PULLS = ("none", "up", "down")
_DRIVES = (4, 8, 12, 16)  # mA, of LVCMOS33


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A port of the design at the package's balls.

    site : balls, lowest bit first; io_type, pull, drive (mA): as in Lattice's IOBUF preference
    value : what the design is to drive it with for good, None for a port that the system has
    """

    site: tuple[str, ...]
    io_type: str = "LVCMOS33"
    pull: str = "none"
    drive: int | None = None
    value: int | None = None

    @classmethod
    def from_dict(cls, name: str, values: object) -> "Pin":
        """Check keys and types of a board file's pin."""
        if not isinstance(values, dict) or not {"site"} <= set(values) <= {"site", "io_type", "pull", "drive", "value"}:
            raise CodesignError(f"Pin {name} must be a mapping of site and perhaps io_type, pull, drive, value, "
                                f"not {values!r}")
        sites = values["site"] if isinstance(values["site"], list) else [values["site"]]
        require(len(sites) > 0 and all(isinstance(s, str) and re.fullmatch(r"[A-Z]{1,2}[1-9]\d?", s) for s in sites),
                f"Pin {name} site must be a ball as B11, or a list of them, not {values['site']!r}")
        pin = cls(**{**values, "site": tuple(sites)})
        require(isinstance(pin.io_type, str) and re.fullmatch(r"[A-Z0-9_]+", pin.io_type) is not None,
                f"Pin {name} io_type must be one of Lattice's, as LVCMOS33, not {pin.io_type!r}")
        require(pin.pull in _PULLS, f"Pin {name} pull must be one of {', '.join(_PULLS)}, not {pin.pull!r}")
        require(pin.drive is None or pin.drive in _DRIVES,
                f"Pin {name} drive must be one of {', '.join(map(str, _DRIVES))} mA, not {pin.drive!r}")
        require(pin.value is None or type(pin.value) is int and 0 <= pin.value < 1 << len(sites),
                f"Pin {name} value must be an integer of {len(sites)} bits, not {pin.value!r}")
        return pin


@dataclass(frozen=True, kw_only=True)
class LatticeSettings:
    """What the board file says under ``toolchain`` beside its name.

    part : the board's; pins : by the system's port, or any name where they have a value
    load : commands that bring an image onto the board, ``{bit}`` for its file
    """

    part: str
    pins: dict[str, Pin]
    load: tuple[str, ...] = ()

    def __post_init__(self):
        self.device_options()

    def device_options(self) -> list[str]:
        """nextpnr's options for the part."""
        match = re.fullmatch(r"LFE5(U|UM|UM5G)-(12|25|45|85)F-([678])(BG|MG|TG)(\d{3})[CI]", self.part)
        if match is None:
            raise CodesignError(f"Board part must be an ECP5 as LFE5U-85F-6BG381C, not {self.part!r}")
        series, size, speed, package, balls = match.groups()
        device = {"U": "", "UM": "um-", "UM5G": "um5g-"}[series] + f"{size}k"
        return [f"--{device}", "--package", _PACKAGES[package] + balls, "--speed", speed]

    @classmethod
    def of(cls, board: Board) -> "LatticeSettings":
        """The settings of ``board``. Raises :class:`CodesignError` naming the key, rule and value."""
        values = board.toolchain
        if values is None or values["name"] != "lattice":
            raise CodesignError(f"Board {board.name} must be one whose toolchain is lattice, not {values!r}")
        known = {"name", "pins", "load"}
        require(set(values) <= known, f"Board {board.name}: toolchain key must be one of {', '.join(sorted(known))}, "
                                      f"not {', '.join(sorted(map(repr, set(values) - known)))}")
        pins, load = values.get("pins"), values.get("load", [])
        if not isinstance(pins, dict) or not all(isinstance(name, str) and re.fullmatch(r"[a-z]\w*", name)
                                                 for name in pins):
            raise CodesignError(f"Board {board.name}: toolchain pins must be a mapping of ports, not {pins!r}")
        require(isinstance(load, list) and all(isinstance(c, str) and "{bit}" in c for c in load),
                f"Board {board.name}: toolchain load must be a list of commands with {{bit}}, not {load!r}")
        placed = {name: Pin.from_dict(name, pin) for name, pin in pins.items()}
        sites = [site for pin in placed.values() for site in pin.site]
        twice = sorted({site for site in sites if sites.count(site) > 1})
        require(not twice, f"Board {board.name}: every ball must have one port, not {', '.join(twice)} more")
        return cls(part=board.part, pins=placed, load=tuple(load))
