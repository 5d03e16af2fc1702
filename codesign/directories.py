"""Directories that appear whole or not at all, and the one where what was built is kept."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import CodesignError, require

__all__ = ["built_once", "cache_directory", "new_directory"]


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


def built_once(target: Path, build: Callable[[Path], None]) -> Path:
    """``target``, made by ``build(directory)`` if it is not there; whoever else wants it meanwhile waits for it.

    A builder that is killed lets go of the lock, and the next one begins anew.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f".{target.name}.lock")):
        if target.exists():  # by whom we waited for
            return target
        for left in target.parent.glob(f".{target.name}.building-*"):
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.building-"))
        try:
            build(work)
            work.rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Alone among all processes with the lock file ``path``, which is gone afterwards."""
    while True:
        lock = open(path, "a")
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process, however it ends
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(lock.fileno()).st_ino == path.stat().st_ino:
                break
        lock.close()  # whom we waited for has removed it
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.close()
