"""What a run was asked: a network, on an accelerator, on a board. Enough to ask it again."""

import hashlib
from dataclasses import dataclass

from ..accelerator import AcceleratorConfig
from ..errors import require
from ..network import Network
from .row import canonical

__all__ = ["Question"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One run's question. ``board`` is the board's name; its clock and memory are in ``accelerator``."""

    network: Network
    accelerator: AcceleratorConfig
    board: str

    def __post_init__(self):
        require(isinstance(self.board, str) and self.board != "",
                f"Question's board must be a text, not {self.board!r}")

    def digest(self) -> str:
        """SHA-256 of its content, hexadecimal."""
        return hashlib.sha256(canonical(self.to_dict()).encode()).hexdigest()

    def to_dict(self) -> dict:
        """JSON-compatible; :meth:`from_dict` takes it back."""
        return {"network": self.network.to_dict(), "accelerator": self.accelerator.to_dict(), "board": self.board}

    @classmethod
    def from_dict(cls, values: object) -> "Question":
        """Check ``values`` and build a question; raises :class:`CodesignError`."""
        keys = {"network", "accelerator", "board"}
        require(isinstance(values, dict) and set(values) == keys,
                f"Question must be a mapping of {', '.join(sorted(keys))}, not {str(values)[:80]!r}")
        assert isinstance(values, dict)
        return cls(network=Network.from_dict(values["network"]), board=values["board"],
                   accelerator=AcceleratorConfig.from_dict(values["accelerator"]))
