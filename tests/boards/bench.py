"""Every kind of device, opened alike: what the conformance suite runs on."""

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codesign.accelerator import PRESETS, AcceleratorConfig
from codesign.board import load_board
from codesign.boards.devices import open_device
from codesign.boards.host_board import HostBoard
from codesign.device import Device
from codesign.integer import IntegerNetwork

__all__ = ["KINDS", "Bench", "marked"]

TINY = PRESETS["tiny"]
ULX3S = load_board("ulx3s")

#: What there is to run on, and the marks of what the plain tests do without.
KINDS = {"reference": (), "verilator": (), "host": (), "serial": (), "replay": (),
         "virtual": (pytest.mark.virtual,), "system": (pytest.mark.slow,), "board": (pytest.mark.board,)}


def marked(*without: str) -> list:
    """All kinds but those ``without``, as parameters of a test."""
    return [pytest.param(kind, marks=marks) for kind, marks in KINDS.items() if kind not in without]


@dataclass(kw_only=True)
class Bench:
    """One test's devices of ``kind``.

    ``serial`` is a port whose other end is the firmware built for this machine; ``replay`` answers from what was
    recorded in ``folder``, session after session, when the test ran on ``serial`` (with ``record``); ``board`` is a
    real one, at ``port``.
    """

    kind: str
    folder: Path
    config: AcceleratorConfig = TINY
    port: str | None = None
    baud: int = 115_200
    record: bool = False
    stack: ExitStack = field(default_factory=ExitStack)
    sessions: int = 0
    _open: Device | None = None

    @property
    def has_line(self) -> bool:
        """Whether there is firmware behind a line, or was when it was recorded."""
        return self.kind not in ("reference", "verilator")

    def open(self, integer: IntegerNetwork, config: AcceleratorConfig | None = None,
             stack: ExitStack | None = None) -> Device:
        """A device for ``integer``: the reference knows only one network, others take any, one after another."""
        self.sessions += 1
        session = str(self.folder / f"{self.sessions}.jsonl")
        kind, words = self.kind, {}
        if kind == "replay":
            words = {"port": session}
        elif kind == "serial":
            board = self.stack.enter_context(HostBoard(self.config))
            words = {"port": board.port, "baud": 4_000_000}
        elif kind == "system":
            words = {"board": ULX3S}
        elif kind == "board":
            kind, words = "serial", {"port": self.port, "baud": self.baud}
        return (stack or self.stack).enter_context(open_device(
            kind, config or self.config, integer=integer, record=session if self.record else None, **words))

    def device(self, integer: IntegerNetwork) -> Device:
        """One that stays open; a new one for each network where it knows but one."""
        if self._open is None or self.kind == "reference":
            self._open = self.open(integer)
        return self._open


def benches(kind: str, folder: Path, test: Callable[[Bench], None], options: Callable[[], dict]) -> Bench:
    """The bench of ``kind`` for ``test``, which is run at a port first where a replay needs its sessions."""
    if kind == "replay":
        with ExitStack() as stack:
            test(Bench(kind="serial", folder=folder, record=True, stack=stack))
    given = options() if kind == "board" else {"config": ULX3S.place(TINY)} if kind == "system" else {}
    return Bench(kind=kind, folder=folder, **given)


def other_than(config: AcceleratorConfig) -> AcceleratorConfig:
    """An accelerator that ``config`` is not."""
    return dataclasses.replace(config, acc_depth=2 * config.acc_depth)
