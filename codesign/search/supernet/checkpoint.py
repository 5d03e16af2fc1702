"""States of trainings as bytes, which travel between the sweep's process, its disk and its workers."""

import io
import pickle
from collections.abc import Mapping
from typing import Any

import torch

from ...errors import CodesignError, require

__all__ = ["pack", "unpack"]


def pack(identity: Mapping[str, Any], values: Mapping[str, Any]) -> bytes:
    """Tensors, numbers and texts of a training of this ``identity``."""
    file = io.BytesIO()
    torch.save({"identity": dict(identity), **values}, file)
    return file.getvalue()


def unpack(state: bytes, identity: Mapping[str, Any]) -> dict[str, Any]:
    """What was packed; raises :class:`CodesignError` where ``state`` is broken or of another ``identity``."""
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
