"""I2C devices as their data sheets have them: what the firmware's drivers are tested against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class Nack(Exception):
    """Nobody acknowledges."""


@dataclass
class Ina226:
    """Texas Instruments SBOS547: a pointer, then 16-bit registers, most significant byte first."""

    shunt: int = 0
    bus: int = 0
    configuration: int = 0x4127  # after power on
    manufacturer: int = 0x5449
    die: int = 0x2260
    pointer: int = 0
    written: list[int] = field(default_factory=list)

    def transfer(self, out: bytes, count: int) -> bytes:
        if len(out) not in (0, 1, 3) or count not in (0, 2):
            raise Nack
        if out:
            self.pointer = out[0]
        if len(out) == 3:
            assert self.pointer == 0, "only the configuration is to be written"
            self.configuration = int.from_bytes(out[1:], "big") & 0x0FFF | 0x4000
            self.written.append(self.configuration)
        registers = {0: self.configuration, 1: self.shunt & 0xFFFF, 2: self.bus, 0xFE: self.manufacturer,
                     0xFF: self.die}
        return registers[self.pointer].to_bytes(2, "big")[:count]


@dataclass
class Pmbus:
    """PMBus part II 1.2: a command, then data, least significant byte first; ``pages`` of (vout, iout) words.

    mode : of each page; None where VOUT_MODE, as on the IR38060, and with it PAGE, is not there
    """

    pages: list[tuple[int, int]]
    mode: list[int] | None = None
    page: int = 0
    stuck: bool = False

    def transfer(self, out: bytes, count: int) -> bytes:
        if self.mode is None and out[:1] in (b"\x00", b"\x20"):
            raise Nack
        if out[:1] == b"\x00" and len(out) == 2:
            if out[1] >= len(self.pages):
                raise Nack
            self.page = self.page if self.stuck else out[1]
            return b""
        vout, iout = self.pages[self.page]
        answers = {b"\x00": bytes([self.page]), b"\x20": bytes([self.mode[self.page] if self.mode else 0]),
                   b"\x8b": vout.to_bytes(2, "little"), b"\x8c": iout.to_bytes(2, "little")}
        if out not in answers or count != len(answers[out]):
            raise Nack
        return answers[out]


@dataclass
class Multiplexer:
    """PCA9544A (``channels`` 4: enable bit 2 and a number) or PCA9548A (8: a bit each) with what is on its channels."""

    channels: int
    devices: Mapping[int, Mapping[int, Ina226 | Pmbus]]
    control: int = 0
    stuck: bool = False

    def transfer(self, out: bytes, count: int) -> bytes:
        if out and not self.stuck:
            self.control = out[-1]
        return bytes([self.control | (0xF0 if self.channels == 4 else 0)])[:count]  # a 9544's interrupts, pending

    def reached(self) -> list[int]:
        if self.channels == 4:
            return [self.control & 3] if self.control & 4 else []
        return [i for i in range(8) if self.control >> i & 1]


@dataclass
class Bus:
    """Multiplexers by address. fail : numbers of transfers that are not acknowledged, counted from 0"""

    multiplexers: Mapping[int, Multiplexer]
    fail: Sequence[int] = ()
    transfers: int = 0

    def transfer(self, device: int, out: bytes, count: int) -> bytes | None:
        self.transfers += 1
        if self.transfers - 1 in self.fail:
            return None
        found = [self.multiplexers[device]] if device in self.multiplexers else []
        for multiplexer in self.multiplexers.values():
            found += [multiplexer.devices[c][device] for c in multiplexer.reached()
                      if device in multiplexer.devices.get(c, {})]
        assert len(found) <= 1, f"two devices answer at {device:#x}"
        try:
            return found[0].transfer(out, count) if found else None
        except Nack:
            return None
