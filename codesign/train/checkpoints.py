"""A training run on disk between two epochs, so that it can be continued."""

import os
import pickle
from pathlib import Path

import torch

from ..errors import CodesignError, require

__all__ = ["restore", "save"]


def save(path: str | Path, identity: dict, module: torch.nn.Module, optimizer, schedule, history: list[dict]) -> None:
    """Replace the file ``path`` in one step: it is always a whole checkpoint, the old or the new."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save({"identity": identity, "module": module.state_dict(), "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(), "history": history}, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as e:
        raise CodesignError(f"Checkpoint {str(path)!r} must be writable: {' '.join(str(e).split())}") from None
    finally:
        temporary.unlink(missing_ok=True)


def restore(path: str | Path, identity: dict, module: torch.nn.Module, optimizer, schedule) -> list[dict]:
    """Load ``path`` into the module, optimizer and schedule; returns the history so far, empty where there is no file.

    Raises :class:`CodesignError` where the file is broken or belongs to a run of another ``identity``.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        state = torch.load(path, weights_only=True, map_location=next(module.parameters()).device)
        found = state["identity"]
        if found == identity:
            module.load_state_dict(state["module"])
            optimizer.load_state_dict(state["optimizer"])
            schedule.load_state_dict(state["schedule"])
        history = list(state["history"])
    except (OSError, RuntimeError, pickle.UnpicklingError, KeyError, TypeError, ValueError, EOFError) as e:
        reason = (str(e).splitlines() or [type(e).__name__])[0]
        raise CodesignError(f"Checkpoint {str(path)!r} must be one that training wrote: {reason}") from None
    different = [key for key in identity if not isinstance(found, dict) or found.get(key) != identity[key]]
    require(not different, f"Checkpoint {str(path)!r} must be of this run, not of another {', '.join(different)}")
    return history
