"""Networks as people write them: a frozen list of layers, its YAML form and its graph."""

import dataclasses
import hashlib
import json
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .diracdeltanet import BUILT_IN, diracdeltanet_layers
from .errors import CodesignError, require
from .graph import Graph, GraphBuilder, Shape
from .layers import Average, Block, Convolution, LayerSpec, LinearClassifier, check_integer, parse_layer

__all__ = ["Network", "diracdeltanet", "load_network"]

MAX_INPUT_CHANNELS = 1024
MAX_PIXELS = 4096  # on a side
MAX_LAYERS = 1000
MAX_ELEMENTS = 1 << 32  # in one map


@dataclass(frozen=True)
class Network:
    """A network: ``input`` (channels, height, width) of unsigned 8-bit pixels and its ``layers``.

    It starts with a convolution, which alone reads 8-bit pixels, and ends with an average and a linear layer;
    neither occurs elsewhere, since nothing else takes the average's wide sums. Construction checks everything,
    shapes included, and raises :class:`CodesignError` naming the layer and the field.
    """

    name: str
    input: Shape
    layers: tuple[LayerSpec, ...]

    def __post_init__(self):
        require(isinstance(self.name, str) and self.name.strip() != "" and self.name.isprintable(),
                f"Network name must be a text of one line, not {reprlib.repr(self.name)}")
        require(isinstance(self.input, list | tuple) and len(self.input) == 3,
                f"Network input must be [channels, height, width], not {reprlib.repr(self.input)}")
        object.__setattr__(self, "input", tuple(self.input))
        object.__setattr__(self, "layers", tuple(self.layers))
        for field, value, high in zip(("channels", "height", "width"), self.input,
                                      (MAX_INPUT_CHANNELS, MAX_PIXELS, MAX_PIXELS), strict=True):
            check_integer(f"Network input {field}", value, 1, high)
        require(1 <= len(self.layers) <= MAX_LAYERS,
                f"Network layers must be 1..{MAX_LAYERS} layers, not {len(self.layers)}")
        require(isinstance(self.layers[-1], LinearClassifier), "Network layers must end with a linear layer, "
                                                               f"not {self.layers[-1].kind}")
        require(len(self.layers) > 1 and isinstance(self.layers[-2], Average),
                "Network layers must end with average, then linear")
        require(isinstance(self.layers[0], Convolution), "Network layers must start with a conv "
                f"(it alone reads 8-bit pixels), not {self.layers[0].kind}")
        for i, layer in enumerate(self.layers[:-2]):
            require(not isinstance(layer, Average | LinearClassifier),
                    f"Network layers[{i}] must not be {layer.kind}, which comes only at the end")
        self.graph()

    def graph(self) -> Graph:
        """The operators. Nodes are named ``conv0``, ``pool0``, ... by kind and, in blocks, by stage (which each
        downsampling block opens) and block: ``stage1.0.main.expand``."""
        builder = GraphBuilder(self.input)
        counts: dict[str, int] = {}
        stage = block = x = 0
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Block):
                stage, block = (stage + 1, 0) if layer.downsample else (stage, block)
                name, block = f"stage{stage}.{block}", block + 1
            else:
                number = counts.setdefault(layer.kind, 0)
                counts[layer.kind] += 1
                name = layer.kind if isinstance(layer, Average | LinearClassifier) else f"{layer.kind}{number}"
            try:
                x = layer.expand(builder, name, x)
            except CodesignError as e:
                raise CodesignError(f"Network layers[{i}]: {e}") from None
            c, h, w = builder.nodes[x].shape
            require(c * h * w < MAX_ELEMENTS,
                    f"Network layers[{i}] must make a map of less than {MAX_ELEMENTS} elements, not {c}x{h}x{w}")
        return builder.graph()

    def to_dict(self) -> dict:
        """JSON- and YAML-compatible; :meth:`from_dict` takes it back."""
        return {"name": self.name, "input": list(self.input), "layers": [layer.written() for layer in self.layers]}

    @classmethod
    def from_dict(cls, values: Any) -> "Network":
        """Check and build a network from what a file holds; raises :class:`CodesignError`."""
        keys = [f.name for f in dataclasses.fields(cls)]
        require(isinstance(values, dict),
                f"Network must be a mapping of {', '.join(keys)}, not {reprlib.repr(values)}")
        unknown = [key for key in values if key not in keys]
        require(not unknown, f"Network key must be one of {', '.join(keys)}, "
                             f"not {', '.join(map(reprlib.repr, unknown))}")
        missing = [key for key in keys if key not in values]
        require(not missing, f"Network must give {', '.join(missing)}")
        items = values["layers"]
        require(isinstance(items, list) and 1 <= len(items) <= MAX_LAYERS,
                f"Network layers must be a list of 1..{MAX_LAYERS} layers, not {reprlib.repr(items)}")
        layers = []
        for i, item in enumerate(items):
            try:
                layers.append(parse_layer(item))
            except CodesignError as e:
                raise CodesignError(f"Network layers[{i}]: {e}") from None
        return cls(values["name"], values["input"], tuple(layers))

    @classmethod
    def from_yaml(cls, text: str) -> "Network":
        """Parse YAML text; raises :class:`CodesignError`."""
        try:
            values = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as e:
            raise CodesignError(f"Network must be YAML: {' '.join(str(e).split())}") from None
        return cls.from_dict(values)

    def to_yaml(self) -> str:
        lines = [f"name: {json.dumps(self.name)}", f"input: {list(self.input)}  # channels, height, width", "layers:"]
        for layer in self.layers:
            written = layer.written()
            (kind, fields), = written.items() if isinstance(written, dict) else ((written, None),)
            flow = json.dumps(fields).replace('"', "") if fields is not None else ""
            lines.append(f"  - {kind}: {flow}" if flow else f"  - {kind}")
        return "\n".join(lines) + "\n"

    def digest(self) -> str:
        """SHA-256 of the architecture, hexadecimal: equal for equal layers and input, whatever the name and
        however they were written."""
        values = self.to_dict()
        del values["name"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def diracdeltanet(base: int, resolution: int = 224, classes: int = 1000) -> Network:
    """DiracDeltaNet with stages of ``base``, 2 ``base`` and 4 ``base`` channels on 3 x resolution x resolution pixels.

    116 is the released default, 128 the paper's.
    """
    return Network(f"diracdeltanet-{base}", (3, resolution, resolution), diracdeltanet_layers(base, classes))


def load_network(reference: str, resolution: int | None = None, classes: int | None = None) -> Network:
    """The network that ``reference`` names: a built-in one, or a YAML file's path.

    ``resolution`` (pixels on a side) and ``classes`` replace the network's own.
    """
    if reference in BUILT_IN:
        network = diracdeltanet(BUILT_IN[reference])
    else:
        path = Path(reference)
        require(path.suffix in (".yaml", ".yml", ".json"),
                f"Network must be one of {', '.join(BUILT_IN)}, a .yaml file or a trained model's directory, "
                f"not {reference!r}")
        try:
            text = path.read_text()
        except (OSError, ValueError) as e:
            raise CodesignError(f"Network file {reference!r} must be readable: {e}") from None
        try:
            network = Network.from_yaml(text)
        except CodesignError as e:
            raise CodesignError(f"{reference}: {e}") from None
    if resolution is not None:
        network = dataclasses.replace(network, input=(network.input[0], resolution, resolution))
    if classes is not None:
        network = dataclasses.replace(network, layers=(*network.layers[:-1], LinearClassifier(classes)))
    return network
