"""The power sensors' drivers, compiled with sanitizers, against devices and arithmetic from the data sheets."""

import math
import random
from fractions import Fraction

import pytest

from codesign.protocol import protocol
from tests.firmware.i2c_devices import Bus, Ina226, Multiplexer, Pmbus

OKAY, SENSOR, NO_POWER, OUT_OF_RANGE = (
    protocol().statuses[name][0] for name in ("okay", "sensor", "no_power", "out_of_range"))

#: Rails by board: (name, channel, address, micro-ohms, summed), as the boards' device trees have them.
ZCU102 = [("VCCPSINTFP", 0, 0x40, 5000, 1), ("VCCPSINTLP", 0, 0x41, 5000, 1), ("VCCPSAUX", 0, 0x42, 5000, 1),
          ("VCCPSPLL", 0, 0x43, 5000, 1), ("MGTRAVCC", 0, 0x44, 5000, 1), ("MGTRAVTT", 0, 0x45, 5000, 1),
          ("VCCPSDDR", 0, 0x46, 5000, 1), ("VCCOPS", 0, 0x47, 5000, 0), ("VCCOPS3", 0, 0x4A, 5000, 0),
          ("VCCPSDDRPLL", 0, 0x4B, 5000, 1), ("VCCINT", 1, 0x40, 2000, 1), ("VCCBRAM", 1, 0x41, 5000, 1),
          ("VCCAUX", 1, 0x42, 5000, 1), ("VCC1V2", 1, 0x43, 5000, 1), ("VCC3V3", 1, 0x44, 5000, 1),
          ("VADJ_FMC", 1, 0x45, 5000, 0), ("MGTAVCC", 1, 0x46, 5000, 1), ("MGTAVTT", 1, 0x47, 5000, 1)]
ULTRA96_V2 = [("AUX", 0x43, 1), ("1V2", 0x43, 1), ("PSDDR", 0x43, 1), ("INT", 0x43, 1), ("3V3_D", 0x43, 0),
              ("PSAUX", 0x44, 1), ("PSINT_LP", 0x44, 1), ("3V3", 0x44, 0), ("PSINT_FP", 0x44, 1), ("PSPLL", 0x44, 1)]


