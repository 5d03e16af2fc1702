"""The protocol between a host and a board's firmware: ``firmware/protocol.yaml``, read and packed, and as C.

Frames are COBS-coded (Cheshire and Baker, Consistent Overhead Byte Stuffing, IEEE/ACM ToN 7(2), 1999) with the CRC-32
of IEEE 802.3.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import yaml

from .errors import require
from .registers import COUNTERS

__all__ = ["Answer", "Op", "Protocol", "c_header", "decode_frame", "encode_frame", "protocol", "unstuff", "stuff"]

TEXT_BYTES = 16
HEADER = struct.Struct("<BBHH")  # op, status (0 of a request), session, sequence number
CRC = struct.Struct("<I")
ANSWER = 0x80  # set in the op of an answer
NUMBERS = {"u8": "B", "u16": "H", "u32": "I", "i32": "i", "u64": "Q"}
SIZES = {**{kind: struct.calcsize(f"<{code}") for kind, code in NUMBERS.items()}, "text16": TEXT_BYTES,
         "counters": 8 * len(COUNTERS)}
OPEN = ("bytes", "words")  # kinds that take what is left of a payload


@dataclass(frozen=True, kw_only=True)
class Op:
    """A request and its answer: (kind, name) of every field. ``changes``: it is carried out once, see the file."""

    name: str
    code: int
    request: tuple[tuple[str, str], ...]
    answer: tuple[tuple[str, str], ...]
    changes: bool
    doc: str

    def pack(self, **values: Any) -> bytes:
        """The payload of a request."""
        return _pack(self.request, values)

    def unpack(self, payload: bytes) -> dict[str, Any]:
        """The fields of an answer's payload. Raises :class:`CodesignError` where it has another length."""
        return _unpack(self.name, self.answer, payload)


@dataclass(frozen=True)
class Protocol:
    """``protocol.yaml``. statuses, capabilities : name -> (code or bit, text)"""

    version: int
    max_payload: int
    max_wait_ms: int
    window: int
    ops: Mapping[str, Op]
    statuses: Mapping[str, tuple[int, str]]
    capabilities: Mapping[str, tuple[int, str]]

    def status_name(self, code: int) -> str:
        """The name of a status, or its number where there is none."""
        return next((name for name, (value, _) in self.statuses.items() if value == code), str(code))

    @property
    def max_frame(self) -> int:
        """Bytes of the longest frame as it goes over the line, its zero included."""
        coded = HEADER.size + self.max_payload + CRC.size
        return coded + coded // 254 + 2


@cache
def protocol() -> Protocol:
    """The protocol that this version speaks."""
    values = yaml.safe_load(resources.files("codesign.firmware").joinpath("protocol.yaml").read_text())
    ops = {name: Op(name=name, code=op["code"], request=tuple(map(tuple, op["request"])),
                    answer=tuple(map(tuple, op["answer"])), changes=op.get("changes", False),
                    doc=" ".join(op["doc"].split())) for name, op in values["ops"].items()}
    return Protocol(values["version"], values["max_payload"], values["max_wait_ms"], values["window"], ops,
                    {name: (s["code"], s["text"]) for name, s in values["statuses"].items()},
                    {name: (c["bit"], c["text"]) for name, c in values["capabilities"].items()})


def _pack(fields: tuple[tuple[str, str], ...], values: Mapping[str, Any]) -> bytes:
    made = b""
    for kind, name in fields:
        made += bytes(values[name]) if kind in OPEN else struct.pack(f"<{NUMBERS[kind]}", values[name])
    return made


def _unpack(op: str, fields: tuple[tuple[str, str], ...], payload: bytes) -> dict[str, Any]:
    fixed = sum(SIZES.get(kind, 0) for kind, _ in fields)
    is_open = any(kind in OPEN for kind, _ in fields)
    require(len(payload) == fixed or is_open and len(payload) >= fixed,
            f"Board's answer to {op} must have {fixed} bytes{' or more' if is_open else ''}, not {len(payload)}")
    found: dict[str, Any] = {}
    for kind, name in fields:
        size = SIZES.get(kind, len(payload))
        part, payload = payload[:size], payload[size:]
        if kind in NUMBERS:
            found[name], = struct.unpack(f"<{NUMBERS[kind]}", part)
        elif kind == "text16":
            found[name] = part.split(b"\0")[0].decode("ascii", "replace")
        elif kind == "counters":
            found[name] = dict(zip(COUNTERS, struct.unpack(f"<{len(COUNTERS)}Q", part), strict=True))
        elif kind == "words":
            require(len(part) % 4 == 0, f"Board's answer to {op} must have whole words, not {len(part)} bytes")
            found[name] = struct.unpack(f"<{len(part) // 4}I", part)
        else:
            found[name] = part
    return found


