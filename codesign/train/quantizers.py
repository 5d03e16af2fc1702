"""Weights and activations as integers, with straight-through gradients.

Everything here is in units of one quantization step: weights -8..7, activations 0..15 unless a layer has other bits. A
tensor's real scale never matters to a convolution, since the batch norm behind it divides it out; so whatever meets in
a concat is on one activation grid by construction. (DiracDeltaNet's release multiplies the same integers by a constant
instead, 2/15, 6/15 for the stem and 10/15 for the last convolution. Only the linear layer has no batch norm behind it:
there the scale of the logits is one learned number.)
"""

import math

import torch
from torch import nn

from ..errors import require
from ..integer import A_BITS, W_BITS, WEIGHT_RANGES

__all__ = ["QUANTIZERS", "DoReFa", "LearnedStep", "check_quantizer", "quantize_activation"]

A_LEVELS = 2**A_BITS - 1


class _QuantizeActivation(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, levels):
        ctx.save_for_backward(u)
        ctx.levels = levels
        return u.floor().clamp_(0, levels)

    @staticmethod
    def backward(ctx, gradient):
        # One pass over memory: a mask of booleans, multiplied, takes several and is much slower.
        return torch.ops.aten.hardtanh_backward(gradient, ctx.saved_tensors[0], 0, ctx.levels + 1), None


def quantize_activation(u: torch.Tensor, levels: int = A_LEVELS) -> torch.Tensor:
    """clamp(floor(u), 0, levels), where u has the half that rounds in its offset; the gradient passes where the value
    does.

    With u - 1/2 = levels z / alpha this is PACT's clip at alpha (Choi et al., 2018); alpha gets its gradient through u.
    With u - 1/2 = z / step it is LSQ's activation, which behind the same batch norm has the same gradient.
    """
    return _QuantizeActivation.apply(u, levels)


class _DoReFa(torch.autograd.Function):
    """The formula and its gradient (rounding passed through, the maximum's own element included) in few operations."""

    @staticmethod
    def forward(ctx, weight, low, levels):
        squashed = torch.tanh(weight)
        least, most = squashed.aminmax()
        largest = torch.maximum(-least, most)
        ctx.save_for_backward(squashed, largest)
        ctx.levels = levels
        return (levels * (squashed / (2 * largest) + 0.5)).round_().add_(low)

    @staticmethod
    def backward(ctx, gradient):
        squashed, largest = ctx.saved_tensors
        inner = gradient * (ctx.levels / (2 * largest))
        ratio = squashed / largest
        # Of the largest itself (of several, its share each): it scales all others, against their sum.
        at_largest = ratio.abs() >= 1
        pull = (inner * ratio).sum() / at_largest.sum()
        inner = torch.where(at_largest, inner - pull * ratio, inner)
        return torch.ops.aten.tanh_backward(inner, squashed), None, None


class DoReFa(nn.Module):
    """w -> round(15 (tanh(w) / (2 max|tanh(w)|) + 1/2)) - 8, one maximum per layer, as DiracDeltaNet's release
    has it (Zhou et al., 2016); of 8 bits: -119..119."""

    def __init__(self, weight: torch.Tensor, bits: int = W_BITS):
        super().__init__()
        low, high = WEIGHT_RANGES[bits]
        self.low = low if bits <= W_BITS else -high
        self.levels = high - self.low

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return _DoReFa.apply(weight, self.low, self.levels)


class _RoundThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class LearnedStep(nn.Module):
    """w -> clamp(round(w / step), low, high), one learned step per layer (LSQ, Esser et al., 2020).

    The step's logarithm is what is learned, so that one learning rate fits every layer. In units of steps its
    gradient is that of w / step; multiplied by the step again, as the reals have it, it is LSQ's own.
    """

    def __init__(self, weight: torch.Tensor, bits: int = W_BITS):
        super().__init__()
        self.low, self.high = WEIGHT_RANGES[bits]
        self.log_step = nn.Parameter((2 * weight.detach().abs().mean() / math.sqrt(self.high)).log())

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return _RoundThrough.apply((weight * torch.exp(-self.log_step)).clamp(self.low, self.high))


QUANTIZERS = {"dorefa": DoReFa, "lsq": LearnedStep}


def check_quantizer(name: str) -> None:
    require(name in QUANTIZERS, f"Quantizer must be one of {', '.join(QUANTIZERS)}, not {name!r}")
