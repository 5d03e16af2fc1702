"""A Zynq UltraScale+ board's own settings: what Vivado must be told of it, and what the fabric may be clocked with."""

import re
from dataclasses import dataclass

from codesign.accelerator import AcceleratorConfig
from codesign.board import Board
from codesign.errors import CodesignError, require

__all__ = ["PORT_BITS", "VivadoSettings"]

PORT_BITS = 128  # the widest that S_AXI_HP0_FPD to S_AXI_HP3_FPD are (AMD UG1085)
_KEYS = ("board_parts", "pll_hz", "memory_ports", "peripherals")
_DIVISORS = range(1, 64)  # 6 bits; there are two of them in a row, but nobody wants a fabric that slow
_TOLERANCE = 0.002  # of a clock: the PLL itself makes 1.4999985 GHz of 33.3333 MHz


@dataclass(frozen=True, kw_only=True)
class VivadoSettings:
    """What the board file says under ``toolchain`` beside its name, and of the board what Vivado needs.

    part : the board's; firmware : what its firmware calls it
    board_parts : the board's name in the vendor's board files, the one of AMD's board store first; upper and lower case
        are the same, and vendor and version are anybody's
    pll_hz : the processing system's I/O PLL, as those board files set it; pl_clk0 is this over an integer
    memory_ports : how many of S_AXI_HP0_FPD, S_AXI_HP1_FPD and on, of 128 bits each, lead to memory
    peripherals : those that the firmware uses (UART0, I2C1 and the like), each with its pins ("MIO 0 .. 1")
    """

    part: str
    firmware: str
    board_parts: tuple[str, ...]
    pll_hz: int
    memory_ports: int
    peripherals: dict[str, str]

    def __post_init__(self):
        require(re.fullmatch(r"xczu\w+-\w+-\w+-[a-z]", self.part) is not None,
                f"Board part must be a Zynq UltraScale+ as xczu3eg-sbva484-1-i, not {self.part!r}")
        require(len(self.board_parts) > 0 and all(isinstance(p, str) and re.fullmatch(r"[\w-]+", p)
                                                  for p in self.board_parts),
                f"Toolchain board_parts must be a list of names as Ultra96v2, not {list(self.board_parts)!r}")
        require(type(self.pll_hz) is int and 750_000_000 <= self.pll_hz <= 1_600_000_000,
                f"Toolchain pll_hz must be an integer in 750000000..1600000000 Hz, not {self.pll_hz!r}")
        require(self.memory_ports in (1, 2, 4), f"Toolchain memory_ports must be 1, 2 or 4, not {self.memory_ports!r}")
        for name, pins in self.peripherals.items():
            require(isinstance(name, str) and re.fullmatch(r"(UART|I2C)[01]", name) is not None
                    and isinstance(pins, str) and re.fullmatch(r"MIO \d{1,2} \.\. \d{1,2}", pins) is not None,
                    f"Toolchain peripherals must be as UART1: MIO 0 .. 1, not {name}: {pins!r}")

    @classmethod
    def of(cls, board: Board) -> "VivadoSettings":
        """The settings of ``board``. Raises :class:`CodesignError` naming the key, rule and value."""
        values = board.toolchain
        if values is None or values["name"] != "vivado":
            raise CodesignError(f"Board {board.name} must be one whose toolchain is vivado, not {values!r}")
        known = ("name", *_KEYS)
        unknown = sorted(str(key) for key in values if key not in known)
        require(not unknown, f"Board {board.name}: toolchain key must be one of {', '.join(known)}, "
                             f"not {', '.join(map(repr, unknown))}")
        missing = [key for key in _KEYS if key not in values]
        require(not missing, f"Board {board.name}: toolchain must give {', '.join(missing)}")
        for key, kind in (("board_parts", list), ("peripherals", dict)):
            require(isinstance(values[key], kind),
                    f"Board {board.name}: toolchain {key} must be a {kind.__name__}, not {values[key]!r}")
        if board.firmware is None:
            raise CodesignError(f"Board {board.name} must say what its firmware calls it")
        try:
            return cls(part=board.part, firmware=board.firmware, board_parts=tuple(values["board_parts"]),
                       **{key: values[key] for key in _KEYS[1:]})
        except CodesignError as e:
            raise CodesignError(f"Board {board.name}: {e}") from None

    def ports_of(self, config: AcceleratorConfig) -> int:
        """Memory ports that ``config``'s bus keeps busy.

        Raises :class:`CodesignError` where they are slower than the memory ``config`` was priced with, or no clock of
        the processing system is ``config``'s.
        """
        ports = max(1, min(self.memory_ports, config.bus_bits // PORT_BITS))
        peak = min(config.bus_bits, ports * PORT_BITS) // 8
        require(config.memory.bytes_per_cycle <= peak,
                f"Memory bytes_per_cycle must be at most {peak} with {ports} port{'s' * (ports > 1)} and a bus of "
                f"{config.bus_bits} bits, not {config.memory.bytes_per_cycle:g}")
        clocks = [self.pll_hz / n for n in _DIVISORS]
        near = sorted(clocks, key=lambda hz: abs(hz - config.clock_hz))[:2]
        require(abs(near[0] - config.clock_hz) <= _TOLERANCE * config.clock_hz,
                f"Clock must be {self.pll_hz / 1e6:g} MHz over an integer, "
                f"{' or '.join(f'{hz / 1e6:.3f}'.rstrip('0').rstrip('.') for hz in near)} MHz, "
                f"not {config.clock_hz / 1e6:g} MHz")
        return ports
