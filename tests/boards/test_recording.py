"""Sessions recorded at the host's board, and replayed without it."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from codesign.accelerator import PRESETS
from codesign.boards.devices import open_device
from codesign.boards.host_board import HostBoard
from codesign.boards.link import Link
from codesign.boards.port import open_port
from codesign.boards.recording import Recording, read_session
from codesign.boards.replay import Replay
from codesign.boards.serial_device import SerialDevice
from codesign.compiler import compile_network
from codesign.errors import CodesignError
from codesign.network import Network
from codesign.protocol import protocol
from codesign.random_weights import random_network
from tests.boards.noise import Noise

TINY = PRESETS["tiny"]
NETWORK = random_network(Network.from_dict({"name": "small", "input": [1, 8, 8], "layers": [
    {"conv": 8}, "pool", {"conv": 8}, "average", {"linear": 10}]}).graph(), 0)
PROGRAM = compile_network(NETWORK, TINY)
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8)).astype(np.uint8)


@pytest.fixture(scope="module")
def board():
    with HostBoard(TINY, memory_bytes=1 << 20) as board:
        yield board


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A session's file, and what the device reported."""
    path = tmp_path_factory.mktemp("recorded") / "session.jsonl"
    with open_device("host", TINY, record=path) as device:
        return path, device.run(PROGRAM, IMAGES)


def same(a, b):
    np.testing.assert_array_equal(a.logits, b.logits)
    assert (a.cycles, a.counters, a.layers) == (b.cycles, b.counters, b.layers) and a.cycles


def replay(path, images=IMAGES, program=PROGRAM, config=TINY):
    with open_device("replay", config, port=str(path)) as device:
        assert device.method == "simulated" and device.link.board["board"] == "host"
        return device.run(program, images)


def test_a_replay_is_the_session_again(recorded):
    path, result = recorded
    for _ in range(2):
        same(replay(path), result)
    header, rows = read_session(path)
    assert header["accelerator"] == "tiny" and header["digest"] == TINY.digest()
    times = [at_s for at_s, _, _ in rows]
    assert times == sorted(times) and {sender for _, sender, _ in rows} == {"host", "board"}
    assert [p.name for p in path.parent.iterdir()] == ["session.jsonl"]


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_leaves_no_trace(board, tmp_path, seed):
    """Noise on the recorder's side of the line or beyond it: a replay repeats nothing."""
    path, rng = tmp_path / "noisy.jsonl", np.random.default_rng(seed)
    images = rng.integers(0, 256, (15, 1, 8, 8)).astype(np.uint8)
    with open_port(board.port, 4_000_000) as port, Recording(Noise(port, rng, rate=0.03), path) as recording:
        link = Link(Noise(recording, rng, rate=0.03) if seed else recording, hello_s=30)
        result = SerialDevice(link, TINY).run(PROGRAM, images)
        assert link.traffic.repeated > 0
    again = Link(Replay(path))
    same(SerialDevice(again, TINY).run(PROGRAM, images), result)
    assert again.traffic.repeated == again.traffic.damaged == again.traffic.strangers == 0


def test_sessions_one_after_another(board, tmp_path):
    path = tmp_path / "three.jsonl"

    def run(port):
        return [SerialDevice(Link(port), TINY).run(PROGRAM, IMAGES[i:i + 1]) for i in range(3)]
    with open_port(board.port, 4_000_000) as port, Recording(port, path) as recording:
        expected = run(recording)
    port = Replay(path)
    for a, b in zip(run(port), expected, strict=True):
        same(a, b)
    # Each device says hello, and each run.
    with pytest.raises(CodesignError, match=r"three.jsonl' must hold 7 HELLO with an answer, not 6: record it again$"):
        Link(port)


def test_other_requests_are_refused(recorded):
    path, _ = recorded
    with pytest.raises(CodesignError, match=r"jsonl' must be asked what was recorded, as request \d+ write with "
                                            r"\d+ bytes of CRC-32 \w+, not write with \d+ bytes of CRC-32 \w+: re"):
        replay(path, 255 - IMAGES)
    with pytest.raises(CodesignError, match=r"must be asked what was recorded, as request \d+ write .*, not write"):
        replay(path, program=compile_network(random_network(NETWORK.graph, 1), TINY))
    with pytest.raises(CodesignError, match=r"must hold request \d+, write with .*, not end before it: record"):
        replay(path, np.concatenate([IMAGES, IMAGES]))


