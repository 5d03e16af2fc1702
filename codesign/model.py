"""A trained model on disk: one directory that says all of itself.

``network.yaml`` is the architecture as a person writes it, ``integers.npz`` the integers of every layer (arrays named
``LAYER/weight``, ``/mul``, ``/add``, ``/shift``), ``model.json`` the logit scale, provenance and digests.
"""

import hashlib
import json
import os
import struct
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .directories import new_directory
from .errors import CodesignError, require
from .integer import IntegerNetwork, Layer
from .network import Network

__all__ = ["load_model", "model_digest", "save_model"]

FORMAT = 1
FIELDS = {"weight": "<i1", "mul": "<i8", "add": "<i8", "shift": "<i8"}


def model_digest(integer: IntegerNetwork) -> str:
    """SHA-256, hexadecimal, of all that decides the logits: operators, wiring, integers and logit scale."""
    nodes = [[node.name, type(node.op).__name__, asdict(node.op), list(node.inputs)] for node in integer.graph.nodes]
    digest = hashlib.sha256(json.dumps([FORMAT, integer.logit_scale, nodes], sort_keys=True).encode())
    for name in sorted(integer.layers):
        for field, dtype in FIELDS.items():
            array = np.ascontiguousarray(getattr(integer.layers[name], field), dtype)
            digest.update(f"{name}/{field}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def save_model(path: str | os.PathLike, network: Network, integer: IntegerNetwork) -> None:
    """Write the model directory ``path``, which must not exist: whole, or (on any failure) not at all.

    Raises :class:`CodesignError` where the path exists or cannot be written, or ``integer`` is not of ``network``.
    """
    path = Path(path)
    require(integer.graph == network.graph(), "Model integers must belong to the network's graph")
    text = network.to_yaml()
    description = {"format": FORMAT, "logit_scale": float(integer.logit_scale), "info": integer.info,
                   "network_sha256": hashlib.sha256(text.encode()).hexdigest(), "digest": model_digest(integer)}
    arrays: dict[str, Any] = {f"{name}/{field}": np.asarray(getattr(layer, field), dtype)
              for name, layer in integer.layers.items() for field, dtype in FIELDS.items()}
    with new_directory(path, "Model path") as work:
        (work / "network.yaml").write_text(text)
        np.savez_compressed(work / "integers.npz", **arrays)
        (work / "model.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")


def load_model(path: str | os.PathLike) -> tuple[Network, IntegerNetwork]:
    """Read and check a model directory: types, shapes, ranges and digests. Raises :class:`CodesignError`."""
    path = Path(path)
    require(path.is_dir(), f"Model must be a directory, not {str(path)!r}")
    try:
        return _load(path)
    except CodesignError as e:
        raise CodesignError(f"{path}: {e}") from None
    except OSError as e:
        raise CodesignError(f"{path}: Model must hold readable network.yaml, model.json and integers.npz: "
                            f"{e.strerror or e}") from None


def _load(path: Path) -> tuple[Network, IntegerNetwork]:
    try:
        text = (path / "network.yaml").read_text()
        description = json.loads((path / "model.json").read_text())
    except (ValueError, RecursionError) as e:
        raise CodesignError(f"Model files must be text and JSON: {' '.join(str(e).split())}") from None
    wanted = {"format": int, "logit_scale": float, "info": dict, "network_sha256": str, "digest": str}
    require(isinstance(description, dict) and set(description) == set(wanted),
            f"model.json must give {', '.join(wanted)} and nothing else")
    for key, kind in wanted.items():
        require(type(description[key]) is kind, f"model.json {key} must be a {kind.__name__}, not {description[key]!r}")
    require(description["format"] == FORMAT, f"model.json format must be {FORMAT}, not {description['format']}")
    require(np.isfinite(description["logit_scale"]) and description["logit_scale"] > 0,
            f"model.json logit_scale must be positive, not {description['logit_scale']}")
    require(hashlib.sha256(text.encode()).hexdigest() == description["network_sha256"],
            "network.yaml must be the one that was saved (network_sha256 in model.json), not a changed one")
    network = Network.from_yaml(text)
    arrays = _read_arrays(path / "integers.npz")
    names = sorted({key.rpartition("/")[0] for key in arrays})
    require(sorted(arrays) == sorted(f"{name}/{field}" for name in names for field in FIELDS),
            f"integers.npz must hold {', '.join(FIELDS)} of every layer, not {', '.join(sorted(arrays))[:200]}")
    for key, array in arrays.items():
        require(array.dtype.str == np.dtype(FIELDS[key.rpartition("/")[2]]).str,
                f"integers.npz {key} must be {FIELDS[key.rpartition('/')[2]]}, not {array.dtype.str}")
    layers = {name: Layer(**{field: arrays[f"{name}/{field}"] for field in FIELDS}) for name in names}
    integer = IntegerNetwork(network.graph(), layers, description["logit_scale"], description["info"])
    require(model_digest(integer) == description["digest"],
            "Model integers must be those that were saved (digest in model.json), not changed ones")
    return network, integer


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (ValueError, EOFError, KeyError, AttributeError, TypeError, MemoryError,
            NotImplementedError, OverflowError, struct.error, zipfile.BadZipFile, zlib.error) as e:
        raise CodesignError(f"integers.npz must be arrays of integers: {' '.join(str(e).split())}") from None
