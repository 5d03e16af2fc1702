"""The operators without weights on torch tensors (B, C, H, W), any dtype, with gradients.

Memory is channels-last throughout: that is what convolutions, batch norm and pooling are fast on, and a 1x1 convolution
is then one matrix product.
"""

import torch
import torch.nn.functional as F

from ..graph import Concat, GlobalAverage, MaxPool, Op, Permute, Shift, Slice

__all__ = ["DataMovement", "channels_last", "shifted"]


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """``x`` (B, C, H, W) with the channels of a pixel side by side in memory; itself where it is so already."""
    return x.contiguous(memory_format=torch.channels_last)


def shifted(x: torch.Tensor, groups: list, sign: int = 1) -> torch.Tensor:
    """Each of ``groups`` (channels, dx, dy) of ``x`` moved by sign * (dx, dy), zeros outside; other channels zero."""
    h, w = x.shape[2:]
    y = torch.zeros_like(x)
    for channels, dx, dy in groups:
        dx, dy = sign * dx, sign * dy
        to_y, from_y = slice(max(0, -dy), h - max(0, dy)), slice(max(0, dy), h - max(0, -dy))
        to_x, from_x = slice(max(0, -dx), w - max(0, dx)), slice(max(0, dx), w - max(0, -dx))
        if to_y.start < to_y.stop and to_x.start < to_x.stop:
            y[:, channels, to_y, to_x] = x[:, channels, from_y, from_x]
    return y


class _Shift(torch.autograd.Function):
    """Copies group by group; or, where the CPU's library has it, the 3x3 convolution of every channel with a one, which
    is the same, and 2 to 4 times as fast (copies of every fifth or ninth channel have no run to copy)."""

    @staticmethod
    def forward(ctx, x, groups, kernels):
        ctx.groups, ctx.kernels = groups, kernels
        return _Shift.move(x, groups, kernels, 1)

    @staticmethod
    def backward(ctx, gradient):
        return _Shift.move(gradient, ctx.groups, ctx.kernels, -1), None, None

    @staticmethod
    def move(x, groups, kernels, sign):
        if x.device.type != "cpu" or x.dtype != torch.float32:
            return shifted(x, groups, sign)
        with torch.autocast("cpu", enabled=False):
            return F.conv2d(x, kernels if sign > 0 else kernels.flip(2, 3), padding=1, groups=x.shape[1])


class _Reorder(torch.autograd.Function):
    """Channel permutation, run after run of neighbours; backward by the inverse permutation's, without a scatter."""

    @staticmethod
    def forward(ctx, x, runs, inverse_runs):
        ctx.runs = inverse_runs
        return torch.cat([x[:, run] for run in runs], dim=1)

    @staticmethod
    def backward(ctx, gradient):
        return torch.cat([gradient[:, run] for run in ctx.runs], dim=1), None, None


def _progression(channels: list[int]) -> slice | list[int]:
    """``channels`` as a slice where they are an arithmetic progression: a view instead of a gather."""
    step = channels[1] - channels[0] if len(channels) > 1 else 1
    regular = list(range(channels[0], channels[-1] + 1, step)) == channels
    return slice(channels[0], channels[-1] + 1, step) if regular else channels


def _runs(order: tuple[int, ...]) -> list[slice]:
    """``order`` cut into runs of ascending neighbours."""
    starts = [i for i, channel in enumerate(order) if i == 0 or channel != order[i - 1] + 1]
    return [slice(order[a], order[a] + b - a) for a, b in zip(starts, [*starts[1:], len(order)], strict=True)]


class DataMovement:
    """One such operator: called with its operands, gives its map."""

    def __init__(self, op: Op):
        self.op = op
        if isinstance(op, Shift):
            directions: dict[tuple[int, int], list[int]] = {}
            for channel, offset in enumerate(op.offsets):
                directions.setdefault(offset, []).append(channel)
            self.groups = [(_progression(channels), *offset) for offset, channels in directions.items()]
            self.kernels = torch.zeros(len(op.offsets), 1, 3, 3)
            for channel, (dx, dy) in enumerate(op.offsets):
                self.kernels[channel, 0, 1 + dy, 1 + dx] = 1
        elif isinstance(op, Permute):
            inverse = tuple(sorted(range(len(op.order)), key=op.order.__getitem__))
            self.runs, self.inverse_runs = _runs(op.order), _runs(inverse)

    def __call__(self, *x: torch.Tensor) -> torch.Tensor:
        match self.op:
            case Shift():
                return _Shift.apply(x[0], self.groups, self.kernels)
            case MaxPool(padding=padding):
                return F.max_pool2d(x[0], 2, 2, padding)  # pads with minus infinity
            case Slice(start=start, stop=stop):
                return x[0][:, start:stop]
            case Concat():
                return torch.cat(x, dim=1)
            case Permute():
                return _Reorder.apply(x[0], self.runs, self.inverse_runs)
            case GlobalAverage():
                return x[0].sum(dim=(2, 3), keepdim=True)
        raise TypeError(f"{self.op!r} is no data movement")
