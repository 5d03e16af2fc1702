"""The firmware's link and commands, one frame at a time."""

from itertools import product

import pytest

from codesign.accelerator import PRESETS
from codesign.protocol import NUMBERS, SIZES, decode_frame, encode_frame, protocol
from codesign.registers import bus_word, register
from tests.firmware.simulated_line import MEMORY_BYTES, Firmware

OPS, STATUSES = protocol().ops, protocol().statuses
JOB = dict(program_offset=0, program_beats=8, output_offset=0x8000, output_beats=2, watchdog_cycles=1000)


class Host:
    """Asks the firmware, and keeps nothing back."""

    def __init__(self, library):
        self.board = Firmware(library, {register("BUS").offset: bus_word(PRESETS["tiny"])})
        self.sequence = 0
        self.session = self.hello(1)

    def hello(self, nonce: int) -> int:
        payload = OPS["hello"].pack(version=protocol().version, nonce=nonce)
        return OPS["hello"].unpack(self.frame("hello", 0, payload, session=0).payload)["session"]

    def frame(self, op: str, sequence: int, payload: bytes, session: int | None = None):
        """The answer, None where there is none."""
        session = self.session if session is None else session
        answers = self.board.take(encode_frame(OPS[op].code, session, sequence, payload)).split(b"\0")[:-1]
        assert len(answers) <= 1
        return decode_frame(answers[0]) if answers else None

    def ask(self, op: str, again: bool = False, **values):
        """(status, answer's fields or None)."""
        self.sequence += not again
        answer = self.frame(op, self.sequence % 65_536, OPS[op].pack(**values))
        if answer is None:
            return None
        status = protocol().status_name(answer.status)
        return status, None if answer.status else OPS[op].unpack(answer.payload)

    def statistics(self) -> dict[str, int]:
        return self.ask("statistics")[1]


@pytest.fixture
def host(library):
    return Host(library)


def test_a_change_is_made_once(host):
    assert host.ask("write", offset=0, data=b"one")[0] == "okay"
    assert host.ask("write", again=True, offset=0, data=b"two")[0] == "okay"
    assert host.board.memory()[:3] == b"one" and host.statistics()["repeated"] == 1
    assert host.ask("write", offset=MEMORY_BYTES, data=b"1")[0] == "out_of_memory"
    assert host.ask("write", again=True, offset=0, data=b"two")[0] == "out_of_memory"
    assert host.board.memory()[:3] == b"one"


def test_what_only_reads_is_answered_from_what_is_there(host):
    assert host.ask("read", offset=0, length=1)[1]["data"] == b"\0"
    earlier = host.sequence
    host.ask("write", offset=0, data=b"1")
    answer = host.frame("read", earlier, OPS["read"].pack(offset=0, length=1))
    assert answer.payload == b"1"


def test_the_answer_of_a_run_is_kept(host):
    host.ask("configure", **JOB)
    first = host.ask("run", timeout_ms=1000)
    earlier = host.sequence
    assert host.ask("run", again=True, timeout_ms=1000) == first and first[1]["counters"]["cycles"] >> 32 == 1
    second = host.ask("run", timeout_ms=1000)
    assert second[1]["counters"]["cycles"] >> 32 == 2
    # One run's is: whoever asks for another has had the first one's.
    assert host.frame("run", earlier, OPS["run"].pack(timeout_ms=1000)) is None
    assert host.ask("run", again=True, timeout_ms=1000) == second


def test_one_number_for_two_requests(host):
    """A run's answer is no write's."""
    host.ask("configure", **JOB)
    host.ask("run", timeout_ms=1000)
    assert host.ask("write", again=True, offset=0, data=b"1") is None
    assert host.ask("reset", again=True) is None
    assert host.board.memory()[0] == 0 and host.statistics()["stale"] == 2


def test_numbers_outside_the_window(host):
    host.sequence = 15
    assert host.ask("write", offset=0, data=b"1")[0] == "okay"
    payload = OPS["write"].pack(offset=0, data=b"2")
    for sequence in (33, 40, 40_000):
        assert host.frame("write", sequence, payload) is None  # too far ahead
    assert host.frame("write", 32, OPS["write"].pack(offset=8, data=b"1")).status == 0
    assert host.frame("write", 16, payload) is None  # 16 is forgotten
    assert host.frame("write", 17, OPS["write"].pack(offset=9, data=b"1")).status == 0  # only late
    assert host.board.memory()[:10] == b"1" + bytes(7) + b"11"


