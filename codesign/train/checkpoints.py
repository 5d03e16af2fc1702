"""A training run on disk between two epochs, so that it can be continued."""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from ..errors import CodesignError, require

__all__ = ["Stateful", "restore", "save"]


class Stateful(Protocol):
    """A module, optimizer, schedule or scaler."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


def save(path: Path, identity: dict, parts: Mapping[str, Stateful], history: list[dict]) -> None:
    """Replace the file ``path`` in one step: it is always a whole checkpoint, the old or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save({"identity": identity, "history": history,
                    "states": {name: part.state_dict() for name, part in parts.items()}}, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as e:
        raise CodesignError(f"Checkpoint {str(path)!r} must be writable: {' '.join(str(e).split())}") from None
    finally:
        temporary.unlink(missing_ok=True)


def restore(path: Path, identity: dict, parts: Mapping[str, Stateful]) -> list[dict]:
    """Load ``path`` into ``parts``; returns the history so far, empty where there is no file.

    Raises :class:`CodesignError` where the file is broken or belongs to a run of another ``identity``.
    """
    if not path.exists():
        return []
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")  # each part moves its own where it belongs
        found = state["identity"]
        if found == identity:
            for name, part in parts.items():
                part.load_state_dict(state["states"][name])
        history = list(state["history"])
    except (OSError, RuntimeError, pickle.UnpicklingError, KeyError, TypeError, ValueError, EOFError) as e:
        reason = (str(e).splitlines() or [type(e).__name__])[0]
        raise CodesignError(f"Checkpoint {str(path)!r} must be one that training wrote: {reason}") from None
    different = [key for key in identity if not isinstance(found, dict) or found.get(key) != identity[key]]
    require(not different, f"Checkpoint {str(path)!r} must be of this run, not of another {', '.join(different)}")
    return history
