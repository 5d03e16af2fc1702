"""The host's end of the line to a board's firmware: a session of requests, each carried out once and answered.

Requests go out as long as the window allows, and again where no answer comes; see ``firmware/protocol.yaml``.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from codesign.errors import CodesignError, require
from codesign.protocol import ANSWER, OPEN, Answer, decode_frame, encode_frame, protocol

__all__ = ["BoardError", "Link", "Port"]

PATIENCE_S = 0.1  # without an answer for so long, and the line's own time, a request is sent again; then for longer
LONGEST_PATIENCE_S = 4.0
LIMIT_S = 15.0  # without an answer for so long, nobody is there
HELLO_S = 0.3
SHORT_ANSWER_BYTES = 256  # more than any that has no data in it takes on the line
SEQUENCES = 1 << 16  # of sequence numbers, which then begin anew


class BoardError(CodesignError):
    """The board refused a request: ``status`` is the protocol's name for why."""

    def __init__(self, message: str, status: str):
        super().__init__(message)
        self.status = status


class Port(Protocol):
    """What a serial port must do; pyserial's does. One whose time is not the host's has ``monotonic``, too."""

    def read(self, size: int) -> bytes: ...

    def write(self, data: bytes) -> int | None: ...

    @property
    def in_waiting(self) -> int: ...


@dataclass
class _Pending:
    index: int
    number: int  # its sequence number, but one that goes on
    op: str
    frame: bytes
    due: float
    end: float
    patience_s: float


@dataclass
class Traffic:
    """What happened on the line."""

    bytes_sent: int = 0
    bytes_received: int = 0
    repeated: int = 0
    damaged: int = 0
    strangers: int = field(default=0)  # answers that nobody waits for: repeated ones, or of another session


