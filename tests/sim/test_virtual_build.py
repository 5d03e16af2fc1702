"""What the virtual board needs, where it is missing."""

import os
import shutil

import pytest

from codesign.errors import CodesignError
from codesign.sim.virtual_build import build_zynq_firmware, require_qemu


def test_another_qemu_is_refused(tmp_path, monkeypatch):
    qemu = tmp_path / "qemu-system-aarch64"
    qemu.write_text("#!/bin/sh\necho QEMU emulator version 9.1.0\n")
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CodesignError, match=r"must be version 7.2 for the virtual board, not 'QEMU emulator version 9\."
                                            r"1\.0': apt install qemu-system-arm on Debian 12 .* --device host needs"):
        require_qemu()


def test_no_qemu_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CodesignError, match="apt install qemu-system-arm"):
        require_qemu()


def test_no_compiler_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CodesignError, match="apt install gcc-aarch64-linux-gnu"):
        build_zynq_firmware("zcu102")


def test_the_line_s_rate_is_built_in():
    if shutil.which("aarch64-linux-gnu-gcc") is None:
        pytest.skip("aarch64-linux-gnu-gcc is not installed")
    usual = build_zynq_firmware("zcu102")
    assert build_zynq_firmware("zcu102", 115_200) == usual
    assert build_zynq_firmware("zcu102", 921_600).read_bytes() != usual.read_bytes()


def test_a_cache_whose_path_has_a_space_in_it(monkeypatch, tmp_path):
    if shutil.which("aarch64-linux-gnu-gcc") is None:
        pytest.skip("aarch64-linux-gnu-gcc is not installed")
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "a b"))
    assert build_zynq_firmware("ultra96-v2").read_bytes().startswith(b"\x7fELF")


def test_another_board_is_refused():
    with pytest.raises(CodesignError, match="Board must be zcu102 or ultra96-v1 or ultra96-v2, not 'ulx3s'"):
        build_zynq_firmware("ulx3s")
