"""What goes wrong at a bench: nothing wrong is ever reported, one line says what happened, and the next run goes on."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from codesign.boards.host_board import HostBoard
from codesign.boards.link import BoardError, Link
from codesign.boards.port import open_port
from codesign.boards.serial_device import SerialDevice
from codesign.errors import CodesignError
from codesign.protocol import encode_frame, protocol
from tests.boards.test_serial_device import BAUD, IMAGES, TINY, board, port, program, same_as_verilator

__all__ = ["board", "port", "program"]  # fixtures


def say_hello(port, nonce: int) -> None:
    """As another host would."""
    hello = protocol().ops["hello"]
    port.write(b"\0" + encode_frame(hello.code, 0, 0, hello.pack(version=protocol().version, nonce=nonce)))


def test_another_host_says_hello_between_images(port, program):
    device, hellos = SerialDevice(Link(port), TINY), []

    def disturb(done):
        if done in (2, 4) and len(hellos) < 2:
            hellos.append(done)
            say_hello(port, done)

    same_as_verilator(device.run(program, IMAGES, disturb), program)
    assert hellos == [2, 4]


def test_a_host_that_always_comes_between(port, program):
    device = SerialDevice(Link(port), TINY)
    nonces = iter(range(1000))
    with pytest.raises(BoardError, match="answer no_session: the board began another session, or was reset"):
        device.run(program, IMAGES, lambda done: say_hello(port, next(nonces)))
    same_as_verilator(device.run(program, IMAGES), program)


def test_the_board_hangs_and_goes_on(board, port, program, monkeypatch):
    """Stopped in the middle for longer than anybody waits, then continued, with old requests still on the line."""
    monkeypatch.setattr(Link.request, "__kwdefaults__", {"limit_s": 1.0})
    monkeypatch.setattr(Link.stream, "__kwdefaults__", {"limit_s": 1.0})
    device = SerialDevice(Link(port), TINY)
    with pytest.raises(CodesignError, match=r"^board must answer \w+ within 1 s: is it still there\?$"):
        device.run(program, IMAGES, lambda done: board.pause() if done == 2 else None)
    with pytest.raises(CodesignError, match="^Firmware on board must answer within 0.5 s"):
        Link(port, hello_s=0.5)
    board.resume()
    same_as_verilator(device.run(program, IMAGES), program)


def test_the_board_hangs_and_is_back_in_time(board, port, program):
    device, timers = SerialDevice(Link(port), TINY), []

    def hang(done):
        if done == 2:
            board.pause()
            timers.append(threading.Timer(0.7, board.resume))
            timers[0].start()

    same_as_verilator(device.run(program, IMAGES, hang), program)
    timers[0].join()
    assert device.link.traffic.repeated > 0


def test_nobody_takes_what_is_sent(board, monkeypatch):
    """A line that is full must not hold the host for ever."""
    with open_port(board.port, BAUD) as port:
        link = Link(port)
        port.write_timeout = 0.3
        board.pause()
        try:
            started = time.monotonic()
            with pytest.raises(CodesignError, match="^board must (stay connected: Write timeout|answer write within)"):
                link.stream("write", [dict(offset=0, data=bytes(2000))] * 100)
            assert time.monotonic() - started < 25
        finally:
            board.resume()
    with open_port(board.port, BAUD) as port:
        assert Link(port).request("echo", data=b"there")["data"] == b"there"


HOST = f"""
import sys
from codesign.boards.link import Link
from codesign.boards.port import open_port
link = Link(open_port(sys.argv[1], {BAUD}))
print("on", flush=True)
while True:
    link.stream("write", [dict(offset=0, data=b"\\xAA" * 2000)] * 100)
