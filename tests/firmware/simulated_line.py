"""The firmware as a shared library behind a line in simulated time, which harms, loses, repeats and delays frames."""

import ctypes
import heapq
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.protocol import encode_frame, protocol
from tests.firmware.builds import build

__all__ = ["MEMORY_BYTES", "Clock", "Firmware", "Line", "Rates", "build_library"]

MEMORY_BYTES = 1 << 16


def build_library(work: Path) -> Path:
    """The portable firmware with the tests' board."""
    return build(work, "simulated.so", ["fake_board.c", "controls.c"],
                 flags=["-shared", "-fPIC", "-Wl,--wrap=command", f"-DFAKE_BYTES={MEMORY_BYTES}"])


class Clock:
    """Stands for module time."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Firmware:
    """A board that has just been switched on; with ``before``, with what was in that one's memory."""

    count = 0

    def __init__(self, library: Path, registers: dict[int, int], before: "Firmware | None" = None):
        Firmware.count += 1
        own = library.with_name(f"{library.stem}-{Firmware.count}.so")  # a library of another name has its own state
        shutil.copy(library, own)
        self.library = ctypes.CDLL(str(own))
        own.unlink()
        self.library.hal_shared.restype = ctypes.c_void_p
        self.library.fake_power_on()
        for offset, value in registers.items():
            self.library.poke(offset, value)
        self._sent = (ctypes.c_ubyte * (1 << 17)).in_dll(self.library, "fake_sent")
        self._sent_bytes = ctypes.c_size_t.in_dll(self.library, "fake_sent_bytes")
        self._count = ctypes.c_uint32.in_dll(self.library, "carried_out_count")
        if before:
            ctypes.memmove(self.library.hal_shared(), before.library.hal_shared(), MEMORY_BYTES)

    def take(self, data: bytes) -> bytes:
        """What it answers to ``data``."""
        self._sent_bytes.value = 0
        self.library.link_receive(data, ctypes.c_size_t(len(data)))
        return bytes(self._sent[:self._sent_bytes.value])

    def memory(self) -> bytes:
        """What is in its shared memory."""
        return ctypes.string_at(self.library.hal_shared(), MEMORY_BYTES)

    def carried_out(self) -> list[tuple[int, int]]:
        """(op, first number of its payload) of each command, in order."""
        words = (ctypes.c_uint32 * (2 * self._count.value)).in_dll(self.library, "carried_out")
        return [(words[i], words[i + 1]) for i in range(0, len(words), 2)]


@dataclass(frozen=True)
class Rates:
    """Shares of frames that are lost, changed, sent twice and late (either way), and how late at most; of those to the
    board after which another host says hello, and after which it is reset."""

    lost: float = 0.01
    changed: float = 0.01
    twice: float = 0.01
    late: float = 0.01
    late_s: float = 2.0
    stranger: float = 0.0
    reset: float = 0.0


class Line:
    """A port whose far end is a :class:`Firmware`."""

    baudrate = 1_000_000

    def __init__(self, firmware: Firmware, clock: Clock, rng: np.random.Generator, rates: Rates, reset=None):
        self.firmware, self.clock, self.rng, self.rates, self._reset = firmware, clock, rng, rates, reset
        self._under_way: list[tuple[float, int, bool, bytes]] = []
        self._arrived = bytearray()
        self._number = self.resets = self.strangers = self.harmed = 0

    @property
    def in_waiting(self) -> int:
        return len(self._arrived)

    def write(self, data: bytes) -> int:
        for frame in data.split(b"\0"):
            if frame:
                self._harm(b"\0" + frame + b"\0", True)
                if self.rng.random() < self.rates.stranger:
                    self.strangers += 1
                    hello = protocol().ops["hello"]
                    nonce = int(self.rng.integers(1 << 32))
                    payload = hello.pack(version=protocol().version, nonce=nonce)
                    self._put(encode_frame(hello.code, 0, 0, payload), True, 0.1)
        return len(data)

    def read(self, size: int) -> bytes:
        end = self.clock.now + 0.01
        while not self._arrived and self._under_way and self._under_way[0][0] <= end:
            due, _, to_board, frame = heapq.heappop(self._under_way)
            self.clock.now = max(self.clock.now, due)
            if not to_board:
                self._arrived += frame
                continue
            for answer in self.firmware.take(frame).split(b"\0"):
                if answer:
                    self._harm(answer + b"\0", False)
            if self._reset and self.rng.random() < self.rates.reset:
                self.resets += 1
                self.firmware = self._reset(self.firmware)
        if not self._arrived:
            self.clock.now = end
        data, self._arrived = bytes(self._arrived[:size]), self._arrived[size:]
        return data

    def _harm(self, frame: bytes, to_board: bool) -> None:
        lost, changed, twice, late = self.rng.random(4) < [
            self.rates.lost, self.rates.changed, self.rates.twice, self.rates.late]
        self.harmed += bool(lost | changed | twice | late)
        if changed:
            at = int(self.rng.integers(len(frame)))
            frame = frame[:at] + bytes([frame[at] ^ int(self.rng.integers(1, 256))]) + frame[at + 1:]
        if not lost:
            self._put(frame, to_board, self.rates.late_s if late else 0)
        if twice:
            self._put(frame, to_board, self.rates.late_s)

    def _put(self, frame: bytes, to_board: bool, late_s: float) -> None:
        self._number += 1
        due = self.clock.now + 0.001 + late_s * float(self.rng.random())
        heapq.heappush(self._under_way, (due, self._number, to_board, frame))
