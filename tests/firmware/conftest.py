"""The firmware as a library, with the tests' board."""

import pytest

from tests.firmware.builds import write_sources
from tests.firmware.simulated_line import build_library


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    work = tmp_path_factory.mktemp("simulated")
    write_sources(work)
    return build_library(work)
