"""Directories that appear whole or not at all, and the one where what was built is kept."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import CodesignError, require

__all__ = ["cache_directory", "cached_directory", "new_directory"]


@contextlib.contextmanager
def new_directory(path: Path, what: str) -> Iterator[Path]:
    """A temporary sibling that becomes ``path`` if all goes well, and vanishes otherwise.

    Raises :class:`CodesignError`, naming ``what``, where ``path`` exists or cannot be written (a full disk).
    """
    require(not os.path.lexists(path), f"{what} must not exist yet, not {str(path)!r} which does")
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        yield temporary
        temporary.chmod(0o755)
        temporary.rename(path)
    except OSError as e:
        raise CodesignError(f"{what} {str(path)!r} must be writable: {e.strerror or e}") from e
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def cache_directory() -> Path:
    """``$CODESIGN_CACHE``, or ``codesign`` in the user's cache directory."""
    given = os.environ.get("CODESIGN_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "codesign"


@contextlib.contextmanager
def cached_directory(target: Path) -> Iterator[Path]:
    """A temporary directory that becomes ``target`` when all went well; somebody else's equal one is as good."""
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix="building-"))
    try:
        yield work
        try:
            work.rename(target)
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
