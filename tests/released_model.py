"""A floating-point DiracDeltaNet with the published parameter names, as a reference to import from."""

import torch
import torch.nn.functional as F
from torch import nn

BLOCKS = (4, 8, 4)


class Shift(nn.Module):
    def __init__(self, channels):
        super().__init__()
        kernel = torch.zeros(channels, 1, 3, 3)
        for c in range(channels):
            y, x = [(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)][c % 5]
            kernel[c, 0, y, x] = 1
        self.kernel = nn.Parameter(kernel, requires_grad=False)

    def forward(self, x):
        return F.conv2d(x, self.kernel, padding=1, groups=x.shape[1])


class Clip(nn.Module):
    def __init__(self, top, bits):
        super().__init__()
        self.top, self.bits = top, bits
        self.scale_coef = nn.Parameter(torch.full((1,), 2.0))

    def forward(self, x):
        alpha = self.scale_coef.abs()
        u = x.clamp(min=0).minimum(alpha) / alpha
        levels = 2**self.bits - 1
        return (u if self.bits == 32 else (u * levels).round() / levels) * self.top


class Conv(nn.Conv2d):
    def __init__(self, k, m, quantized=True):
        super().__init__(k, m, 1, bias=False)
        self.quantized = quantized

    def forward(self, x):
        weight = self.weight
        if self.quantized:
            squashed = torch.tanh(weight)
            weight = (((squashed / (2 * squashed.abs().max()) + 0.5) * 15).round() - 8) / 8
        return F.conv2d(x, weight)


class Block(nn.Module):
    def __init__(self, k, out, down, split, expansion):
        super().__init__()
        self.down, self.split = down, split or not down
        k, half = k // 2 if self.split else k, out // 2
        self.conv1, self.bn1 = Conv(k, expansion * half), nn.BatchNorm2d(expansion * half)
        self.shift2 = Shift(expansion * half)
        self.conv3, self.bn3 = Conv(expansion * half, half), nn.BatchNorm2d(half)
        self.quant_act1, self.quant_act2 = Clip(2.0, 4), Clip(2.0, 4)
        self.shortcut = nn.Sequential(*([Conv(k, half), nn.BatchNorm2d(half)] if down else []))

    def forward(self, x):
        left, right = x.chunk(2, 1) if self.split else (x, x)
        right = self.quant_act1(self.bn1(self.conv1(right)))
        if self.down:
            left = self.quant_act2(self.shortcut(F.max_pool2d(left, 2)))
            right = F.max_pool2d(right, 2)
        right = self.quant_act2(self.bn3(self.conv3(self.shift2(right))))
        both = torch.cat([left, right], 1)
        kept = 3 * both.shape[1] // 4
        return torch.cat([both[:, kept:], both[:, :kept]], 1)


class Released(nn.Module):
    """Takes normalized images; first and last activation of 32 bits are clips alone, as in the release."""

    def __init__(self, base, classes, expansion=2, first_bits=32, last_bits=32):
        super().__init__()
        self.conv1, self.bn1 = Conv(3, 32, quantized=False), nn.BatchNorm2d(32)
        self.quant_act1, self.shift1 = Clip(6.0, first_bits), Shift(32)
        self.conv2, self.bn2 = Conv(32, 64), nn.BatchNorm2d(64)
        self.quant_act2, self.shift2 = Clip(2.0, 4), Shift(64)
        channels = 64
        for stage, blocks in enumerate(BLOCKS):
            out = base << stage
            layer = [Block(channels, out, True, stage == 0, expansion)]
            layer += [Block(out, out, False, True, expansion) for _ in range(blocks - 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
            channels = out
        self.conv3, self.bn3 = Conv(channels, 1024, quantized=False), nn.BatchNorm2d(1024)
        self.quant_act3 = Clip(10.0, last_bits)
        self.linear = nn.Linear(1024, classes)

    def forward(self, x):
        x = F.max_pool2d(self.quant_act1(self.bn1(self.conv1(x))), 2, padding=1)
        x = F.max_pool2d(self.quant_act2(self.bn2(self.conv2(self.shift1(x)))), 2, padding=1)
        x = self.layer3(self.layer2(self.layer1(self.shift2(x))))
        x = self.quant_act3(self.bn3(self.conv3(x)))
        return self.linear(x.mean(dim=(2, 3)))


def normalized(images):
    """uint8 (B, 3, H, W) as the training code sees it."""
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (images / 255 - mean) / deviation


def released_model(base, classes, images=None, seed=0, expansion=2, first_bits=32, last_bits=32, negative=0.1):
    """Random; batch norms' statistics of ``images``, and a share ``negative`` of their gains below 0."""
    torch.manual_seed(seed)
    model = Released(base, classes, expansion, first_bits, last_bits)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # statistics of all batches seen, here one
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.3, 0.5)
            module.weight.data[torch.rand(len(module.weight)) < negative] *= -1
        elif isinstance(module, Clip):
            nn.init.uniform_(module.scale_coef, 1.5, 2.5)
            if torch.rand(()) < 0.3:
                module.scale_coef.data *= -1  # published code takes its magnitude
    with torch.no_grad():
        if images is not None:
            model.train()(normalized(images))
    return model.eval()
