"""The system's Verilog: whole, and always the same."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from codesign.accelerator import PRESETS
from codesign.board import load_board
from codesign.errors import CodesignError
from codesign.rtl.system.config import SystemConfig
from codesign.rtl.system.emit import system_source
from codesign.rtl.system.top import Pins

ULX3S = load_board("ulx3s")
TINY = SystemConfig(accelerator=ULX3S.place(PRESETS["tiny"]), board="ulx3s", baud=3_000_000, memory_bytes=4096,
                    rom_bytes=1024, ram_bytes=1024, receive_bytes=256, send_bytes=64)
PINS = Pins(reference_hz=25_000_000, leds=8, button=True, constants={"wifi_gpio0": (1, 1)})
ROM = bytes(range(64))


def emit(**changes):
    return system_source(TINY, **{"accelerator": "A", "core": "C", "rom": ROM, "pins": PINS} | changes)


def test_top_has_the_boards_pins():
    source = emit()
    assert (source.system, source.top) == ("system", "top")
    assert source.ports == {"clock": 1, "serial_rx": 1, "serial_tx": 1, "button": 1, "led": 8, "wifi_gpio0": 1}
    assert set(source.files) == {"system.v", "accelerator.v", "picorv32.v", "global_buffer.v", "top.v"}
    assert "DCCA" in source.files["global_buffer.v"] and "DCCA" not in emit(pins=None).files["global_buffer.v"]
    assert "EHXPLLL" in source.files["top.v"] and "simulated(1'h0)" in source.files["top.v"]
    bare = emit(pins=Pins(reference_hz=25_000_000))
    assert bare.ports == {"clock": 1, "serial_rx": 1, "serial_tx": 1}
    assert emit(pins=None).top is None and "top.v" not in emit(pins=None).files


def test_the_same_bytes_whatever_the_hash_seed():
    script = ("import hashlib; from tests.rtl.system.test_emit import emit\n"
              "print(hashlib.sha256(repr(sorted(emit().files.items())).encode()).hexdigest())")
    here = hashlib.sha256(repr(sorted(emit().files.items())).encode()).hexdigest()
    for seed in ("1", "2"):
        found = subprocess.run([sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True,
                               text=True, check=True, cwd=Path(__file__).parents[3])
        assert found.stdout.strip() == here


@pytest.mark.parametrize("changes, message", [
    ({"rom": bytes(1028)}, "Firmware must fit the ROM's 1024 bytes, not take 1028"),
    ({"data": bytes(4104)}, "Program must fit the data memory's 4096 bytes, not take 4104"),
])
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(CodesignError, match=f"^{message}$"):
        emit(**changes)


@pytest.mark.parametrize("changes, message", [
    ({"baud": 20_000_000}, "System baud must be 75000000 Hz by an integer in 6..65535, within 2%, not 20000000"),
    ({"baud": 10_300_000}, "System baud must be .*, not 10300000"),
    ({"memory_bytes": 4100}, r"System memory_bytes must be a multiple of 8 in 4096\.\.16777216, not 4100"),
    ({"board": "a-board-of-a-long-name"}, "System board must be a name of at most 15 characters, not .*"),
    ({"ram_bytes": 3000}, r"System ram_bytes must be a power of two in 64\.\.1048576, not 3000"),
    ({"accelerator": PRESETS["tiny"]}, "System memory latency_cycles must be 5, as its memory has it, not 40"),
    ({"accelerator": dataclasses.replace(TINY.accelerator, memory=dataclasses.replace(ULX3S.memory,
                                                                                      bytes_per_cycle=3))},
     "System memory bytes_per_cycle must divide the 8 bytes of a beat, not be 3"),
])
def test_a_system_that_cannot_be_is_refused(changes, message):
    with pytest.raises(CodesignError, match=f"^{message}$"):
        dataclasses.replace(TINY, **changes)
