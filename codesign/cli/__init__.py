"""The command line: one file per command, each with ``add`` (its arguments) and ``run``.

Results go to stdout, progress and errors to stderr. Heavy imports (torch, amaranth, optuna) are inside the functions
that need them, so that ``--help`` is quick.
"""

from .main import main

__all__ = ["main"]
