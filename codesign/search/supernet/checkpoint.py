"""States of trainings as bytes, which travel between the sweep's process, its disk and its workers."""

import io
import pickle
from collections.abc import Mapping
from typing import Any

import torch

from ...errors import CodesignError, require
from ...train.checkpoints import Stateful

__all__ = ["ByEpochs"]


class ByEpochs:
    """A training that can stop after any epoch and go on from its state.

    plan : says how many ``epochs`` there are; identity : what a state must share to be continued
    history : one dictionary per epoch
    result : what a finished training is kept for, by name; means : what else it takes to go on
    """

    plan: Any
    identity: Mapping[str, Any]
    history: list[dict]
    result: Mapping[str, Stateful]
    means: Mapping[str, Stateful]

    @property
    def epochs_done(self) -> int:
        return len(self.history)

    @property
    def done(self) -> bool:
        return len(self.history) >= self.plan.epochs

    @property
    def _parts(self) -> dict[str, Stateful]:
        return {**self.result, **({} if self.done else self.means)}

    def state(self) -> bytes:
        """All of it; of a finished one, its result."""
        file = io.BytesIO()
        torch.save({"identity": dict(self.identity), "history": self.history,
                    **{name: part.state_dict() for name, part in self._parts.items()}}, file)
        return file.getvalue()

    def restore(self, state: bytes | None) -> None:
        """Where ``state`` has it; at its start without one. Raises :class:`CodesignError` where it is broken or of
        another ``identity``."""
        found = {"history": []} if state is None else _unpacked(state, self.identity)
        self.history = list(found["history"])
        for name, part in self._parts.items() if state is not None else ():
            part.load_state_dict(found[name])


def _unpacked(state: bytes, identity: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found = torch.load(io.BytesIO(state), weights_only=True, map_location="cpu")
        begun = found.pop("identity")
    except (OSError, RuntimeError, pickle.UnpicklingError, KeyError, TypeError, ValueError, EOFError,
            AttributeError) as e:
        reason = (str(e).splitlines() or [type(e).__name__])[0]
        raise CodesignError(f"Supernet's checkpoint must be one that its training wrote: {reason}") from None
    different = [key for key in identity if begun.get(key) != identity[key]]
    require(not different, f"Supernet's checkpoint must be of this sweep, not of another {', '.join(different)}")
    return found
