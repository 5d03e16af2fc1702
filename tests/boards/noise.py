"""A serial line that loses, changes, repeats and swaps bytes."""

import os
import pty
import select
import threading
import tty
from contextlib import contextmanager

import numpy as np

from codesign.boards.port import open_port


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


@contextmanager
def noisy_line(path: str, baud: int, rng: np.random.Generator, rate: float):
    """The path of a serial line whose far end is the one at ``path``, through :class:`Noise`; and the noise.

    Bytes are passed on as they come, so a share ``rate`` of frames is harmed, or a little more of long ones.
    """
    near, far = pty.openpty()
    tty.setraw(far)
    stop = threading.Event()
    with open_port(path, baud) as port:
        noise = Noise(port, rng, rate)

        def pass_on():
            while not stop.is_set():
                if select.select([near], [], [], 0)[0]:
                    noise.write(os.read(near, 4096))
                if data := noise.read(max(1, port.in_waiting)):
                    os.write(near, data)

        thread = threading.Thread(target=pass_on)
        thread.start()
        try:
            yield os.ttyname(far), noise
        finally:
            stop.set()
            thread.join()
            os.close(near)
            os.close(far)
