"""Directories that appear whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import CodesignError, require

__all__ = ["new_directory"]


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
