"""The cost model for a network on many accelerators at once, in C++: the same numbers as :mod:`codesign.cycles`."""

from .model import Batch, BatchModel, BatchPredict

__all__ = ["Batch", "BatchModel", "BatchPredict"]
