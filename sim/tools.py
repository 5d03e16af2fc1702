"""What a sweep is given: training, and a device to measure on."""

from collections.abc import Callable, Sequence
from functools import partial

from codesign.datasets import dataset_for
from codesign.search import Tools, measure_on
from codesign.train import train

from .build import rtl_digest
from .toolchain import simulator_versions
from .verilated import VerilatorDevice

__all__ = ["search_tools"]


def search_tools(dataset: str, shape: Sequence[int], log: Callable[[str], None] | None = None, *,
                 device: str = "verilator", port: str | None = None, baud: int = 115_200,
                 power_sweeps: int = 0) -> Tools:
    """Train on ``dataset`` (see :func:`~codesign.datasets.dataset_for`), measure on ``device`` (see
    :func:`codesign.boards.devices.open_device`), with so many samples of power where that is a board with sensors."""
    more = {"log": log} if log else {}
    if device == "verilator":
        measure = measure_on(VerilatorDevice, rtl_digest, simulator_versions())
    else:
        from codesign.boards.devices import DeferredDevice
        from codesign.boards.port import port_serial

        opened = partial(DeferredDevice, kind=device, port=port, baud=baud, power_sweeps=power_sweeps)
        measure = measure_on(opened, rtl_digest, simulator_versions(), port_serial(port) if port else None)
    return Tools(train=train, measure=measure, verilog_digest=rtl_digest,
                 devices=1 if device == "serial" else None, dataset=partial(dataset_for, dataset, tuple(shape)), **more)
