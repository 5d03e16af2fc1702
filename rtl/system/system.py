"""All that is in the FPGA below its clock: the accelerator, its memory, and the soft core that runs the firmware."""

from amaranth import Cat, ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from codesign.registers import ADDRESS_BITS

from ..axi import MasterSignature, SlaveSignature, flat_ports
from ..control import BUS_ADDR_BITS
from .bus import Bus, RegisterAccess
from .config import SystemConfig
from .core import Core
from .memory import DataMemory
from .memory_map import CAUSE_UNMAPPED
from .peripherals import Peripherals

__all__ = ["ACCELERATOR", "GLOBAL_BUFFER", "LEDS", "System"]

ACCELERATOR = "accelerator"  # the module's name
GLOBAL_BUFFER = "global_buffer"  # that of one with ports i and o: what o drives goes everywhere
LEDS = 4


class _Accelerator(wiring.Component):
    """An instance of the accelerator's module, which is emitted apart, with its digest in it."""

    def __init__(self, config: SystemConfig):
        super().__init__({
            "s_axi": In(SlaveSignature(addr_bits=BUS_ADDR_BITS)),
            "m_axi": Out(MasterSignature(addr_bits=ADDRESS_BITS, data_bits=config.accelerator.bus_bits)),
            "irq": Out(1), "reset": In(1)})

    def elaborate(self, platform):
        m, ports = Module(), {}
        for name, (value, direction) in flat_ports(self).items():
            if name != "reset":
                ports[f"{'i' if direction.value == 'input' else 'o'}_{name}"] = value
        m.submodules.accelerator = Instance(ACCELERATOR, i_clk=ClockSignal(), i_rst=self.reset, **ports)
        return m


class System(wiring.Component):
    """The complete system, with a clock and a reset from outside.

    Parameters
    ----------
    config : SystemConfig
    rom : bytes
        The firmware.
    data : bytes
        What the data memory begins with; a program, if any.

    Members
    -------
    serial_rx, serial_tx : In(1), Out(1)
    led : Out(4)
        The firmware runs; the line brings something; it takes something; a run has ended.
    simulated : In(1)
        Low on a board. The firmware tells its hosts.
    """

    def __init__(self, config: SystemConfig, *, rom: bytes, data: bytes = b""):
        self.config, self.rom, self.data = config, rom, data
        super().__init__({"serial_rx": In(1, init=1), "serial_tx": Out(1, init=1), "led": Out(LEDS),
                          "simulated": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.accelerator = accelerator = _Accelerator(self.config)
        m.submodules.core = core = Core()
        m.submodules.bus = bus = Bus(self.config, self.rom)
        m.submodules.access = access = RegisterAccess()
        m.submodules.memory = memory = DataMemory(self.config, self.data)
        m.submodules.peripherals = peripherals = Peripherals(self.config, embedded=bool(self.data))
        wiring.connect(m, accelerator.m_axi, memory.axi)
        wiring.connect(m, access.axi, accelerator.s_axi)

        for name in ("request", "address", "value", "strobes", "instruction"):
            m.d.comb += getattr(bus, name).eq(getattr(core, name))
        m.d.comb += [core.done.eq(bus.done), core.word.eq(bus.word)]
        for name, there in (("memory", memory), ("accelerator", access), ("system", peripherals)):
            m.d.comb += [there.request.eq(getattr(bus, f"to_{name}")), there.address.eq(core.address),
                         there.value.eq(core.value), there.strobes.eq(core.strobes),
                         getattr(bus, f"from_{name}").eq(there.done), getattr(bus, f"{name}_word").eq(there.word)]

        asked = Signal()
        reset = Signal(init=1)  # the accelerator's, for two cycles or as the system's own
        m.d.sync += [asked.eq(peripherals.reset_accelerator), reset.eq(asked | peripherals.reset_accelerator)]
        m.submodules.reset_buffer = Instance(GLOBAL_BUFFER, i_i=reset, o_o=accelerator.reset)
        m.d.comb += [
            memory.reset.eq(reset),
            core.interrupts[CAUSE_UNMAPPED].eq(bus.unmapped),
            peripherals.unmapped.eq(bus.unmapped), peripherals.fault_address.eq(core.address),
            peripherals.refused.eq(access.done & access.refused), peripherals.interrupt.eq(accelerator.irq),
            peripherals.rx.eq(self.serial_rx), self.serial_tx.eq(peripherals.tx),
            peripherals.simulated.eq(self.simulated),
            self.led.eq(Cat(peripherals.alive, ~self.serial_rx, ~self.serial_tx, accelerator.irq)),
        ]
        return m
