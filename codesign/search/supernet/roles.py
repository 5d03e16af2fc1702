"""Which of a supernet's shared weights are a sub-network's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..space import Choices, Space

__all__ = ["Role", "all_roles", "largest", "roles", "spread"]


@dataclass(frozen=True, kw_only=True)
class Role:
    """The weights of one layer: ``rows`` and ``columns`` (output and input channels) of the shared ones called ``key``,
    which have ``shape``."""

    key: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    shape: tuple[int, int]


@dataclass(frozen=True)
class _Map:
    """A map's ``width`` channels, of ``largest`` in the widest network; see :func:`spread` for its ``parts``."""

    name: str
    width: int
    largest: int
    parts: int = 1

    @property
    def channels(self) -> tuple[int, ...]:
        return spread(self.width, self.largest, self.parts)


def spread(count: int, largest: int, parts: int) -> tuple[int, ...]:
    """Which of ``largest`` channels are ``count`` of them: the first of each of ``parts`` equal parts."""
    found = []
    for channel in range(count):
        part = channel * parts // count
        found.append(channel - -(-part * count // parts) + -(-part * largest // parts))
    return tuple(found)


def largest(choices: Choices) -> Any:
    """The largest number among ``choices``; ``none`` is less than any."""
    return max(choices, key=lambda c: -1 if c == "none" else c)


def roles(space: Space, choices: Mapping[str, Any]) -> list[Role]:
    """Of every convolution and the linear layer of ``space.build(choices)``, in the order of its graph.

    A layer shares its weights with the layers of other networks that are at the same place of the same stage, read the
    map of the same stage, moved in the same directions: deeper, wider or narrower. The channels of narrower ones are
    the first of the wider ones (a shift's direction goes by the channel's number); around DiracDelta blocks the first
    of each quarter of the map, since blocks move quarters. So (where widths are multiples of four) a channel is the
    same one whatever the width, and moved the same way, but for a shift of a block's own map.
    """
    return list(_roles(space, choices))


def _roles(space: Space, p: Mapping[str, Any]) -> Iterator[Role]:
    moved = f" shift{space.network['shift'].index(p['shift'])}"
    at = _Map("image", space.input[0], space.input[0])
    to = _Map("stem", p["stem"], largest(space.network["stem"]))
    yield _role("stem", at, to)
    at = to
    for i in range(p["mix"]):
        to = _Map("mix", p["mix_width"], largest(space.network["mix_width"]))
        yield _role(f"mix.{i}", at, to, moved)
        at = to
    for i in range(p["stages"]):
        name = f"stage{i}.{p[f'stage{i}.kind']}"
        width, most = p[f"stage{i}.width"], largest(space.stage["width"])
        if p[f"stage{i}.kind"] == "plain":
            to = _Map(name, width, most)
            for j in range(p[f"stage{i}.depth"]):
                yield _role(f"{name}.{j}", at, to, moved)
                at = to
            continue
        half = _Map(name, width // 2, most // 2, 2)
        middle = _Map(name, width // 2 * p[f"stage{i}.expansion"], most // 2 * largest(space.stage["expansion"]))
        for j in range(p[f"stage{i}.depth"]):
            if j == 0:
                yield _role(f"{name}.shortcut", at, half)
            yield _role(f"{name}.{j}.expand", half if j else at, middle)
            yield _role(f"{name}.{j}.project", middle, half, moved)
        at = _Map(name, width, most, 4)
    if p["head"] != "none":
        to = _Map("head", p["head"], largest(space.network["head"]))
        yield _role("head", at, to)
        at = to
    yield _role("linear", at, _Map("linear", space.classes, space.classes))


def _role(name: str, source: _Map, target: _Map, moved: str = "") -> Role:
    return Role(key=f"{name} of {source.name}{moved}", rows=target.channels, columns=source.channels,
                shape=(target.largest, source.largest))


def all_roles(space: Space) -> dict[str, tuple[int, int]]:
    """Shapes of all shared weights, by key: of the largest networks of every kind."""
    found: dict[str, tuple[int, int]] = {}
    kinds = space.stage["kind"]
    for shift in space.network["shift"]:
        for mix in space.network["mix"]:
            for stages in space.network["stages"]:
                for even in kinds:  # and so every kind follows every other, at every place
                    for odd in kinds:
                        for head in space.network["head"]:
                            fixed = {"shift": shift, "mix": mix, "stages": stages, "head": head}

                            def choose(name: str, choices: Choices, fixed=fixed, pair=(even, odd)) -> Any:
                                stage, _, key = name.rpartition(".")
                                if key == "kind":
                                    return pair[int(stage.removeprefix("stage")) % 2]
                                return fixed[key] if key in fixed else largest(choices)

                            found |= {role.key: role.shape for role in roles(space, space.propose(choose))}
    return dict(sorted(found.items()))
