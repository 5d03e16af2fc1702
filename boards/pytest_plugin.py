"""For pytest: the fixture ``device``, which runs models on the device that the command line names.

Loaded in every project of an environment that has codesign, so it imports nothing heavy until a test wants the
fixture, and its options begin with ``--codesign-``. Their short names (``--device``, ``--port``, ``--baud``,
``--record``) are there in projects whose pytest configuration has one of the keys ``codesign_``: others may mean
something else by them.
"""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from codesign.accelerator import AcceleratorConfig

    from .model_device import ModelDevice

SESSIONS = "sessions"  # the folder beside a test's file where its recorded sessions are


KEYS = {"device": "what the fixture `device` is where the command line does not say",
        "accelerator": "the accelerator: a YAML file, or a preset's name",
        "board": "the board: a YAML file, or a built-in one's name"}


def _hides_configuration(config: pytest.Config, port: str) -> bool:
    """Whether pytest took ``port``, a word of its own, for a place of tests, and looked for its configuration there: it
    does so before any plugin can say what the word is."""
    return config.inipath is None and config.rootpath == Path(port).absolute().parent != config.invocation_params.dir


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    group = parser.getgroup("codesign", "codesign: models on simulated accelerators and boards")
    config: Any = pluginmanager.get_plugin("pytestconfig")
    for key, text in KEYS.items():
        parser.addini(f"codesign_{key}", text, default="")
    words = list(map(str, config.invocation_params.args))
    after = dict(zip(words, words[1:], strict=False))
    short = (any(config.getini(f"codesign_{key}") for key in KEYS)
             or after.get("--device") == "serial" and _hides_configuration(config, after.get("--port", "")))

    def add(name: str, text: str, **more: Any) -> None:
        group.addoption(f"--codesign-{name}", dest=f"codesign_{name}", help=text, **more)
        if short:
            group.addoption(f"--{name}", dest=f"codesign_{name}", help=f"the same as --codesign-{name}", **more)
    add("device", "what the fixture `device` is: verilator (the RTL; the default), host (the board's firmware on this "
        "machine, before the RTL), virtual (the ZCU102's, in QEMU, likewise), serial:PORT (a board), replay (recorded "
        "sessions), reference", metavar="D")
    add("port", "the board's serial port", metavar="P")
    add("baud", "its rate", metavar="N", type=int, default=115_200)
    add("record", f"record each test's session with the device, in {SESSIONS}/ beside it, for replay",
        action="store_true")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "accelerator(name, *, board=None): the accelerator of the fixture `device`, "
                                       "instead of codesign_accelerator and codesign_board")
    port = config.getoption("codesign_port")
    if port and _hides_configuration(config, port):
        raise pytest.UsageError(f"Port must be given as --port={port} or --device serial:{port}: after a space, pytest "
                                "takes it for a place of tests, and does not find its configuration")
    if config.getoption("codesign_device") or config.getoption("codesign_record"):
        _device(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    device = config.getoption("codesign_device")
    return f"codesign: device {device}" if device else None


def _device(config: pytest.Config) -> tuple[str, str | None]:
    """Kind and port. Raises UsageError."""
    from .devices import KINDS, LINES

    given = config.getoption("codesign_device") or config.getini("codesign_device") or "verilator"
    kind, _, port = given.partition(":")
    port = port or config.getoption("codesign_port")
    if kind not in KINDS:
        raise pytest.UsageError(f"Device must be one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "serial" and not port:
        raise pytest.UsageError("Device serial must have a port: --device serial:/dev/ttyUSB1, say")
    if port and kind != "serial":
        raise pytest.UsageError(f"Device {kind} must have no port, not {port!r}")
    if config.getoption("codesign_record") and kind not in LINES:
        raise pytest.UsageError(f"Device must be {' or '.join(LINES)} to be recorded, not {kind}")
    return kind, port


def _session(request: pytest.FixtureRequest, config: "AcceleratorConfig") -> Path:
    """Where the session of a test with ``config`` is recorded."""
    name = f"{request.path.stem}.{request.node.nodeid.partition('::')[2]}.{config.name}".replace("::", ".")
    safe = re.sub(r"[^\w.,=\[\]-]", "_", name)[:150]
    if safe != name:
        safe += f"-{zlib.crc32(name.encode()):08x}"
    return request.path.parent / SESSIONS / f"{safe}.jsonl"


@pytest.fixture
def device(request: pytest.FixtureRequest) -> "Iterator[ModelDevice]":
    """Runs models on the device that the command line names: see :class:`codesign.boards.model_device.ModelDevice`.

    The accelerator is that of the test's marker ``accelerator``, else of pytest's configuration; relative paths begin
    at pytest's root directory.
    """
    from .model_device import ModelDevice

    config = request.config
    kind, port = _device(config)
    accelerator, board = config.getini("codesign_accelerator") or None, config.getini("codesign_board") or None
    marker = request.node.get_closest_marker("accelerator")
    if marker is not None:
        accelerator, board = (*marker.args, None)[0], marker.kwargs.get("board")
    with ModelDevice(kind, config.rootpath, accelerator=accelerator, board=board, port=port,
                     baud=config.getoption("codesign_baud"), record=config.getoption("codesign_record"),
                     session=lambda used: _session(request, used)) as opened:
        yield opened