def stuff(data: bytes) -> bytes:
    """``data`` in COBS, without the zero that ends it."""
    made = bytearray()
    blocks = data.split(b"\0")
    for index, block in enumerate(blocks):
        at = 0
        while len(block) - at >= 254:
            made += b"\xff" + block[at:at + 254]
            at += 254
        if at < len(block) or at == 0 or index < len(blocks) - 1:
            made += bytes([len(block) - at + 1]) + block[at:]
    return bytes(made)


def unstuff(coded: bytes) -> bytes | None:
    """What ``coded`` stands for; None where it is no COBS."""
    made, at = bytearray(), 0
    while at < len(coded):
        count = coded[at]
        if count == 0 or at + count > len(coded):
            return None
        made += coded[at + 1:at + count]
        at += count
        if count < 255 and at < len(coded):
            made.append(0)
    return bytes(made)


@dataclass(frozen=True)
class Answer:
    """A frame from the board."""

    op: int
    status: int
    session: int
    sequence: int
    payload: bytes


def encode_frame(op: int, session: int, sequence: int, payload: bytes, status: int = 0) -> bytes:
    """A frame as it goes over the line."""
    plain = HEADER.pack(op, status, session, sequence) + payload
    return stuff(plain + CRC.pack(zlib.crc32(plain))) + b"\0"


def decode_frame(coded: bytes) -> Answer | None:
    """The frame in ``coded`` (without its zero); None where it is damaged."""
    plain = unstuff(coded)
    if plain is None or len(plain) < HEADER.size + CRC.size:
        return None
    plain, crc = plain[:-CRC.size], plain[-CRC.size:]
    if CRC.pack(zlib.crc32(plain)) != crc:
        return None
    op, status, session, sequence = HEADER.unpack_from(plain)
    return Answer(op, status, session, sequence, plain[HEADER.size:])


def c_header(max_payload: int | None = None, window: int | None = None) -> str:
    """The protocol as C preprocessor definitions.

    max_payload, window : of a board that has room for less than the protocol's
    """
    p = protocol()
    p = replace(p, max_payload=max_payload or p.max_payload, window=window or p.window)
    lines = ["/* Protocol between host and firmware. Printed by codesign.protocol: do not edit. */",
             "#ifndef CODESIGN_PROTOCOL_H", "#define CODESIGN_PROTOCOL_H", "",
             f"#define CODESIGN_PROTOCOL_VERSION {p.version}u", f"#define CODESIGN_MAX_PAYLOAD {p.max_payload}u",
             f"#define CODESIGN_MAX_WAIT_MS {p.max_wait_ms}u",
             f"#define CODESIGN_WINDOW {p.window}u", f"#define CODESIGN_HEADER_BYTES {HEADER.size}u",
             f"#define CODESIGN_CRC_BYTES {CRC.size}u", f"#define CODESIGN_MAX_FRAME {p.max_frame}u",
             f"#define CODESIGN_TEXT_BYTES {TEXT_BYTES}u", f"#define CODESIGN_ANSWER 0x{ANSWER:02X}u",
             f"#define CODESIGN_COUNTERS {len(COUNTERS)}u", ""]
    for op in p.ops.values():
        for direction, fields in (("REQUEST", op.request), ("ANSWER", op.answer)):
            at = 0
            for kind, name in fields:
                lines.append(f"#define CODESIGN_{op.name.upper()}_{direction}_{name.upper()} {at}u /* {kind} */")
                at += SIZES.get(kind, 0)
            lines.append(f"#define CODESIGN_{op.name.upper()}_{direction}_BYTES {at}u")
        lines += [f"#define CODESIGN_OP_{op.name.upper()} {op.code}u /* {op.doc} */", ""]
    lines += [f"#define CODESIGN_STATUS_{name.upper()} {code}u /* {text} */"
              for name, (code, text) in p.statuses.items()]
    lines += [f"#define CODESIGN_CAP_{name.upper()} {1 << bit}u /* {text} */"
              for name, (bit, text) in p.capabilities.items()]
    return "\n".join([*lines, "", "#endif", ""])

