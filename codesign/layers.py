"""The layers a person writes in a network file, and what each expands to in the graph.

A layer is one item of the file's ``layers`` list: a bare name (``average``) or a mapping of its name to its
value (``conv: 32``, ``block: {out: 64, downsample: true}``). Each class here checks its own fields, appends
its operators to a :class:`~codesign.graph.GraphBuilder` and writes itself back.
"""

import dataclasses
import reprlib
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from .errors import CodesignError, require
from .graph import (
    ACTIVATION_BITS,
    KERNELS,
    WEIGHT_BITS,
    Concat,
    Conv,
    GlobalAverage,
    GraphBuilder,
    Linear,
    MaxPool,
    Permute,
    Shift,
    Slice,
)

__all__ = ["Average", "Block", "Convolution", "DIRECTIONS", "LayerSpec", "LinearClassifier", "MAX_CHANNELS",
           "Pool", "RELEASED", "ShiftPattern", "check_integer", "parse_layer"]

MAX_CHANNELS = 16384
MAX_EXPANSION = 16

# (dx, dy) of the pixel that an output pixel reads: "up" reads the pixel above, as the one-hot 3x3 kernel
# with its tap in the top row does in a cross-correlation.
DIRECTIONS = {
    "up-left": (-1, -1), "up": (0, -1), "up-right": (1, -1),
    "left": (-1, 0), "centre": (0, 0), "right": (1, 0),
    "down-left": (-1, 1), "down": (0, 1), "down-right": (1, 1),
}