def nearest(value: Fraction) -> int:
    """To the nearest, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + Fraction(1, 2)), value)) if value else 0


def microamperes(shunt: int, microohms: int) -> int:
    """2.5 uV a step, over the shunt."""
    return nearest(Fraction(25, 10) * shunt / microohms * 1_000_000)


def linear11(word: int) -> Fraction:
    mantissa, exponent = word & 0x7FF, word >> 11
    return Fraction(mantissa - (mantissa >> 10 << 11)) * Fraction(2) ** (exponent - (exponent >> 4 << 5))


def zcu102() -> tuple[Bus, list[Ina226]]:
    sensors = [Ina226() for _ in ZCU102]
    devices = {c: {row[2]: sensor for row, sensor in zip(ZCU102, sensors, strict=True) if row[1] == c} for c in (0, 1)}
    return Bus({0x75: Multiplexer(4, devices)}), sensors


def ultra96_v2() -> tuple[Bus, list[Pmbus]]:
    regulators = [Pmbus([(0, 0)] * 5, [0x18] * 5), Pmbus([(0, 0)] * 5, [0x18] * 5), Pmbus([(0, 0)])]
    return Bus({0x75: Multiplexer(8, {4: dict(zip((0x43, 0x44, 0x45), regulators, strict=True))})}), regulators


def table(bench, board: str) -> list[tuple]:
    bench.ask(f"b {board}")
    count = int(bench.ask("c"))
    assert bench.ask(f"r {22 * count - 1}") == ""  # no room
    data = bytes.fromhex(bench.ask(f"r {22 * count}"))
    return [(e[6:].rstrip(b"\0").decode(), e[0], e[1], int.from_bytes(e[2:6], "little"))
            for e in (data[i:i + 22] for i in range(0, len(data), 22))]


def test_tables(bench):
    assert table(bench, "zcu102") == [(name, 1, summed, ohms) for name, _, _, ohms, summed in ZCU102]
    assert table(bench, "ultra96-v1") == [("VSYS", 1, 1, 10000)]
    assert table(bench, "ultra96-v2") == [*((name, 2, summed, 0) for name, _, summed in ULTRA96_V2), ("5V", 3, 0, 0)]
    assert {kind for _, kind, _, _ in table(bench, "host")} == {1, 2, 3}
    for board in ("zcu102", "ultra96-v2", "host"):
        names = [name for name, *_ in table(bench, board)]
        assert len(set(names)) == len(names) and all(0 < len(name) < 16 for name in names)


@pytest.mark.parametrize("board", ["ulx3s", "", "zcu10", "zcu1022"])
def test_a_board_without_sensors(bench, board):
    bench.ask(f"b {board}")
    assert bench.ask("c") == "0" and bench.ask("r 400") == ""
    assert bench.begin() == NO_POWER and bench.sample(0)[0] == NO_POWER and bench.bus.transfers == 0


def test_every_ina226_is_read_at_its_own_place(bench):
    rng = random.Random(1)
    bench.bus, sensors = zcu102()
    bench.ask("b zcu102")
    assert bench.begin() == OKAY
    assert all(s.written == [0x4497] for s in sensors)  # 16 means of 332 us, shunt and bus, for ever
    assert bench.begin() == OKAY and all(len(s.written) == 1 for s in sensors)  # no mean begins anew
    for _ in range(3):
        for sensor in sensors:
            sensor.shunt, sensor.bus = rng.randrange(-32767, 32767), rng.randrange(32767)
        for rail in rng.sample(range(len(sensors)), len(sensors)):
            bench.bus.transfers = 0
            sensor = sensors[rail]
            assert bench.sample(rail) == (OKAY, sensor.bus * 1250, microamperes(sensor.shunt, ZCU102[rail][3]))
            assert bench.bus.transfers <= 4  # each bounded by the HAL
    assert bench.sample(len(sensors))[0] == OUT_OF_RANGE and bench.sample(255)[0] == OUT_OF_RANGE


@pytest.mark.parametrize("shunt, amperes", [(-18, "-9000"), (0, "0"), (1, "500"), (-1, "-500"), (32766, "16383000"),
                                            (-32767, "-16383500")])
def test_currents_of_either_sign(bench, shunt, amperes):
    bench.bus, sensors = zcu102()
    bench.ask("b zcu102")
    sensors[0].shunt, sensors[0].bus = shunt, 680
    assert bench.ask("p 0") == f"{OKAY} 850000 {amperes}"


@pytest.mark.parametrize("shunt, bus", [(0x7FFF, 680), (-0x8000, 680), (5, 0x7FFF), (5, 0x8000), (5, 0xFFFF)])
def test_the_end_of_the_range_is_no_result(bench, shunt, bus):
    bench.bus, sensors = zcu102()
    bench.ask("b zcu102")
    sensors[3].shunt, sensors[3].bus = shunt, bus
    assert bench.sample(3)[0] == SENSOR and bench.sample(4)[0] == OKAY


@pytest.mark.parametrize("change", [{"manufacturer": 0x5448}, {"die": 0x2270}, {"manufacturer": 0xFFFF, "die": 0xFFFF}])
def test_another_chip_is_refused(bench, change):
    bench.bus, sensors = zcu102()
    bench.ask("b zcu102")
    for name, value in change.items():
        setattr(sensors[11], name, value)
    assert bench.begin() == SENSOR and not sensors[11].written
    sensors[11].manufacturer, sensors[11].die = 0x5449, 0x2261  # another revision will do
    assert bench.begin() == OKAY


@pytest.mark.parametrize("channels", [4, 8])
def test_a_multiplexer_that_does_not_switch(bench, channels):
    bench.bus = zcu102()[0] if channels == 4 else ultra96_v2()[0]
    bench.ask("b zcu102" if channels == 4 else "b ultra96-v2")
    multiplexer = bench.bus.multiplexers[0x75]
    assert bench.begin() == OKAY
    multiplexer.stuck, multiplexer.control = True, 6  # its other channel, or two others
    assert bench.sample(0)[0] == SENSOR
    multiplexer.stuck = False
    assert bench.sample(0)[0] == OKAY


def test_ultra96_v1(bench):
    sensor = Ina226(shunt=1000, bus=9600)
    bench.bus = Bus({0x75: Multiplexer(8, {5: {0x40: sensor}, 4: {0x40: Ina226()}})})
    bench.ask("b ultra96-v1")
    assert bench.begin() == OKAY and bench.sample(0) == (OKAY, 12_000_000, 250_000)


def test_regulators(bench):
    rng = random.Random(2)
    bench.bus, regulators = ultra96_v2()
    bench.ask("b ultra96-v2")
    assert bench.begin() == OKAY
    seen = set()
    for _ in range(60):
        for regulator in regulators:
            regulator.pages = [(rng.randrange(65536), rng.randrange(65536)) for _ in regulator.pages]
            regulator.mode = regulator.mode and [rng.randrange(32) for _ in regulator.pages]
        for rail, (regulator, page) in enumerate([(r, p) for r in regulators for p in range(len(r.pages))]):
            vout, iout = regulator.pages[page]
            exponent = (regulator.mode[page] ^ 16) - 16 if regulator.mode else -8
            volts, amperes = vout * Fraction(2) ** exponent * 1_000_000, linear11(iout) * 1_000_000
            fits = nearest(volts) < 2**31 and -(2**31) <= nearest(amperes) < 2**31
            status, *values = bench.sample(rail)
            assert status == (OKAY if fits else SENSOR)
            assert not fits or values == [nearest(volts), nearest(amperes)]
            seen.add((fits, amperes < 0))
    assert len(seen) == 4


@pytest.mark.parametrize("vout, mode, iout, expected", [
    (0x0233, 0x17, 0xE010, [1_099_609, 1_000_000]),  # 563 * 2^-9 V, 16 * 2^-4 A
    (0x0D9A, 0x14, 0xCA40, [850_098, 4_500_000]),  # 3482 * 2^-12 V, 576 * 2^-7 A
    (0x0100, 0x18, 0xCFFF, [1_000_000, -7_813]),  # -1 * 2^-7 A: halves go away from zero
    (0xFFFF, 0x15, 0x7BFF, None)])  # 1023 * 2^15 A
def test_known_words(bench, vout, mode, iout, expected):
    bench.bus, regulators = ultra96_v2()
    bench.ask("b ultra96-v2")
    regulators[0].pages[3], regulators[0].mode[3] = (vout, iout), mode
    assert bench.sample(3)[1:] == (*expected,) if expected else bench.sample(3)[0] == SENSOR


def test_pages_and_modes_are_checked(bench):
    bench.bus, regulators = ultra96_v2()
    bench.ask("b ultra96-v2")
    for mode in (0x20, 0x40, 0x60, 0x98):  # VID, direct, IEEE half, relative: none of them linear
        regulators[1].mode[1] = mode
        assert bench.sample(6)[0] == SENSOR and bench.begin() == SENSOR
    regulators[1].mode[1] = 0x18
    regulators[1].stuck = True
    assert bench.sample(6)[0] == OKAY and bench.sample(7)[0] == SENSOR  # it is at page 1


@pytest.mark.parametrize("make, board, rails", [(zcu102, "zcu102", 18), (ultra96_v2, "ultra96-v2", 11)])
def test_a_transfer_that_fails_is_no_result(bench, make, board, rails):
    bench.bus = make()[0]
    bench.ask(f"b {board}")
    assert bench.begin() == OKAY
    needed = bench.bus.transfers
    for k in range(needed):
        bench.bus, bench.bus.transfers, bench.bus.fail = make()[0], 0, [k]
        assert bench.begin() == SENSOR and bench.bus.transfers == k + 1  # and nothing is tried after
    for rail in (0, rails - 1):
        bench.bus.transfers, bench.bus.fail = 0, ()
        assert bench.sample(rail)[0] == OKAY
        for k in range(bench.bus.transfers):
            bench.bus.transfers, bench.bus.fail = 0, [k]
            assert bench.sample(rail)[0] == SENSOR
    bench.bus = Bus({})  # a bus that hangs
    assert bench.begin() == SENSOR and bench.sample(0)[0] == SENSOR and bench.bus.transfers == 2


@pytest.mark.parametrize("board", ["zcu102", "ultra96-v2", "host"])
def test_nonsense_on_the_bus(bench, board):
    rng = random.Random(board)

    class Nonsense:
        written = b""

        def transfer(self, device, out, count):
            if not count:
                self.written = out[-1:]
                return b"" if rng.random() < 0.99 else None
            honest = rng.random() < 0.9
            return self.written if honest and count == 1 and len(self.written) == 1 else rng.randbytes(count)

    bench.ask(f"b {board}")
    bench.bus = Nonsense()
    got = {bench.sample(rng.randrange(3))[0] for _ in range(2000)} | {bench.begin() for _ in range(200)}
    assert got == {OKAY, SENSOR}
