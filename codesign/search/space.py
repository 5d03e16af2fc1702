"""Search spaces: which networks and accelerators are to be tried. Data in a YAML file, not code.

A proposal is a mapping of parameter names to choices: ``stem``, ``stages``, ``stage0.width``, ..., and ``share``,
the part of the board that the accelerator may take. The network follows from it; the accelerator does not: it
is solved for (:mod:`codesign.search.solve`), since its cost is exact and the enumeration small.
"""

import dataclasses
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..errors import CodesignError, require
from ..network import Network

__all__ = ["Choices", "Space", "is_size", "load_space", "size", "space_names"]

Choices = tuple
NETWORK_KEYS = ("stem", "stem_pool", "shift", "mix", "mix_width", "stages", "head")
STAGE_KEYS = {"plain": ("width", "depth", "pool"), "dirac": ("width", "depth", "expansion")}
ACCELERATOR_KEYS = ("rows", "cols", "bank_depth", "acc_depth", "acc_bits", "wide_rows", "weight_rows", "bus_bits",
                    "burst_beats", "fifo_bursts")
MAX_CONFIGS = 500
KINDS = tuple(STAGE_KEYS)
SIZES = ("stem", "mix", "mix_width", "stages", "width", "depth", "expansion", "head")


def _integer(low: int, high: int, *others: str) -> Callable[[object], bool]:
    return lambda v: (type(v) is int and low <= v <= high) or (isinstance(v, str) and v in others)


#: What each list may hold: a test and its name for the error.
RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "stem": (_integer(1, 16384), "channels in 1..16384"),
    "stem_pool": (_integer(0, 1, "none"), "none, 0 or 1"),
    "shift": (lambda v: v == "released" or isinstance(v, list) and all(isinstance(d, str) for d in v) and v != [],
              "released or a list of directions"),
    "mix": (_integer(0, 16), "integers in 0..16"),
    "mix_width": (_integer(1, 16384), "channels in 1..16384"),
    "stages": (_integer(0, 16), "integers in 0..16"),
    "head": (_integer(1, 16384, "none"), "none or channels in 1..16384"),
    "kind": (lambda v: v in KINDS, "plain or dirac"),
    "width": (_integer(1, 16384), "channels in 1..16384"),
    "depth": (_integer(1, 64), "integers in 1..64"),
    "pool": (_integer(0, 1, "none"), "none, 0 or 1"),
    "expansion": (_integer(1, 16), "integers in 1..16"),
    "wide_rows": (_integer(0, 128), "integers in 0..128"),
    "share": (lambda v: isinstance(v, int | float) and type(v) is not bool and 0 < v <= 1, "numbers in 0..1"),
}


def _choices(where: str, key: str, values: Any) -> Choices:
    """``values`` as choices: a list without repetition, each allowed by the rule for ``key``."""
    test, rule = RULES.get(key, (_integer(1, 1 << 20), "integers of at least 1"))
    require(isinstance(values, list) and 1 <= len(values) <= 100,
            f"Space {where} must be a list of 1..100 choices, not {values!r}")
    for value in values:
        require(test(value), f"Space {where} must be {rule}, not {value!r}")
    require(len({json.dumps(v) for v in values}) == len(values), f"Space {where} must not repeat a choice: {values!r}")
    return tuple(values)


def _mapping(where: str, values: Any, keys: Sequence[str], optional: Sequence[str] = ()) -> dict:
    require(isinstance(values, dict), f"Space {where} must be a mapping, not {values!r}")
    unknown = [k for k in values if k not in (*keys, *optional)]
    require(not unknown, f"Space {where} key must be one of {', '.join((*keys, *optional))}, "
                         f"not {', '.join(map(repr, unknown))}")
    missing = [k for k in keys if k not in values]
    require(not missing, f"Space {where} must give {', '.join(missing)}")
    return values


