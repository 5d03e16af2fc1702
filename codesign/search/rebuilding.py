"""A candidate of a finished sweep again: its model, from its directory or trained anew, and its Verilog."""

import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..board import Board
from ..errors import CodesignError, require
from ..integer import IntegerNetwork
from ..model import load_model, model_digest
from ..network import Network
from .preparation import advance
from .prepared import Prepared, prepare
from .space import Space
from .training import Job, Shared, train_network

__all__ = ["check_verilog", "find_candidate", "model_of", "retrained"]


def find_candidate(results: Mapping, beginning: str) -> dict:
    """The trained candidate whose id begins so; raises :class:`CodesignError` where there is none or are many."""
    found = [c for c in results["candidates"] if beginning and c["id"].startswith(beginning)]
    require(len(found) == 1, f"Candidate must be one of the sweep's, not {beginning!r}, which {len(found)} are")
    require("model" in found[0], f"Candidate must have been trained, not only priced as {found[0]['id']} was "
                                 f"({found[0]['status']})")
    return found[0]


def model_of(directory: Path, candidate: Mapping) -> tuple[Network, IntegerNetwork]:
    """The model that was measured, or else that the search trained, as it is in the sweep's directory."""
    about = candidate.get("measured", candidate)
    network, integer = load_model(directory / about["model"])
    require(model_digest(integer) == about["model_digest"],
            f"Model {about['model']} must be the sweep's, not another one")
    return network, integer


def retrained(results: Mapping, candidate: Mapping, dataset: str | None = None) -> tuple[Network, IntegerNetwork]:
    """The same, trained anew; raises :class:`CodesignError` where the integers are not the same."""
    import torch

    from ..datasets import dataset_for
    from ..recipe import Recipe
    from ..train import train

    torch.set_num_threads(1)  # as in the sweep: sums have an order
    settings = results["settings"]
    data = dataset_for(dataset or results["dataset"], settings["space"]["input"])
    measured, recipe = candidate.get("measured"), Recipe.from_dict(settings["recipe"])
    shared = Shared(train=train, measure=_never, dataset=data, seed=settings["seed"], recipe=recipe,
                    device=settings["training_device"])
    prepared = prepare(
        settings["search"], Space.from_dict(settings["space"]), Board.from_dict(settings["board"]),
        passes=settings["trained"] * settings["epochs"], proposals=settings["trials"], seed=settings["seed"],
        recipe=recipe, complete=lambda courses: [advance(shared, course, None, math.inf) for _, course in courses],
    ) if settings["search"] == "supernet" else Prepared()
    network = Network.from_dict(candidate["network"])
    integer = train_network(shared, Job(
        network=network, all_data=measured is not None, seed=settings["seed"],
        epochs=settings["final_epochs"] if measured else candidate["epochs"], path=Path(),
        inheritance=prepared.inheritance)).integer
    require(model_digest(integer) == (measured or candidate)["model_digest"],
            f"Training must give the integers that the sweep had: {_differences(results)}")
    return network, integer


def check_verilog(results: Mapping, candidate: Mapping, digest: str) -> None:
    """Raise :class:`CodesignError` unless ``digest`` is of the Verilog that the sweep measured or ended with."""
    front = {e["id"]: e["verilog_digest"] for e in results["front"]}
    known = candidate.get("measured", {}).get("verilog_digest") or front.get(candidate["id"])
    require(known in (None, digest),
            f"Verilog must be the sweep's, {str(known)[:16]}, not {digest[:16]}: {_differences(results)}")


def _never(*_):
    raise CodesignError("Rebuilding measures nothing")


def _differences(results: Mapping) -> str:
    """Versions that are not the sweep's."""
    then, found = results["versions"], []
    for name in then:
        try:
            now = platform.python_version() if name == "python" else version(name)
        except PackageNotFoundError:
            now = "none"
        if now != then[name]:
            found.append(f"{name} {now} now, {then[name]} then")
    return ", ".join(found) or "the versions are the same, so codesign's sources or this machine's arithmetic differ"
