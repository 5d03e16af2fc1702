"""A serial line that loses, changes, repeats and swaps bytes."""

import numpy as np


class Noise:
    """``port`` with harm done to a share ``rate`` of what is written, and of what is read, at a time."""

    def __init__(self, port, rng: np.random.Generator, rate: float):
        self.port, self.rng, self.rate, self.harmed = port, rng, rate, 0

    @property
    def in_waiting(self) -> int:
        return self.port.in_waiting

    def read(self, size: int) -> bytes:
        return self._harm(self.port.read(size))

    def write(self, data: bytes) -> int:
        self.port.write(self._harm(data))
        return len(data)

    def _harm(self, data: bytes) -> bytes:
        made = bytearray(data)
        if data and self.rng.random() < self.rate:
            self.harmed += 1
            at = int(self.rng.integers(len(data)))
            match self.rng.integers(4):
                case 0:
                    del made[at]
                case 1:
                    made[at] ^= int(self.rng.integers(1, 256))
                case 2:
                    made[at:at] = made[at:at + int(self.rng.integers(1, 300))]
                case 3:
                    made[at:at + 2] = made[at:at + 2][::-1]
        return bytes(made)