def test_numbers_begin_anew(host):
    for _ in range(65_536 // 16):
        host.sequence += 15
        assert host.ask("write", offset=0, data=b"1")[0] == "okay"
    for value in range(40):
        assert host.ask("write", offset=0, data=bytes([value]))[0] == "okay"
        assert host.ask("write", again=True, offset=0, data=b"x")[0] == "okay"
        assert host.board.memory()[0] == value
    assert host.sequence > 65_536 + 32


def test_sessions_are_told_apart(host):
    """An old hello ends the session, and the newer host's own hello, once more, begins it anew: with another number,
    so that what is late of before is refused."""
    assert host.hello(1) == host.session  # repeated
    write = OPS["write"].pack(offset=0, data=b"1")
    assert host.frame("write", 1, write).status == 0
    seen = [host.session, *(host.hello(nonce) for nonce in (2, 1, 2, 1))]
    assert len(set(seen)) == 5 and 0 not in seen
    for session in seen[:-1]:
        assert host.frame("write", 1, OPS["write"].pack(offset=0, data=b"2"), session=session).status == \
            STATUSES["no_session"][0]
    assert host.board.memory()[0:1] == b"1"


def test_a_run_that_takes_too_long_is_not_written_over(host):
    """It may still write its results: the next job must wait for its end, or reset the board."""
    host.ask("configure", **JOB)
    host.board.library.let_runs_take(10_000)
    assert host.ask("run", timeout_ms=100)[0] == "timeout"
    assert host.ask("configure", **JOB)[0] == "owing"
    assert host.ask("run", timeout_ms=100)[0] == "owing"
    assert host.ask("power", run_ms=0, samples=1)[0] == "no_power"
    host.ask("reset")
    assert host.ask("configure", **JOB)[0] == "okay"


def test_a_run_that_takes_too_long_is_awaited(host):
    """As often as it takes; once its end was seen there is none to await."""
    host.ask("configure", **JOB)
    host.board.library.let_runs_take(10_000)
    assert host.ask("finish", timeout_ms=100)[0] == "idle"
    assert host.ask("run", timeout_ms=100)[0] == "timeout"
    assert host.ask("finish", timeout_ms=100)[0] == "timeout"
    assert host.ask("finish", again=True, timeout_ms=60_000)[0] == "timeout"  # the same request: the same answer
    status, answer = host.ask("finish", timeout_ms=60_000)
    assert status == "okay" and answer["counters"]["cycles"] >> 32 == 1 and answer["ticks"] >= 10_000
    assert host.ask("finish", again=True, timeout_ms=0) == (status, answer)
    assert host.ask("finish", timeout_ms=100)[0] == "idle"
    assert host.statistics()["runs"] == 1


@pytest.mark.parametrize("op", ["run", "finish"])
def test_nobody_waits_for_ever(host, op):
    host.ask("configure", **JOB)
    assert host.ask(op, timeout_ms=60_001)[0] == host.ask(op, timeout_ms=2**32 - 1)[0] == "out_of_range"
    assert host.ask(op, timeout_ms=60_000)[0] == ("okay" if op == "run" else "idle")


@pytest.mark.parametrize("change", ["configure", "reset"])
def test_a_run_whose_end_nobody_saw_is_nobodys(host, change):
    host.ask("configure", **JOB)
    host.board.library.let_runs_take(500)
    assert host.ask("run", timeout_ms=100)[0] == "timeout"
    while host.ask("configure", **JOB)[0] == "owing":
        pass
    if change == "reset":
        host.ask("reset")
    assert host.ask("finish", timeout_ms=100)[0] == "idle"


@pytest.mark.parametrize("run_ms", [50, 200, 1000])
def test_power_is_sampled_whatever_a_run_takes(host, run_ms):
    """A tick of the tests' board is 1 ms, and a window here at least 100 of them: in all windows together every tick
    of a run counts once, and a run that goes on from one to the next is the same one."""
    host.board.library.give_sensors(1)
    host.ask("configure", **JOB)
    host.board.library.let_runs_take(run_ms)
    windows = []
    for _ in range(6):
        status, answer = host.ask("power", run_ms=100, samples=4)
        assert status == "okay" and answer["error"] == 0
        assert len(answer["samples"]) in [n * 11 * 18 for n in (1, 2, 3, 4)]  # fewer where it is late
        windows.append(answer)
        # It is not idle, but if the last run ended just with the last sample.
        assert host.ask("power", run_ms=0, samples=1)[0] == "owing" or run_ms == 50
    for w in windows:
        busy = w["busy_ticks"] + w["part_ticks"]
        assert 80 <= w["ticks"] < 1100 and 0.3 * w["ticks"] < busy <= w["ticks"]
        assert w["busy_ticks"] >= run_ms * w["runs"]
    if run_ms == 1000:
        assert sum(w["runs"] for w in windows) == 0 and windows[0]["part_ticks"] == windows[0]["ticks"]
    assert sum(w["runs"] for w in windows) > 6 or run_ms > 50
    status, answer = host.ask("finish", timeout_ms=60_000)
    if run_ms > 50:
        ended = answer["counters"]["cycles"] >> 32
        whole = sum(w["runs"] for w in windows)
        assert status == "okay" and whole <= ended <= whole + 2 * len(windows)
    assert host.ask("power", run_ms=0, samples=1)[0] == "okay"


EDGES = (0, 1, 8, 64, MEMORY_BYTES // 2, MEMORY_BYTES - 8, MEMORY_BYTES - 1, MEMORY_BYTES, MEMORY_BYTES + 1, 1 << 31,
         (1 << 32) - 64, (1 << 32) - 1)


@pytest.mark.parametrize("op", [op for op in OPS if op != "hello"])
def test_every_command_keeps_to_the_memory(host, op):
    """All edges of all its numbers: no other byte changes, what is read is from it, and DMA is told of nothing else
    (the tests' accelerator would end the process)."""
    kinds = {name: kind for kind, name in OPS[op].request}
    edges = EDGES if len(kinds) < 4 else EDGES[::2]
    data = bytes(range(1, 65)) * 32
    values = [[v for v in edges if v < 1 << 8 * SIZES[kind]] if kind in NUMBERS else
              [data[:count] for count in (0, 1, 8, 64, 2044)] for kind in kinds.values()]
    statuses = set()
    for chosen in product(*values):
        request = dict(zip(kinds, chosen, strict=True))
        before = host.board.memory()
        status, answer = host.ask(op, **request)
        after = host.board.memory()
        statuses.add(status)
        if op == "configure" and status == "okay":
            assert host.ask("run", timeout_ms=1000)[0] == "okay"
            at, end = request["output_offset"], request["output_offset"] + 8 * request["output_beats"]
            ran = host.board.memory()
            assert ran[:at] == after[:at] and ran[end:] == after[end:] and end <= MEMORY_BYTES
        if op == "write" and status == "okay":
            at = request["offset"]
            before = before[:at] + request["data"] + before[at + len(request["data"]):]
        if op == "read" and status == "okay":
            assert answer["data"] == before[request["offset"]:][:request["length"]]
            assert len(answer["data"]) == request["length"]
        assert after == before
        assert host.board.library.fake_guards_hold()
    others = {"rails": "no_power", "power": "no_power", "run": "not_configured", "finish": "idle"}
    assert others.get(op, "okay") in statuses
    assert op not in ("write", "read", "checksum") or "out_of_memory" in statuses


@pytest.mark.parametrize("op", [op for op in OPS if op != "hello"])
def test_payloads_of_other_lengths_are_refused(host, op):
    fixed = sum(SIZES.get(kind, 0) for kind, _ in OPS[op].request)
    is_open = any(kind not in SIZES for kind, _ in OPS[op].request)
    wrong = [*range(fixed), 2049, 2055] if is_open else [n for n in (*range(fixed + 3), 2048) if n != fixed]
    for count in wrong:
        host.sequence += 1
        answer = host.frame(op, host.sequence, bytes(count))
        assert answer.status == STATUSES["bad_length"][0] and not answer.payload


def test_other_requests_are_refused(host):
    known = {op.code for op in OPS.values()}
    for code in set(range(128)) - known:
        host.sequence += 1
        answer = decode_frame(host.board.take(encode_frame(code, host.session, host.sequence, b""))[:-1])
        assert answer.status == STATUSES["unknown_op"][0] and answer.op == code | 0x80