class Link:
    """A session with the firmware behind ``port`` (which must not wait for ever to read).

    ``board`` : what HELLO was answered: board, firmware, memory_bytes, tick_hz, capabilities, ...
    """

    def __init__(self, port: Port, name: str = "board", hello_s: float = 5.0):
        self.port, self.name, self.protocol, self.traffic = port, name, protocol(), Traffic()
        self.now: Callable[[], float] = getattr(port, "monotonic", time.monotonic)  # in seconds
        self._byte_s = 10 / getattr(port, "baudrate", 115_200)
        self._received = bytearray()
        self._session = self._sequence = 0
        self.board: dict[str, Any] = {}
        self.greet(hello_s)

    def has(self, capability: str) -> bool:
        """Whether the board said that it has it: a name of the protocol's capabilities."""
        return bool(self.board["capabilities"] >> self.protocol.capabilities[capability][0] & 1)

    def greet(self, within_s: float = 5.0) -> dict[str, Any]:
        """Begin a session. Raises :class:`CodesignError` where nobody answers in time."""
        hello = self.protocol.ops["hello"]
        nonce = secrets.randbits(32)
        frame = encode_frame(hello.code, 0, 0, hello.pack(version=self.protocol.version, nonce=nonce))
        end = self.now() + within_s
        while self.now() < end:
            self._send(b"\0" + frame)
            again = self.now() + HELLO_S
            while (now := self.now()) < again:
                for answer in self._receive(again - now):
                    if answer.op != hello.code | ANSWER or answer.status != 0:
                        continue
                    board = hello.unpack(answer.payload)
                    if board["nonce"] != nonce:
                        continue
                    require(board["version"] == self.protocol.version,
                            f"Firmware of {self.name} must speak protocol version {self.protocol.version}, "
                            f"not {board['version']}")
                    require(board["window"] >= 1 and board["max_payload"] >= 64,
                            f"Firmware of {self.name} must take requests, not {board['window']} at once of "
                            f"{board['max_payload']} bytes")
                    self.board, self._session, self._sequence = board, board["session"], 0
                    return board
        raise CodesignError(f"Firmware on {self.name} must answer within {within_s:g} s: is it running, and is the "
                            "baud rate right?")

    def request(self, op: str, *, limit_s: float = LIMIT_S, **values: Any) -> dict[str, Any]:
        """Ask, and return the fields of the answer. Raises :class:`BoardError` where the board refuses."""
        answer, = self.stream(op, [values], limit_s=limit_s)
        return answer

    def stream(self, op: str, requests: Iterable[dict[str, Any]], *,
               limit_s: float = LIMIT_S) -> list[dict[str, Any]]:
        """Answers to all of ``requests``, in their order, as many under way as the board takes. Raises
        :class:`CodesignError` where one is not answered within ``limit_s``."""
        return list(self._stream(op, requests, limit_s))

    def _stream(self, op: str, requests: Iterable[dict[str, Any]], limit_s: float) -> Iterator[dict[str, Any]]:
        kind, left, pending = self.protocol.ops[op], iter(requests), dict[int, _Pending]()
        found: dict[int, dict[str, Any]] = {}
        count = given = 0
        more = True
        window = min(self.protocol.window, self.board["window"])
        answer_bytes = self.protocol.max_frame if any(k in OPEN for k, _ in kind.answer) else SHORT_ANSWER_BYTES
        while more or pending:
            # The board remembers as many numbers as the window has, up to the highest it has seen.
            while more and (not pending or self._sequence - next(iter(pending.values())).number < window - 1):
                values = next(left, None)
                if values is None:
                    more = False
                    break
                self._sequence += 1
                sequence = self._sequence % SEQUENCES
                frame = encode_frame(kind.code, self._session, sequence, kind.pack(**values))
                self._send(frame)
                now = self.now()
                under_way = sum(len(p.frame) for p in pending.values()) + len(frame)
                patience_s = PATIENCE_S + self._byte_s * (under_way + answer_bytes * (len(pending) + 1))
                pending[sequence] = _Pending(count, self._sequence, op, frame, now + patience_s, now + limit_s,
                                             patience_s)
                count += 1
            if not pending:
                continue
            wait_s = max(0.001, min(p.due for p in pending.values()) - self.now())
            for answer in self._receive(min(wait_s, 0.5)):
                request = pending.get(answer.sequence)
                if answer.session != self._session or request is None or answer.op != kind.code | ANSWER:
                    self.traffic.strangers += 1
                    continue
                self._check(op, answer)
                del pending[answer.sequence]
                found[request.index] = kind.unpack(answer.payload)
            self._repeat(pending, limit_s)
            while given in found:
                yield found.pop(given)
                given += 1

    def _repeat(self, pending: dict[int, _Pending], limit_s: float) -> None:
        """Send again what has waited too long."""
        now = self.now()
        for request in pending.values():
            if request.due <= now:
                require(now < request.end, f"{self.name} must answer {request.op} within {limit_s:g} s: is it still "
                                           "there?")
                request.patience_s = min(1.5 * request.patience_s, LONGEST_PATIENCE_S)
                request.due = now + request.patience_s
                self.traffic.repeated += 1
                self._send(request.frame)

    def _check(self, op: str, answer: Answer) -> None:
        if answer.status:
            status = self.protocol.status_name(answer.status)
            text = self.protocol.statuses.get(status, (0, "of a newer firmware"))[1]
            raise BoardError(f"{self.name} must do {op}, not answer {status}: {text}", status)

    def _send(self, data: bytes) -> None:
        try:
            self.port.write(data)
        except OSError as e:
            raise CodesignError(f"{self.name} must stay connected: {e.strerror or e}") from None
        self.traffic.bytes_sent += len(data)

    def _receive(self, wait_s: float) -> list[Answer]:
        """Answers that have come, after up to ``wait_s`` without any."""
        end, answers = self.now() + wait_s, list[Answer]()
        while True:
            try:
                data = self.port.read(max(1, self.port.in_waiting))
            except OSError as e:
                raise CodesignError(f"{self.name} must stay connected: {e.strerror or e}") from None
            self.traffic.bytes_received += len(data)
            self._received += data
            *frames, rest = self._received.split(b"\0")
            self._received = bytearray(rest[-2 * self.protocol.max_frame:])
            for coded in filter(None, frames):
                answer = decode_frame(bytes(coded))
                if answer is None:
                    self.traffic.damaged += 1
                elif answer.op & ANSWER:
                    answers.append(answer)
            if answers or self.now() >= end:
                return answers
