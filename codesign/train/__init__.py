"""Quantization-aware training in PyTorch."""

from .loop import TrainResult, accuracy_of, train
from .module import QuantizedNetwork, build
from .recipe import Recipe

__all__ = ["QuantizedNetwork", "Recipe", "TrainResult", "accuracy_of", "build", "train"]
