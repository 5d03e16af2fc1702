"""The modelled sensors (firmware/host/sensor_model.c), as the drivers read them."""

import ctypes
import subprocess
from importlib import resources

import pytest

CONVERSION_NS = 16 * 2 * 332_000
BOARDS = {"zcu102": 18, "ultra96-v1": 1, "ultra96-v2": 11, "host": 3}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    work, firmware = tmp_path_factory.mktemp("model"), resources.files("codesign.firmware")
    subprocess.run(["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=undefined",
                    "-fsanitize-undefined-trap-on-error", "-shared", "-fPIC", f"-I{firmware}",
                    firmware.joinpath("host/sensor_model.c"), firmware.joinpath("sensors_boards.c"),
                    "-o", work / "model.so"], check=True)
    return ctypes.CDLL(str(work / "model.so"))


class Model:
    """The model on the bench's bus, at a time that moves on by 100 us with each transfer."""

    def __init__(self, library, board, seed=1):
        self.library, self.now = library, 1_000_000
        library.sensor_model_begin(board.encode(), ctypes.c_uint64(seed))

    def run(self, running):
        self.library.sensor_model_run(ctypes.c_bool(running), ctypes.c_uint64(self.now))

    def transfer(self, device, out, count):
        self.now += 100_000
        data = ctypes.create_string_buffer(count)
        self.library.sensor_model_i2c.restype = ctypes.c_bool
        done = self.library.sensor_model_i2c(ctypes.c_uint64(self.now), ctypes.c_uint8(device), bytes(out),
                                             ctypes.c_size_t(len(out)), data, ctypes.c_size_t(count))
        return data.raw if done else None


def watts(bench, rails):
    found = [bench.sample(rail) for rail in range(rails)]
    assert all(status == 0 for status, _, _ in found)
    return [volts * amperes * 1e-12 for _, volts, amperes in found]


@pytest.mark.parametrize("board, rails", BOARDS.items())
def test_every_rail_of_every_board_answers(bench, library, board, rails):
    bench.bus = model = Model(library, board)
    bench.ask(f"b {board}")
    assert int(bench.ask("c")) == rails and bench.begin() == 0
    model.now += 3 * CONVERSION_NS
    idle = watts(bench, rails)
    assert all(0.001 < w < 10 for w in idle)
    model.run(True)
    model.now += 3 * CONVERSION_NS
    active = watts(bench, rails)
    more = [a / i for a, i in zip(active, idle, strict=True)]
    assert max(more) > 1.15 and min(more) > 0.9  # some rails take more, none takes much less


def test_half_the_time_half_the_power_more(bench, library):
    """A conversion is a mean over its time."""
    bench.bus = model = Model(library, "ultra96-v1")
    bench.ask("b ultra96-v1")
    bench.begin()
    means = []
    for share in (0, 0.25, 0.5, 1):
        found = []
        for _ in range(60):
            for part, running in ((share, True), (1 - share, False)):
                model.run(running and part > 0)
                model.now += int(part * CONVERSION_NS / 4)
            found += watts(bench, 1)
        means.append(sum(found[10:]) / 50)
    idle, quarter, half, full = means
    assert idle == pytest.approx(12 * 0.52, rel=0.005) and full > 1.15 * idle
    # transfers take their time, too, and are done while nothing runs, or all does
    assert quarter - idle == pytest.approx((full - idle) / 4, rel=0.4) and quarter < half < full


def test_what_is_read_is_of_the_last_conversion(bench, library):
    bench.bus = model = Model(library, "ultra96-v1")
    bench.ask("b ultra96-v1")
    bench.begin()
    model.now += 10**12  # long ago
    before, = watts(bench, 1)
    model.run(True)
    assert watts(bench, 1) == [pytest.approx(before)]
    model.now += 2 * CONVERSION_NS
    assert watts(bench, 1)[0] > 1.15 * before
    model.run(False)
    model.now += 10**12
    assert watts(bench, 1) == [pytest.approx(before, rel=0.025)]


def test_seeds(bench, library):
    def values(seed):
        bench.bus = model = Model(library, "ultra96-v2", seed)
        bench.ask("b ultra96-v2")
        found = []
        for _ in range(5):
            model.now += CONVERSION_NS
            found += watts(bench, 11)
        return found

    assert values(1) == values(1) != values(2)


def test_a_stranger(library):
    model = Model(library, "ulx3s")
    assert model.transfer(0x75, b"\4", 0) is None
    model = Model(library, "zcu102")
    assert model.transfer(0x20, b"\0", 1) is None and model.transfer(0x40, b"\0", 2) is None  # no channel is selected
