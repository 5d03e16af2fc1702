"""From a network back to choices of a space."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from ..errors import CodesignError
from ..layers import Block, Convolution, LayerSpec, Pool, ShiftPattern
from ..network import Network
from .space import Choices, Space

__all__ = ["choices_of"]


def choices_of(space: Space, network: Network) -> dict[str, Any]:
    """Choices that :meth:`Space.build` makes ``network`` of, its name apart; ``share`` is the first of the space.

    Several choices may build the same network (a stage as wide as the mix before it is more mix): always the same of
    them are given, those with the most layers in front. Raises :class:`CodesignError` where there are none.
    """
    layers = network.layers[:-2]  # average and linear follow from the space
    shift = next((c for c in space.network["shift"] for layer in layers if layer in (
        ShiftPattern(c if c == "released" else tuple(c)),)), None)
    for choices in _stems(space, layers, shift):
        if _builds(space, choices, network):
            return space.propose(partial(_chosen, choices))
    raise CodesignError(f"Network {network.name} must be one of the space {space.name}")


def _chosen(choices: dict[str, Any], name: str, _: Choices) -> Any:
    return choices[name]


def _builds(space: Space, choices: dict[str, Any], network: Network) -> bool:
    try:
        return space.build(choices).digest() == network.digest()
    except CodesignError:
        return False


def _stems(space: Space, layers: Sequence[LayerSpec], shift: Any) -> Iterator[dict[str, Any]]:
    """Candidates, tried by building them; what is decided here leaves but a few."""
    of, share = space.network, space.share[0]
    stem = layers[0]
    if not isinstance(stem, Convolution):
        return
    for head in of["head"]:
        if head != "none" and layers[-1] != Convolution(head):
            continue
        middle = list(layers[1:] if head == "none" else layers[1:-1])
        for stem_pool in of["stem_pool"]:
            if stem_pool != "none" and middle[:1] != [Pool(stem_pool)]:
                continue
            rest = middle if stem_pool == "none" else middle[1:]
            base = {"stem": stem.out, "stem_pool": stem_pool, "head": head, "share": share,
                    "shift": shift if shift is not None else of["shift"][0]}
            for mix in sorted(of["mix"], reverse=True):
                width = _run(rest, mix)
                if width is None or mix and width not in of["mix_width"]:
                    continue
                mixed = {**base, "mix": mix, "mix_width": width if mix else of["mix_width"][0]}
                for stages in _stages(space, rest[2 * mix:], 0):
                    count = len({key.partition(".")[0] for key in stages})
                    if count in of["stages"]:
                        yield {**mixed, **stages, "stages": count}


def _stages(space: Space, layers: Sequence[LayerSpec], number: int) -> Iterator[dict[str, Any]]:
    """Choices of the stages ``number`` and on, that ``layers`` are."""
    if not layers:
        yield {}
        return
    of, name = space.stage, f"stage{number}"
    if number >= max(space.network["stages"]):
        return
    for depth in sorted(of["depth"], reverse=True):
        first = layers[0]
        if isinstance(first, Block) and "dirac" in of["kind"] and len(layers) >= depth:
            chosen = {"kind": "dirac", "width": first.out, "depth": depth, "expansion": first.expansion}
            yield from _continued(space, name, chosen, layers[depth:], number)
        for pool in of["pool"] if "plain" in of["kind"] else ():
            if pool != "none" and first != Pool(pool):
                continue
            rest = layers if pool == "none" else layers[1:]
            width = _run(rest, depth)
            if width is not None:
                chosen = {"kind": "plain", "width": width, "depth": depth, "pool": pool}
                yield from _continued(space, name, chosen, rest[2 * depth:], number)


def _continued(space: Space, name: str, chosen: dict[str, Any], rest: Sequence[LayerSpec],
               number: int) -> Iterator[dict[str, Any]]:
    if all(value in space.stage[key] for key, value in chosen.items()):
        for others in _stages(space, rest, number + 1):
            yield {**{f"{name}.{key}": value for key, value in chosen.items()}, **others}


def _run(layers: Sequence[LayerSpec], count: int) -> int | None:
    """Channels of the first ``count`` convolutions, each behind a shift, if all have as many; 0 of none."""
    if count == 0:
        return 0
    pairs = list(zip(layers[0:2 * count:2], layers[1:2 * count:2], strict=False))
    if len(pairs) < count or not all(isinstance(s, ShiftPattern) and isinstance(c, Convolution) for s, c in pairs):
        return None
    widths = {c.out for _, c in pairs if isinstance(c, Convolution)}
    return widths.pop() if len(widths) == 1 else None
