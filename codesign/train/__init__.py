"""Quantization-aware training in PyTorch."""

from ..recipe import Recipe
from .loop import TrainResult, accuracy_of, train, training_device
from .module import QuantizedNetwork, build

__all__ = ["QuantizedNetwork", "Recipe", "TrainResult", "accuracy_of", "build", "train",
           "training_device"]