@dataclass(frozen=True, kw_only=True)
class Space:
    """Choices for networks (``network``, and per stage ``stage``), accelerators and the share of the board.

    ``max_cycles`` is the budget: a pair that the cost model prices higher is not trained. None: whoever searches the
    space must say how long an image may take.
    """

    name: str
    input: tuple[int, int, int]
    classes: int
    network: Mapping[str, Choices]
    stage: Mapping[str, Choices]
    accelerator: Mapping[str, Choices]
    share: Choices
    max_cycles: int | None = None

    def propose(self, choose: Callable[[str, Choices], Any]) -> dict[str, Any]:
        """A proposal; ``choose(name, choices)`` picks one of each, and is asked only for what matters."""
        proposal: dict[str, Any] = {key: choose(key, self.network[key]) for key in NETWORK_KEYS}
        for i in range(proposal["stages"]):
            kind = proposal[f"stage{i}.kind"] = choose(f"stage{i}.kind", self.stage["kind"])
            for key in STAGE_KEYS[kind]:
                proposal[f"stage{i}.{key}"] = choose(f"stage{i}.{key}", self.stage[key])
        proposal["share"] = choose("share", self.share)
        return proposal

    def points(self) -> Iterator[dict[str, Any]]:
        """All proposals: of small spaces."""
        beginnings: list[tuple[int, ...]] = [()]
        while beginnings:
            beginning, taken = beginnings.pop(), list[int]()

            def choose(name: str, choices: Choices, beginning=beginning, taken=taken) -> Any:
                if len(taken) >= len(beginning):  # the others in their turn
                    beginnings.extend((*taken, i) for i in range(1, len(choices)))
                taken.append(beginning[len(taken)] if len(taken) < len(beginning) else 0)
                return choices[taken[-1]]

            yield self.propose(choose)

    def choices(self, name: str) -> Choices:
        """What a parameter of a proposal may be."""
        stage = re.fullmatch(r"stage\d+\.(\w+)", name)
        return self.share if name == "share" else self.stage[stage[1]] if stage else self.network[name]

    def build(self, proposal: Mapping[str, Any]) -> Network:
        """The proposed network; raises :class:`CodesignError` if there is none (a map too small for its pools)."""
        p, shift = proposal, {"shift": proposal["shift"]}

        def pool(padding: Any) -> list:
            return [] if padding == "none" else [{"pool": {"padding": padding}}]

        layers: list[Any] = [{"conv": p["stem"]}, *pool(p["stem_pool"]), *[shift, {"conv": p["mix_width"]}] * p["mix"]]
        for i in range(p["stages"]):
            width, depth = p[f"stage{i}.width"], p[f"stage{i}.depth"]
            if p[f"stage{i}.kind"] == "plain":
                layers += [*pool(p[f"stage{i}.pool"]), *[shift, {"conv": width}] * depth]
            else:
                block = {"out": width, "expansion": p[f"stage{i}.expansion"], "shift": p["shift"]}
                layers += [{"block": {**block, "downsample": True}}, *[{"block": block}] * (depth - 1)]
        if p["head"] != "none":
            layers.append({"conv": p["head"]})
        network = Network.from_dict({"name": self.name, "input": list(self.input),
                                     "layers": [*layers, "average", {"linear": self.classes}]})
        return dataclasses.replace(network, name=f"{self.name}-{network.digest()[:8]}")

    def configs(self, board: Board) -> list[AcceleratorConfig]:
        """Every accelerator of the space on ``board``: its preset with each combination of choices (and, where the
        space does not say, no more wide rows than rows). Its name tells the shape, and what there was to choose."""
        keys, preset = list(self.accelerator), board.preset()
        configs, error = [], None
        for values in itertools.product(*self.accelerator.values()):
            changes = dict(zip(keys, values, strict=True))
            wide_rows = min(preset.wide_rows, changes.get("rows", preset.rows))
            try:
                config = dataclasses.replace(preset, **{"wide_rows": wide_rows, **changes})
            except CodesignError as e:
                error = e
                continue
            rest = [f"{k}{v}" for k, v in changes.items() if k not in ("rows", "cols") and len(self.accelerator[k]) > 1]
            configs.append(dataclasses.replace(
                config, name="-".join([board.name, f"{config.rows}x{config.cols}", *rest])))
        require(bool(configs), f"Space accelerator must allow a configuration on {board.name}: {error}")
        return configs

    def to_dict(self) -> dict:
        """As the YAML file has it."""
        lists = {key: list(values) for key, values in self.network.items()}
        budget = {} if self.max_cycles is None else {"budget": {"cycles": self.max_cycles}}
        return {"name": self.name, "input": list(self.input), "classes": self.classes,
                "network": {**lists, "stage": {k: list(v) for k, v in self.stage.items()}},
                "accelerator": {k: list(v) for k, v in self.accelerator.items()},
                "share": list(self.share), **budget}

    @classmethod
    def from_dict(cls, values: object) -> "Space":
        """Check ``values`` (a YAML file's content) and build a space."""
        top = _mapping("file", values, ("name", "input", "classes", "network", "accelerator", "share"), ("budget",))
        network = _mapping("network", top["network"], (*NETWORK_KEYS, "stage"))
        stage = _mapping("network stage", network["stage"], ("kind", "width", "depth", "pool", "expansion"))
        accelerator = _mapping("accelerator", top["accelerator"], (), ACCELERATOR_KEYS)
        budget = _mapping("budget", top["budget"], ("cycles",)) if "budget" in top else {}
        require(isinstance(top["name"], str) and top["name"] != "", f"Space name must be a text, not {top['name']!r}")
        require(isinstance(top["input"], list) and len(top["input"]) == 3 and all(map(_integer(1, 4096), top["input"])),
                f"Space input must be [channels, height, width], not {top['input']!r}")
        for where, value in (("classes", top["classes"]), *((f"budget {key}", value) for key, value in budget.items())):
            require(type(value) is int and 1 <= value <= 10**9,
                    f"Space {where} must be an integer in 1..1000000000, not {value!r}")
        combinations = 1
        for key, choices in accelerator.items():
            combinations *= len(_choices(f"accelerator {key}", key, choices))
        require(combinations <= MAX_CONFIGS,
                f"Space accelerator must have at most {MAX_CONFIGS} combinations, not {combinations}")
        return cls(name=top["name"], input=tuple(top["input"]), classes=top["classes"],
                   network={k: _choices(f"network {k}", k, network[k]) for k in NETWORK_KEYS},
                   stage={k: _choices(f"network stage {k}", k, v) for k, v in stage.items()},
                   accelerator={k: tuple(v) for k, v in accelerator.items()},
                   share=_choices("share", "share", top["share"]), max_cycles=budget.get("cycles"))


def is_size(name: str) -> bool:
    """Whether less of the parameter ``name`` makes a smaller network of the same kind."""
    return name.rpartition(".")[2] in SIZES


def size(choice: Any) -> int:
    """How much a choice of such a parameter is."""
    return 0 if choice == "none" else choice


def space_names() -> list[str]:
    """Names of the built-in spaces."""
    return sorted(Path(f.name).stem for f in resources.files("codesign.search").iterdir() if f.name.endswith(".yaml"))


def load_space(reference: str) -> Space:
    """The space that ``reference`` names: a built-in one, or a YAML file's path."""
    path = Path(reference)
    try:
        if path.suffix in (".yaml", ".yml"):
            text = path.read_text()
        else:
            require(reference in space_names(),
                    f"Space must be one of {', '.join(space_names())} or a .yaml file, not {reference!r}")
            text = resources.files("codesign.search").joinpath(f"{reference}.yaml").read_text()
        return Space.from_dict(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError) as e:
        raise CodesignError(f"Space file {reference!r} must be readable: {e}") from None
    except yaml.YAMLError as e:
        raise CodesignError(f"Space file {reference!r} must be YAML: {' '.join(str(e).split())}") from None
