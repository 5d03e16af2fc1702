"""What a sweep is given: training, and the simulated accelerator."""

from collections.abc import Callable
from functools import partial

from codesign.datasets import load_dataset
from codesign.search import Tools, measure_on
from codesign.train import train

from .build import rtl_digest
from .toolchain import simulator_versions
from .verilated import VerilatorDevice

__all__ = ["search_tools"]


def search_tools(dataset: str, resolution: int | None = None, log: Callable[[str], None] | None = None) -> Tools:
    """Train on ``dataset`` (see :func:`~codesign.datasets.load_dataset`), measure on the simulated accelerator."""
    more = {"log": log} if log else {}
    return Tools(train=train, measure=measure_on(VerilatorDevice, rtl_digest, simulator_versions()),
                 verilog_digest=rtl_digest, dataset=partial(load_dataset, dataset, resolution), **more)
