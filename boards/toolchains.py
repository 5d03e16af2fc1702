"""The toolchains that make a board's image, by the name in its file.

A toolchain is a package with

- ``TOOLS``, the names of the tools it needs (of :func:`codesign.sim.toolchain.tools`);
- ``check(board)``, which raises :class:`CodesignError` where the board file's settings for it are wrong;
- ``build(job, out, progress)``, which makes the directory ``out`` of a :class:`~codesign.boards.job.BuildJob`, whole or
  not at all, and returns its manifest (JSON-compatible);
- ``describe(manifest, out)``, what was made and what to do with it, for people.
"""

from importlib import import_module
from types import ModuleType

from codesign.board import Board
from codesign.errors import CodesignError

__all__ = ["load_toolchain"]

_PACKAGES = {"lattice": "codesign.boards.lattice", "vivado": "codesign.boards.vivado"}


def load_toolchain(board: Board) -> ModuleType:
    """The package that makes images for ``board``, whose settings it has checked."""
    if board.toolchain is None:
        raise CodesignError(f"Board {board.name} must say its toolchain in its file for an image to be built")
    name = board.toolchain["name"]
    if name not in _PACKAGES:
        raise CodesignError(f"Toolchain must be one of {', '.join(_PACKAGES)} for an image to be built, not {name}")
    package = import_module(_PACKAGES[name])
    package.check(board)
    return package
