"""The directory of a sweep: what is where in it, who may use it, and that it belongs to the sweep that is asked for."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import CodesignError, require

__all__ = ["SweepDirectory", "write_json"]

MANIFEST = "sweep.json"


def write_json(path: Path, values: object) -> None:
    """Write a JSON file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(values, indent=1, allow_nan=False) + "\n")
        os.replace(temporary, path)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        raise CodesignError(f"{path.name} must be writable in {str(path.parent)!r}: {e.strerror or e}") from None


class SweepDirectory:
    """``study.db`` (trials, unless a server has them), ``costs.db``, ``candidates/`` (models), ``measured/``,
    ``results.json``, ``report.html``; ``*.pt``, what the search trained before it proposed anything."""

    def __init__(self, path: Path):
        self.path = path
        self.study, self.costs, self.results = path / "study.db", path / "costs.db", path / "results.json"
        self.candidates, self.measured, self.report = path / "candidates", path / "measured", path / "report.html"

    @property
    def begun(self) -> bool:
        """Whether there is a sweep in it."""
        return (self.path / MANIFEST).exists()

    @contextlib.contextmanager
    def opened(self, settings: dict, title: str) -> Iterator[str]:
        """The directory, made if need be, for this process alone and for the sweep with ``settings``.

        Gives the sweep's name: ``title`` and what no other sweep has, so that many can be in one database.

        Raises :class:`CodesignError` where another process uses it, it holds something else, or it was begun
        with other settings.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            require(self.begun or all(map(_is_ours, os.listdir(self.path))),
                    f"Sweep directory must be empty or a sweep's, not {str(self.path)!r}")
            lock = open(self.path / ".lock", "w")
        except OSError as e:
            raise CodesignError(f"Sweep directory {str(self.path)!r} must be writable: {e.strerror or e}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go when the process ends, however it ends
            except OSError:
                raise CodesignError(f"Sweep directory {str(self.path)!r} must not be in use by another sweep") from None
            name = self._check_settings(settings, title)
            self._tidy()
            yield name

    def _tidy(self) -> None:
        """Make the folders, and remove what a process left half-written when it was killed."""
        for folder in (self.candidates, self.measured):
            folder.mkdir(exist_ok=True)
            for left in folder.glob(".*"):
                shutil.rmtree(left, ignore_errors=True)
        for left in self.path.glob(".*.*"):
            if _is_ours(left.name):
                left.unlink(missing_ok=True)

    def _check_settings(self, settings: dict, title: str) -> str:
        settings = json.loads(json.dumps(settings))
        manifest = self.path / MANIFEST
        if not self.begun:
            name = f"{title}-{uuid.uuid4().hex[:12]}"
            write_json(manifest, {"name": name, **settings})
            return name
        try:
            begun = json.loads(manifest.read_text())
        except (OSError, ValueError) as e:
            raise CodesignError(f"Sweep file {str(manifest)!r} must be readable: {e}") from None
        require(isinstance(begun, dict) and isinstance(begun.get("name"), str),
                f"Sweep file {str(manifest)!r} must be a mapping with the sweep's name")
        name = begun.pop("name")
        for key, was, asked in _differences(begun, settings):
            raise CodesignError(f"Sweep {key} must be as the sweep in {str(self.path)!r} was begun, {_brief(was)}, not "
                                f"{_brief(asked)} (choose another directory)")
        return name


def _differences(begun: Mapping, asked: Mapping, within: str = "") -> Iterator[tuple[str, object, object]]:
    """What is not the same in two mappings: the words that lead there, and both values."""
    for key in sorted({*begun, *asked}):
        was, now = begun.get(key), asked.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _differences(was, now, f"{within}{key} ")
        elif was != now:
            yield f"{within}{key}", was, now


def _is_ours(name: str) -> bool:
    """Whether a hidden file is the lock, or what is written to before it has its name."""
    written = r"\.(sweep\.json|results\.json|report\.html|[\w.-]+\.pt)\.\d+"
    return name == ".lock" or re.fullmatch(written, name) is not None


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
