"""The system on an ECP5: what is between its pins and :class:`~codesign.rtl.system.system.System`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from amaranth import Cat, ClockDomain, ClockSignal, Const, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from codesign.errors import require

from .config import SystemConfig
from .pll import pll_for, pll_instance
from .system import LEDS

__all__ = ["SYSTEM", "Pins", "Top"]

SYSTEM = "system"  # the module's name
OWN = ("clock", "serial_rx", "serial_tx", "led", "button")


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What a board has of pins, by the names that its file gives them, besides clock, serial_rx and serial_tx.

    reference_hz : at pin clock
    leds : of them; button : there is one, high while pressed, that resets the system
    constants : pins that are held for good: how many of that name, and their value
    """

    reference_hz: int
    leds: int = 0
    button: bool = False
    constants: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self):
        require(0 <= self.leds <= 64, f"Pins leds must be 0..64, not {self.leds}")
        for name, (bits, value) in self.constants.items():
            require(name.isidentifier() and name not in OWN and 0 <= value < 1 << bits,
                    f"Pins constants must be other names than {', '.join(OWN)}, with values of as many bits, "
                    f"not {name!r} with {value} in {bits}")


class Top(wiring.Component):
    """An instance of module ``system`` with the clock that it is made for, held in reset until that is steady.

    Members
    -------
    clock, serial_rx, serial_tx; button, led and constants, where ``pins`` has them. LEDs beyond the system's are off.
    """

    def __init__(self, config: SystemConfig, pins: Pins):
        self.config, self.pins = config, pins
        self.pll = pll_for(pins.reference_hz, config.clock_hz)
        super().__init__({
            "clock": In(1), "serial_rx": In(1), "serial_tx": Out(1),
            **({"button": In(1)} if pins.button else {}), **({"led": Out(pins.leds)} if pins.leds else {}),
            **{name: Out(bits) for name, (bits, _) in pins.constants.items()}})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = sync = ClockDomain("sync", local=True)
        locked = Signal()
        settled = Signal(4, reset_less=True)
        reset = Signal(init=1, reset_less=True)
        led = Signal(LEDS)
        go = locked & ~self.button if self.pins.button else locked
        m.submodules.pll = pll_instance(self.pll, self.clock, sync.clk, locked)
        m.d.sync += settled.eq(Cat(go, settled))  # the first two of them synchronize
        m.d.sync += reset.eq(~settled[-2:].all())
        # By a global net, as it goes far; nextpnr counts such a net's delay as none.
        m.submodules.reset_buffer = Instance("DCCA", i_CLKI=reset, i_CE=Const(1), o_CLKO=sync.rst)
        m.submodules.system = Instance(
            SYSTEM, i_clk=ClockSignal(), i_rst=ResetSignal(), i_simulated=0,
            i_serial_rx=self.serial_rx, o_serial_tx=self.serial_tx, o_led=led)
        if self.pins.leds:
            m.d.comb += self.led.eq(led)
        for name, (_, value) in self.pins.constants.items():
            m.d.comb += getattr(self, name).eq(value)
        return m
