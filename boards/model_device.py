"""Models on a device as tests need them: by their paths, each run held against the reference and the cost model."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.accelerator import AcceleratorConfig, load_accelerator
from codesign.board import Board, load_board
from codesign.datasets import choose_images
from codesign.device import Device
from codesign.errors import CodesignError, require
from codesign.integer import IntegerNetwork
from codesign.layer_cycles import LayerCycles
from codesign.model import load_model
from codesign.network import load_network
from codesign.random_weights import random_network
from codesign.verification import verify_run

from .devices import open_device

__all__ = ["ModelDevice", "ModelRun"]

FILES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelRun:
    """What a device made of a model's images.

    logits : int64 (n, classes); labels : (n,), None where nobody knows them
    cycles : per image; counters, layers : of one image. Empty (counters: None) on the reference
    model_cycles : the cost model's, of one image
    method : simulated, measured (a board), or model (the reference)
    problem : the first difference from the reference or, where the accelerator is simulated, from the cost model, in a
        line; None if there is none
    """

    model: str
    accelerator: str
    method: str
    logits: np.ndarray
    labels: np.ndarray | None
    cycles: tuple[int, ...]
    counters: dict[str, int] | None
    layers: tuple[LayerCycles, ...]
    model_cycles: int
    problem: str | None

    @property
    def classes(self) -> np.ndarray:
        """(n,), each image's class: the first with the highest logit."""
        return self.logits.argmax(axis=1)

    @property
    def accuracy(self) -> float:
        """Share of the images that are classified right. Raises :class:`CodesignError` where labels are not known."""
        if self.labels is None:
            raise CodesignError(f"Images of {self.model} must have labels for its accuracy: name a data set")
        return float((self.classes == self.labels).mean())


class ModelDevice:
    """Runs models on a device of ``kind`` (see :func:`~codesign.boards.devices.open_device`); a context manager.

    ``accelerator``, ``board`` : names or YAML files, which any run may choose others than; ``directory`` is where
    relative paths begin. The line is recorded in, or replayed from, the file ``session(config)``, if given.
    """

    def __init__(self, kind: str, directory: Path, *, accelerator: str | None = None, board: str | None = None,
                 port: str | None = None, baud: int = 115_200, record: bool = False,
                 session: Callable[[AcceleratorConfig], Path] | None = None):
        self.kind, self.directory, self.accelerator, self.board = kind, directory, accelerator, board
        self._port, self._baud, self._record, self._session = port, baud, record, session
        self._open, self._stack = dict[AcceleratorConfig, Device](), ExitStack()

    def run(self, model: "str | Path | IntegerNetwork", images: "int | str | np.ndarray" = 8, *,
            dataset: str | None = None, random_weights: int | None = None, accelerator: str | None = None,
            board: str | None = None) -> ModelRun:
        """Run ``images`` of ``model`` and compare; :attr:`ModelRun.problem` is what was found.

        model : a trained model's directory; a network (a YAML file, or diracdeltanet-116 or -128), whose weights are
            then drawn with the seed ``random_weights``; or an integer network
        images : uint8 (n, C, H, W); or how many (or ``"all"``) of those held out of ``dataset``, or of what the model
            was trained on, or of random ones where that is not known

        Raises :class:`CodesignError` where the model cannot run, or the device answers wrongly or not at all.
        """
        __tracebackhide__ = True  # pytest then shows the test's line and the message, not the way to it
        try:
            return self._run(model, images, dataset, random_weights, *self._placed(accelerator, board))
        except CodesignError as e:
            raise CodesignError(str(e)) from None

    def check(self, model: "str | Path | IntegerNetwork", images: "int | str | np.ndarray" = 8, **options) -> ModelRun:
        """:meth:`run`; fails (AssertionError) unless every logit is the reference's, and every layer's cycles and
        counter the cost model's where the accelerator is simulated."""
        __tracebackhide__ = True
        run = self.run(model, images, **options)
        if run.problem:
            raise AssertionError(f"{run.model} on {run.accelerator}, {self.kind}: {run.problem}")
        return run

    def config(self, accelerator: str | None = None, board: str | None = None) -> AcceleratorConfig:
        """The accelerator that a run with these would have: the board's own, or the given one with the board's clock
        and memory."""
        return self._placed(accelerator, board)[0]

    def _placed(self, accelerator: str | None, board: str | None) -> tuple[AcceleratorConfig, Board | None]:
        if accelerator is None and board is None:
            accelerator, board = self.accelerator, self.board
        if accelerator is None and board is None:
            raise CodesignError("Accelerator must be given: codesign_accelerator in pytest's configuration, or "
                                '@pytest.mark.accelerator("ulx3s")')
        placed = None if board is None else load_board(self._path(board))
        if accelerator is None:
            assert placed is not None
            return placed.preset(), placed
        config = load_accelerator(self._path(accelerator))
        return (config if placed is None else placed.place(config)), placed

    def _run(self, model: "str | Path | IntegerNetwork", images: "int | str | np.ndarray", dataset: str | None,
             seed: int | None, config: AcceleratorConfig, board: Board | None) -> ModelRun:
        name, integer = self._model(model, seed)
        labels = None
        if not isinstance(images, np.ndarray):
            require(images == "all" or type(images) is int and images >= 1,
                    f'Images must be an array, "all" or a number of at least 1, not {images!r}')
            images, labels, _ = choose_images(None if images == "all" else images, integer.graph.input_shape,
                                              integer.info, dataset)
        device = self._device(config, integer, board)
        found = verify_run(integer, config, images, device)
        result = found.result
        return ModelRun(model=name, accelerator=config.name, method=device.method, logits=result.logits, labels=labels,
                        cycles=result.cycles, counters=result.counters, layers=result.layers,
                        model_cycles=found.prediction.cycles, problem=found.problem)

    def _path(self, reference: str) -> str:
        return str(self.directory / reference) if Path(reference).suffix in FILES else reference

    def _model(self, model: "str | Path | IntegerNetwork", seed: int | None) -> tuple[str, IntegerNetwork]:
        if isinstance(model, IntegerNetwork):
            return "network", model
        path = self.directory / model
        if path.is_dir():
            require(seed is None, f"Trained model {str(model)!r} must be taken as it is, not with random weights")
            network, integer = load_model(path)
            return network.name, integer
        reference = self._path(str(model))
        network = load_network(reference)
        if seed is None:
            raise CodesignError("Model must be a trained model's directory, or a network with random_weights=SEED, "
                                f"not {str(model)!r}")
        return network.name, random_network(network.graph(), seed)

    def _device(self, config: AcceleratorConfig, integer: IntegerNetwork, board: Board | None) -> Device:
        if self.kind == "reference":
            with open_device(self.kind, config, integer=integer) as device:
                return device
        if config not in self._open:
            session = None if self._session is None else self._session(config)
            replayed = self.kind == "replay" and self._port is None and session is not None
            require(not replayed or session.exists(),
                    f"Session {str(session)!r} must have been recorded: --device serial --port P --record")
            self._open[config] = self._stack.enter_context(open_device(
                self.kind, config, port=str(session) if replayed else self._port, baud=self._baud,
                record=session if self._record else None, board=board))
        return self._open[config]

    def close(self) -> None:
        """Close the line, and end what was recorded."""
        self._stack.close()

    def __enter__(self) -> "ModelDevice":
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()