"""


def test_a_host_that_is_killed(board, program):
    with subprocess.Popen([sys.executable, "-c", HOST, board.port], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout.readline() == "on\n"
        time.sleep(0.1)
        host.send_signal(signal.SIGKILL)
    assert host.returncode == -signal.SIGKILL
    with open_port(board.port, BAUD) as port:
        same_as_verilator(SerialDevice(Link(port), TINY).run(program, IMAGES), program)


@pytest.mark.parametrize("when", [1, 3])
def test_a_board_that_is_gone_does_not_end_a_sweep(program, when):
    """The board dies within one candidate of three; a new one is there for the next."""
    outcomes = []
    for candidate in range(3):
        with HostBoard(TINY, memory_bytes=1 << 20) as board, open_port(board.port, BAUD) as port:
            device = SerialDevice(Link(port), TINY)
            fatal = candidate == 1
            try:
                result = device.run(program, IMAGES,
                                    lambda done, fatal=fatal, b=board: b.close() if fatal and done == when else None)
            except CodesignError as e:
                assert "\n" not in str(e) and "board must stay connected" in str(e)
                outcomes.append("failed")
            else:
                same_as_verilator(result, program)
                outcomes.append("right")
    assert outcomes == ["right", "failed", "right"]


class WrongRate:
    """What is read at twice the rate it was sent with: each bit twice, so other bytes, and half of the stop bits are
    none."""

    baudrate = BAUD
    in_waiting = 0

    def __init__(self, port):
        self.port = port

    def read(self, size: int) -> bytes:
        return self._mangle(self.port.read(size))

    def write(self, data: bytes) -> int:
        self.port.write(self._mangle(data))
        return len(data)

    @staticmethod
    def _mangle(data: bytes) -> bytes:
        bits = [b for byte in data for b in (0, *(byte >> i & 1 for i in range(8)), 1) for _ in range(2)]
        frames = [bits[i + 1:i + 9] for i in range(0, len(bits) - 9, 10)]
        return bytes(sum(bit << i for i, bit in enumerate(frame)) for frame in frames)


def test_another_baud_rate(port, program):
    with pytest.raises(CodesignError, match="must answer within 1 s: is it running, and is the baud rate right"):
        Link(WrongRate(port), hello_s=1)
    same_as_verilator(SerialDevice(Link(port), TINY).run(program, IMAGES), program)


@pytest.mark.parametrize("seed", range(3))
def test_a_line_that_only_babbles(seed):
    """Bytes at random for ever: nobody is taken for a board."""
    near, far = pty.openpty()
    stop = threading.Event()
    noise = np.random.default_rng(seed)

    def babble():
        os.set_blocking(near, False)
        while not stop.is_set():
            try:
                os.write(near, noise.integers(0, 256, 200, dtype=np.uint8).tobytes())
            except BlockingIOError:
                time.sleep(0.001)

    thread = threading.Thread(target=babble)
    thread.start()
    try:
        with open_port(os.ttyname(far), BAUD) as port, pytest.raises(CodesignError, match="must answer within 1 s"):
            Link(port, hello_s=1)
    finally:
        stop.set()
        thread.join()
        os.close(near)
        os.close(far)


def test_a_slow_line_is_not_asked_again(port):
    """Sixteen long answers take their time: none is asked for twice because of that."""

    class Slow:
        baudrate = 100_000

        def __init__(self):
            self.late, self.free = bytearray(), time.monotonic()

        in_waiting = 0

        def write(self, data):
            return port.write(data)

        def read(self, size):
            self.late += port.read(max(1, port.in_waiting))
            now = time.monotonic()
            count = min(len(self.late), int((now - self.free) * self.baudrate / 10))
            if count or not self.late:
                self.free = now
            data, self.late = bytes(self.late[:count]), self.late[count:]
            return data

    link = Link(Slow())
    answers = link.stream("read", [dict(offset=0, length=2048)] * 15)
    assert len(answers) == 15 and link.traffic.repeated == 0


def test_a_board_that_takes_one_request_at_a_time(port):
    link = Link(port)
    link.board["window"] = 1
    assert [a["data"] for a in link.stream("echo", [dict(data=bytes([i])) for i in range(5)])] == [
        bytes([i]) for i in range(5)]