# DiracDeltaNet's public training code: channel i goes in direction i mod 5 of these.
RELEASED = ("up", "left", "centre", "right", "down")


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Raise unless ``value`` is an integer (a boolean is none) in low..high."""
    require(type(value) is int and low <= value <= high,
            f"{name} must be an integer in {low}..{high}, not {reprlib.repr(value)}")


def _check_choice(name: str, value: object, choices: tuple[int, ...]) -> None:
    require(type(value) is int and value in choices,
            f"{name} must be one of {', '.join(map(str, choices))}, not {reprlib.repr(value)}")


def _fields(spec: Any) -> object:
    """``out`` alone where the rest has its default, else a mapping without what has."""
    fields = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)
              if f.name == "out" or getattr(spec, f.name) != f.default}
    return fields if len(fields) > 1 else spec.out


def _check_boolean(name: str, value: object) -> None:
    require(type(value) is bool, f"{name} must be true or false, not {reprlib.repr(value)}")


def _directions(name: str, value: Any) -> tuple[str, ...]:
    """The directions that ``released`` or a list of names stands for."""
    if value == "released":
        return RELEASED
    require(isinstance(value, list | tuple) and 1 <= len(value) <= MAX_CHANNELS,
            f"{name} must be released or a list of directions, not {reprlib.repr(value)}")
    for direction in value:
        require(isinstance(direction, str) and direction in DIRECTIONS,
                f"{name} direction must be one of {', '.join(DIRECTIONS)}, not {reprlib.repr(direction)}")
    return tuple(value)


def _written(directions: tuple[str, ...]) -> str | list[str]:
    return "released" if directions == RELEASED else list(directions)


def _offsets(directions: tuple[str, ...], channels: int) -> tuple[tuple[int, int], ...]:
    return tuple(DIRECTIONS[directions[c % len(directions)]] for c in range(channels))


@dataclass(frozen=True)
class Convolution:
    """k x k convolution (stride 1, zeros outside), batch norm, activation; 8-bit operands take two passes or beats."""

    kind: ClassVar[str] = "conv"
    main: ClassVar[str | None] = "out"
    out: int
    kernel: int = 1
    weight_bits: int = 4
    activation_bits: int = 4

    def __post_init__(self):
        check_integer("conv out", self.out, 1, MAX_CHANNELS)
        _check_choice("conv kernel", self.kernel, KERNELS)
        _check_choice("conv weight_bits", self.weight_bits, WEIGHT_BITS)
        _check_choice("conv activation_bits", self.activation_bits, ACTIVATION_BITS)

    def expand(self, builder: GraphBuilder, name: str, x: int) -> int:
        return builder.add(name, Conv(out_channels=self.out, kernel=self.kernel, weight_bits=self.weight_bits,
                                      activation_bits=self.activation_bits), x)

    def written(self) -> object:
        return {self.kind: _fields(self)}


@dataclass(frozen=True)
class Pool:
    """2x2 max-pool, stride 2, 0 or 1 pixels of padding."""

    kind: ClassVar[str] = "pool"
    main: ClassVar[str | None] = "padding"
    padding: int = 0

    def __post_init__(self):
        check_integer("pool padding", self.padding, 0, 1)

    def expand(self, builder: GraphBuilder, name: str, x: int) -> int:
        return builder.add(name, MaxPool(padding=self.padding), x)

    def written(self) -> object:
        return {self.kind: {"padding": self.padding}} if self.padding else self.kind


@dataclass(frozen=True)
class ShiftPattern:
    """Channel i moves in direction i mod n of ``directions``."""

    kind: ClassVar[str] = "shift"
    main: ClassVar[str | None] = "directions"
    directions: tuple[str, ...] = RELEASED

    def __post_init__(self):
        object.__setattr__(self, "directions", _directions("shift", self.directions))

    def expand(self, builder: GraphBuilder, name: str, x: int) -> int:
        return builder.add(name, Shift(offsets=_offsets(self.directions, builder.nodes[x].shape[0])), x)

    def written(self) -> object:
        return {self.kind: _written(self.directions)}


@dataclass(frozen=True)
class Block:
    """DiracDelta block; ``out`` channels, of which each branch makes half.

    Main branch: 1x1 to ``expansion * out/2`` channels, [max-pool], shift, 1x1 to out/2. Shortcut: the first half
    of the channels as they are or, with ``downsample``, max-pool and 1x1 to out/2 of all channels (of the first
    half where ``split``; the main branch then sees the second half alone). The branches are concatenated,
    shortcut first, and the last quarter (floor) of the channels moves to the front. Without ``downsample``, in- and
    outgoing channels are equal. Source: DiracDeltaNet's public training code.
    """

    kind: ClassVar[str] = "block"
    main: ClassVar[str | None] = "out"
    out: int
    expansion: int = 2
    downsample: bool = False
    split: bool = False
    shift: tuple[str, ...] = RELEASED

    def __post_init__(self):
        check_integer("block out", self.out, 2, MAX_CHANNELS)
        require(self.out % 2 == 0, f"block out must be even (each branch makes half), not {self.out}")
        check_integer("block expansion", self.expansion, 1, MAX_EXPANSION)
        _check_boolean("block downsample", self.downsample)
        _check_boolean("block split", self.split)
        require(self.downsample or not self.split,
                "block split must be false without downsample (such a block always splits), not true")
        object.__setattr__(self, "shift", _directions("block shift", self.shift))

    def expand(self, builder: GraphBuilder, name: str, x: int) -> int:
        channels, half = builder.nodes[x].shape[0], self.out // 2
        shortcut = main = x
        if self.split or not self.downsample:
            require(channels % 2 == 0, f"block must split an even number of channels, not {channels}")
            shortcut = builder.add(f"{name}.shortcut.half", Slice(start=0, stop=channels // 2), x)
            main = builder.add(f"{name}.main.half", Slice(start=channels // 2, stop=channels), x)
        if self.downsample:
            shortcut = builder.add(f"{name}.shortcut.pool", MaxPool(), shortcut)
            shortcut = builder.add(f"{name}.shortcut.project", Conv(out_channels=half), shortcut)
        else:
            require(channels == self.out, f"block out must equal the incoming {channels} channels "
                                          f"(or say downsample: true), not {self.out}")
        middle = self.expansion * half
        main = builder.add(f"{name}.main.expand", Conv(out_channels=middle), main)
        if self.downsample:
            main = builder.add(f"{name}.main.pool", MaxPool(), main)
        main = builder.add(f"{name}.main.shift", Shift(offsets=_offsets(self.shift, middle)), main)
        main = builder.add(f"{name}.main.project", Conv(out_channels=half), main)
        both = builder.add(f"{name}.concat", Concat(), shortcut, main)
        kept = self.out - self.out // 4
        return builder.add(f"{name}.rotate", Permute(order=(*range(kept, self.out), *range(kept))), both)

    def written(self) -> object:
        fields: dict[str, object] = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)
                                     if f.name == "out" or getattr(self, f.name) != f.default}
        if "shift" in fields:
            fields["shift"] = _written(self.shift)
        return {self.kind: fields}


@dataclass(frozen=True)
class Average:
    """Global average over whatever map is left."""

    kind: ClassVar[str] = "average"
    main: ClassVar[str | None] = None

    def expand(self, builder: GraphBuilder, name: str, x: int) -> int:
        return builder.add(name, GlobalAverage(), x)

    def written(self) -> object:
        return self.kind


@dataclass(frozen=True)
class LinearClassifier:
    """Fully connected with bias: one logit per class."""

    kind: ClassVar[str] = "linear"
    main: ClassVar[str | None] = "out"
    out: int
    weight_bits: int = 4

    def __post_init__(self):
        check_integer("linear out", self.out, 1, MAX_CHANNELS)
        _check_choice("linear weight_bits", self.weight_bits, WEIGHT_BITS)

    def expand(self, builder: GraphBuilder, name: str, x: int) -> int:
        return builder.add(name, Linear(out_channels=self.out, weight_bits=self.weight_bits), x)

    def written(self) -> object:
        return {self.kind: _fields(self)}


LayerSpec: TypeAlias = Convolution | Pool | ShiftPattern | Block | Average | LinearClassifier
_KINDS = {spec.kind: spec for spec in (Convolution, Pool, ShiftPattern, Block, Average, LinearClassifier)}


def parse_layer(item: Any) -> LayerSpec:
    """The layer that one item of a file's list stands for; raises :class:`CodesignError` naming the field."""
    if isinstance(item, str):
        item = {item: {}}
    require(isinstance(item, dict) and len(item) == 1 and next(iter(item)) in list(_KINDS),
            f"layer must be one of {', '.join(_KINDS)}, with its fields, not {reprlib.repr(item)}")
    (kind, fields), = item.items()
    spec = _KINDS[kind]
    known = [f.name for f in dataclasses.fields(spec)]
    if fields is None:
        fields = {}
    if not isinstance(fields, dict):
        require(spec.main is not None, f"{kind} must have no fields, not {reprlib.repr(fields)}")
        fields = {spec.main: fields}
    unknown = [key for key in fields if key not in known]
    require(not unknown, f"{kind} key must be {'one of ' + ', '.join(known) if known else 'absent'}, "
                         f"not {', '.join(map(reprlib.repr, unknown))}")
    try:
        return spec(**fields)
    except TypeError:
        raise CodesignError(f"{kind} must give out (channels)") from None
