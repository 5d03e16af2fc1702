"""For all tests: one compiled Yosys, whatever caches they begin with."""

import os

from codesign.directories import cache_directory
from codesign.sim.yowasp import CACHE

os.environ.setdefault(CACHE, str(cache_directory() / "yowasp"))
