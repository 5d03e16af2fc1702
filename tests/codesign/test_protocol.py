import subprocess
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.errors import CodesignError
from codesign.protocol import ANSWER, c_header, decode_frame, encode_frame, protocol, stuff, unstuff
from codesign.registers import COUNTERS

DATA = st.binary(max_size=600) | st.integers(0, 1000).map(bytes) | st.integers(0, 1000).map(lambda n: b"\1" * n)


@given(DATA)
def test_stuffing_leaves_no_zero_and_loses_nothing(data):
    coded = stuff(data)
    assert 0 not in coded and len(coded) <= len(data) + len(data) // 254 + 1
    assert unstuff(coded) == data


@pytest.mark.parametrize("data, coded", [  # the examples of the algorithm's description
    (b"", "01"), (b"\0", "0101"), (b"\0\0", "010101"), (b"\x11\x22\0\x33", "0311220233"),
    (b"\x11\x22\x33\x44", "0511223344"), (b"\x11\0\0\0", "0211010101"),
    (bytes(range(1, 255)), "ff" + bytes(range(1, 255)).hex()),
    (bytes(range(0, 255)), "01ff" + bytes(range(1, 255)).hex()),
    (bytes(range(1, 256)), "ff" + bytes(range(1, 255)).hex() + "02ff")])
def test_known_codes(data, coded):
    assert stuff(data).hex() == coded


@given(st.binary(max_size=50))
def test_any_bytes_can_be_tried(data):
    decode_frame(data)


@given(st.integers(0, 127), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), DATA, st.data())
def test_frames(op, session, sequence, payload, data):
    frame = encode_frame(op | ANSWER, session, sequence, payload, status=3)
    assert frame.endswith(b"\0") and frame.count(0) == 1
    answer = decode_frame(frame[:-1])
    assert (answer.op, answer.status, answer.session, answer.sequence, answer.payload) == (
        op | ANSWER, 3, session, sequence, payload)
    at = data.draw(st.integers(0, len(frame) - 2))
    damaged = bytearray(frame[:-1])
    damaged[at] ^= data.draw(st.integers(1, 255))
    assert decode_frame(bytes(damaged)) is None


def test_the_file_is_consistent():
    p = protocol()
    codes = [op.code for op in p.ops.values()]
    assert sorted(set(codes)) == sorted(codes) and all(0 < code < ANSWER for code in codes)
    assert sorted(code for code, _ in p.statuses.values()) == list(range(len(p.statuses)))
    assert p.statuses["okay"][0] == 0 and p.status_name(0) == "okay" and p.status_name(99) == "99"
    assert p.max_frame == len(encode_frame(1, 1, 1, b"\1" * p.max_payload)) or p.max_frame > p.max_payload


def test_payloads():
    run = protocol().ops["run"]
    assert run.pack(timeout_ms=500) == b"\xf4\1\0\0"
    counters = b"".join((i << 33).to_bytes(8, "little") for i in range(len(COUNTERS)))
    answer = run.unpack(b"\1\0\0\0\2\0\0\0" + (7).to_bytes(8, "little") + counters)
    assert (answer["error"], answer["trace_entries"], answer["ticks"]) == (1, 2, 7)
    assert answer["counters"] == {name: i << 33 for i, name in enumerate(COUNTERS)}
    with pytest.raises(CodesignError, match="Board's answer to run must have 112 bytes, not 3"):
        run.unpack(b"abc")
    with pytest.raises(CodesignError, match="answer to trace must have whole words, not 3 bytes"):
        protocol().ops["trace"].unpack(b"abc")


def test_c_header_compiles(tmp_path):
    (tmp_path / "protocol.h").write_text(c_header())
    p = protocol()
    checks = {"CODESIGN_OP_RUN": p.ops["run"].code, "CODESIGN_RUN_ANSWER_COUNTERS": 16,
              "CODESIGN_RUN_ANSWER_BYTES": 112,
              "CODESIGN_STATUS_TIMEOUT": p.statuses["timeout"][0], "CODESIGN_MAX_FRAME": p.max_frame,
              "CODESIGN_CAP_RESET": 2}
    (tmp_path / "check.c").write_text('#include "protocol.h"\n#include "protocol.h"\n' + "".join(
        f"_Static_assert({name} == {value}u, \"{name}\");\n" for name, value in checks.items()))
    result = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "check.c"],
                            cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_crc_is_the_common_one():
    assert zlib.crc32(b"123456789") == 0xCBF43926
