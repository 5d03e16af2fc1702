"""The operators without weights on torch tensors of layout (C, B, H, W), any dtype, with gradients.

Channels lead, so that a 1x1 convolution is one matrix product and slices of channels are views.
"""

import torch
import torch.nn.functional as F

from ..graph import Concat, Conv, GlobalAverage, MaxPool, Op, Permute, Shift, Slice

__all__ = ["DataMovement", "pointwise", "taps"]


def pointwise(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """x (K, B, H, W), weight (M, K) -> (M, B, H, W)."""
    return (weight @ x.reshape(x.shape[0], -1)).view(-1, *x.shape[1:])


def taps(x: torch.Tensor, op: Conv) -> torch.Tensor:
    """What a k x k convolution multiplies: x (K, B, H, W) -> (K * k * k, B, H, W), zeros outside the map."""
    if op.kernel == 1:
        return x
    (k, b, h, w), reach = x.shape, op.kernel // 2
    padded = F.pad(x, (reach, reach, reach, reach))
    views = [padded[:, :, reach + dy:reach + dy + h, reach + dx:reach + dx + w] for dx, dy in op.offsets]
    return torch.stack(views, dim=1).view(k * op.taps, b, h, w)


class _Shift(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, groups):
        ctx.groups = groups
        return _shifted(x, groups, 1)

    @staticmethod
    def backward(ctx, gradient):
        return _shifted(gradient, ctx.groups, -1), None


def _shifted(x: torch.Tensor, groups: list, sign: int) -> torch.Tensor:
    h, w = x.shape[2:]
    y = torch.zeros_like(x)
    for channels, dx, dy in groups:
        dx, dy = sign * dx, sign * dy
        to_y, from_y = slice(max(0, -dy), h - max(0, dy)), slice(max(0, dy), h - max(0, -dy))
        to_x, from_x = slice(max(0, -dx), w - max(0, dx)), slice(max(0, dx), w - max(0, -dx))
        if to_y.start < to_y.stop and to_x.start < to_x.stop:
            y[channels, :, to_y, to_x] = x[channels, :, from_y, from_x]
    return y


class _Reorder(torch.autograd.Function):
    """Channel permutation; backward by the inverse permutation, without a scatter."""

    @staticmethod
    def forward(ctx, x, order, inverse):
        ctx.inverse = inverse
        return x.index_select(0, order)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.index_select(0, ctx.inverse), None, None


def _progression(channels: list[int]) -> slice | list[int]:
    """``channels`` as a slice where they are an arithmetic progression: a view instead of a gather."""
    step = channels[1] - channels[0] if len(channels) > 1 else 1
    regular = list(range(channels[0], channels[-1] + 1, step)) == channels
    return slice(channels[0], channels[-1] + 1, step) if regular else channels


class DataMovement:
    """One such operator: called with its operands, gives its map."""

    def __init__(self, op: Op):
        self.op = op
        if isinstance(op, Shift):
            directions: dict[tuple[int, int], list[int]] = {}
            for channel, offset in enumerate(op.offsets):
                directions.setdefault(offset, []).append(channel)
            self.groups = [(_progression(channels), *offset) for offset, channels in directions.items()]
        elif isinstance(op, Permute):
            self.order = torch.tensor(op.order)
            self.inverse = torch.argsort(self.order)

    def __call__(self, *x: torch.Tensor) -> torch.Tensor:
        match self.op:
            case Shift():
                return _Shift.apply(x[0], self.groups)
            case MaxPool(padding=padding):
                return F.max_pool2d(x[0], 2, 2, padding)  # pads with minus infinity
            case Slice(start=start, stop=stop):
                return x[0][start:stop]
            case Concat():
                return torch.cat(x)
            case Permute():
                return _Reorder.apply(x[0], self.order.to(x[0].device), self.inverse.to(x[0].device))
            case GlobalAverage():
                return x[0].sum(dim=(2, 3), keepdim=True)
        raise TypeError(f"{self.op!r} is no data movement")
