"""A board that answers as another did when its session was recorded."""

import os
import zlib
from dataclasses import dataclass, field

from codesign.errors import CodesignError, require
from codesign.protocol import ANSWER, SIZES, Answer, decode_frame, encode_frame, protocol

from .link import SEQUENCES
from .recording import BOARD, HOST, read_session

__all__ = ["Replay"]


@dataclass
class _Session:
    """What the host asked, and the answers it took, by sequence numbers that go on."""

    number: int
    hello: Answer
    requests: dict[int, Answer] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    top: int = 0  # the highest so far

    def going_on(self, frame: Answer) -> int:
        """The frame's sequence number as if it did not begin anew: the one nearest to the highest so far."""
        ahead = (frame.sequence - self.top + SEQUENCES // 2) % SEQUENCES - SEQUENCES // 2
        number = self.top + ahead
        self.top = max(self.top, number)
        return number


def _nonce_at(frame: Answer) -> slice:
    """Where in a HELLO's or its answer's payload the host's random number is."""
    hello = protocol().ops["hello"]
    fields = hello.answer if frame.op & ANSWER else hello.request
    names = [name for _, name in fields]
    kinds = [kind for kind, _ in fields[:names.index("nonce") + 1]]
    end = sum(SIZES[kind] for kind in kinds)
    return slice(end - SIZES[kinds[-1]], end)


def _nonce(frame: Answer) -> bytes:
    return frame.payload[_nonce_at(frame)]


def _words(request: Answer) -> str:
    """A request in a few words."""
    name = next((op.name for op in protocol().ops.values() if op.code == request.op), str(request.op))
    return f"{name} with {len(request.payload)} bytes of CRC-32 {zlib.crc32(request.payload):08x}"


class _Frames:
    """Puts frames together from bytes; damaged ones are left out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Answer]:
        *coded, self._rest = (self._rest + data).split(b"\0")
        return [frame for frame in map(decode_frame, filter(None, coded)) if frame is not None]


class Replay:
    """A :class:`~codesign.boards.link.Port` that answers from the session in the file ``path``.

    Each request gets the answer that the host took then, at once: what the line lost, repeated or delayed when it was
    recorded is gone. Raises :class:`CodesignError` where a request is not the recorded one, or had no answer.
    """

    baudrate = 10**9  # nothing takes time on this line

    def __init__(self, path: str | os.PathLike):
        self.header, events = read_session(path)
        self._name, self._sessions = f"Session {str(path)!r}", _sessions(events)
        self._nonces, self._frames, self._left = list[bytes](), _Frames(), b""

    @property
    def in_waiting(self) -> int:
        return len(self._left)

    def read(self, size: int) -> bytes:
        data, self._left = self._left[:size], self._left[size:]
        return data

    def write(self, data: bytes) -> int:
        hello = protocol().ops["hello"]
        for request in self._frames.feed(data):
            found, payload = self._hello(request) if request.op == hello.code else self._answer(request)
            self._left += encode_frame(found.op, found.session, found.sequence, payload, found.status)
        return len(data)

    def _hello(self, request: Answer) -> tuple[Answer, bytes]:
        """The answer to the next HELLO, with this one's random number in it."""
        nonce = _nonce(request)
        if nonce not in self._nonces:  # a repeated one asks for the same session
            self._nonces.append(nonce)
        at = self._nonces.index(nonce)
        require(at < len(self._sessions), f"{self._name} must hold {at + 1} HELLO with an answer, not "
                                          f"{len(self._sessions)}: record it again")
        hello = self._sessions[at].hello
        where = _nonce_at(hello)
        return hello, hello.payload[:where.start] + request.payload[_nonce_at(request)] + hello.payload[where.stop:]

    def _answer(self, request: Answer) -> tuple[Answer, bytes]:
        session = next((s for s in reversed(self._sessions[:len(self._nonces)]) if s.number == request.session), None)
        number = session.going_on(request) if session else request.sequence
        asked = session and session.requests.get(number)
        if session is None or asked is None:
            raise CodesignError(f"{self._name} must hold request {number}, {_words(request)}, not end before it: "
                                "record it again")
        require((asked.op, asked.payload) == (request.op, request.payload),
                f"{self._name} must be asked what was recorded, as request {number} {_words(asked)}, not "
                f"{_words(request)}: record it again, or replay it with what it was recorded with")
        answer = session.answers.get(number)
        if answer is None:
            raise CodesignError(f"{self._name} must hold an answer to request {number}, {_words(request)}, not end "
                                "before it: record it again")
        return answer, answer.payload


def _sessions(events: list[tuple[float, str, bytes]]) -> list[_Session]:
    """What the host asked and took, session by session."""
    hello, found = protocol().ops["hello"], dict[bytes, _Session]()  # by the HELLO's nonce
    frames, nonce = {HOST: _Frames(), BOARD: _Frames()}, None
    for _, sender, data in events:
        require(sender in frames, f"Sender in a session must be {HOST} or {BOARD}, not {sender!r}")
        for frame in frames[sender].feed(data):
            session = next((s for s in reversed(found.values()) if s.number == frame.session), None)
            if sender == HOST and frame.op == hello.code:
                nonce = _nonce(frame)
            elif frame.op == hello.code | ANSWER:
                if frame.status == 0 and nonce is not None and _nonce(frame) == nonce and nonce not in found:
                    found[nonce] = _Session(hello.unpack(frame.payload)["session"], frame)
            elif session is None:
                continue
            elif sender == HOST:
                session.requests.setdefault(session.going_on(frame), frame)
            else:
                number = session.going_on(frame)
                if number in session.requests and frame.op == session.requests[number].op | ANSWER:
                    session.answers.setdefault(number, frame)
    for session in found.values():
        session.top = 0  # for the replay's
    return list(found.values())