def test_another_accelerator(recorded):
    other = PRESETS["ulx3s"]
    with pytest.raises(CodesignError, match=f"Accelerator on .*session.jsonl must have digest {other.digest()[:16]} "
                                            f".*, not {TINY.digest()[:16]}$"):
        replay(recorded[0], config=other)


def test_a_refused_request_is_refused_again(board, tmp_path):
    path, messages = tmp_path / "refused.jsonl", []

    def refused(port):
        with pytest.raises(CodesignError, match="answer out_of_range") as found:
            Link(port).request("read", offset=0, length=protocol().max_payload + 1)
        messages.append(str(found.value))
    with open_port(board.port, 4_000_000) as port, Recording(port, path) as recording:
        refused(recording)
    refused(Replay(path))
    assert messages[0] == messages[1]


def test_a_session_without_an_end(recorded, tmp_path):
    """Cut anywhere, a file is read up to its last whole line, and what is missing is told."""
    text = recorded[0].read_text()
    path = tmp_path / "cut.jsonl"
    whole = [end for end, c in enumerate(text, 1) if c == "\n"]
    for end in (*range(whole[0], len(text), len(text) // 40), len(text) - 1):
        path.write_text(text[:end])
        assert len(read_session(path)[1]) == sum(e <= end for e in whole) - 1
        with pytest.raises(CodesignError, match=r"cut.jsonl' must hold .*: record it again$"):
            replay(path)


def test_sequence_numbers_that_begin_anew(board, tmp_path):
    path = tmp_path / "long.jsonl"

    def ask(port):
        link = Link(port)
        for i in range(4200):
            data = i.to_bytes(2)
            assert link.request("echo", data=data)["data"] == data
            link._sequence += 15  # a board takes numbers up to 16 ahead
        assert link._sequence > 65_536
    with open_port(board.port, 4_000_000) as port, Recording(port, path) as recording:
        ask(recording)
    ask(Replay(path))


def test_a_killed_recorder_leaves_what_went_over_the_line(board, tmp_path):
    path = tmp_path / "killed.jsonl"
    code = (f"from codesign.boards.link import Link\nfrom codesign.boards.port import open_port\n"
            f"from codesign.boards.recording import Recording\n"
            f"link = Link(Recording(open_port({board.port!r}, 4_000_000), {str(path)!r}))\n"
            "for i in range(20): link.request('echo', data=bytes([i]))\nprint('ready', flush=True)\n"
            "while True: link.request('echo', data=b'more')\n")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
    assert not path.exists()
    link = Link(Replay(tmp_path / "killed.jsonl.part"))
    assert [link.request("echo", data=bytes([i]))["data"] for i in range(20)] == [bytes([i]) for i in range(20)]


@pytest.mark.parametrize("text, rule", [
    ("", "a header and lines of"), ("{}\n", "must have format 1"), ('{"format": 2}\n', "must have format 1"),
    ("[1]\n", "must have format 1"), ('{"format": 1}\n[0, "host"]\n', "a header and lines of"),
    ('{"format": 1}\n[0, "host", "?"]\n', "a header and lines of"), ("{\n", "a header and lines of"),
    ('{"format": 1}\n[0, "cat", ""]\n', "must be host or board, not 'cat'"), ("\xe4\n", "must be readable")])
def test_what_is_no_session(tmp_path, text, rule):
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CodesignError, match=rule) as refused:
        Replay(path)
    assert "\n" not in str(refused.value)


def test_files_that_cannot_be(tmp_path):
    with pytest.raises(CodesignError, match=r"none.jsonl' must be readable: No such file"):
        Replay(tmp_path / "none.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(CodesignError, match=r"session.jsonl' must be writable: "):
        Recording(None, tmp_path / "file" / "session.jsonl")
    with pytest.raises(CodesignError, match="Device must be host or virtual .* to be recorded, not verilator"):
        with open_device("verilator", TINY, record=tmp_path / "x.jsonl"):
            pass
    with pytest.raises(CodesignError, match="Device replay must have a session's file"):
        with open_device("replay", TINY):
            pass


def test_the_file_is_lines_of_text(recorded):
    lines = recorded[0].read_text().splitlines()
    assert json.loads(lines[0])["format"] == 1 and len(lines) > 20
    assert all(len(json.loads(line)) == 3 for line in lines[1:])
