"""The one base exception: its message is the one line a user sees."""

__all__ = ["CodesignError", "Contradiction", "require"]


class CodesignError(Exception):
    """A request that cannot be met. The message names the thing, the rule and the value, on one line."""


class Contradiction(CodesignError):
    """What a device answered is not what the reference or the cost model says: one of them is broken."""


def require(condition: bool, message: str) -> None:
    """Raise :class:`CodesignError` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise CodesignError(message)
