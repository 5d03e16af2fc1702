"""The soft core: PicoRV32, with the parameters that its firmware is compiled for."""

from amaranth import ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .memory_map import CAUSE_UNMAPPED, Region

__all__ = ["INTERRUPT_ADDRESS", "MODULE", "Core"]

MODULE = "picorv32"
INTERRUPT_ADDRESS = Region.ROM.base + 0x10
ILLEGAL, MISALIGNED = 1, 2  # the core's own interrupts
# RV32I with interrupts, but for those that never come. Comparisons and sums take a cycle more, so that they are no long
# path.
PARAMETERS = {"ENABLE_COUNTERS": 0, "ENABLE_COUNTERS64": 0, "TWO_CYCLE_COMPARE": 1, "TWO_CYCLE_ALU": 1,
              "TWO_STAGE_SHIFT": 1, "CATCH_MISALIGN": 1, "CATCH_ILLINSN": 1, "ENABLE_IRQ": 1, "ENABLE_IRQ_QREGS": 1,
              "ENABLE_IRQ_TIMER": 0,
              "MASKED_IRQ": 0xFFFF_FFFF & ~(1 << ILLEGAL | 1 << MISALIGNED | 1 << CAUSE_UNMAPPED),
              "PROGADDR_RESET": Region.ROM.base, "PROGADDR_IRQ": INTERRUPT_ADDRESS, "STACKADDR": 0xFFFF_FFFF}


class Core(wiring.Component):
    """A module ``picorv32`` (which is not emitted), begun again where it gives up: a fault within a fault's handler.

    Members
    -------
    request, address, value, strobes, instruction : Out(1), Out(32), Out(32), Out(4), Out(1)
        An access, which stays as it is until ``done``; a read where no byte's strobe is high, perhaps of an
        instruction.
    done, word : In(1), In(32)
        The end of the access: ``request`` is low in the next cycle.
    interrupts : In(32)
        Each is taken once, even if it lasts one cycle.
    """

    def __init__(self):
        super().__init__({"request": Out(1), "address": Out(32), "value": Out(32), "strobes": Out(4),
                          "instruction": Out(1), "done": In(1), "word": In(32), "interrupts": In(32)})

    def elaborate(self, platform):
        m = Module()
        trap = Signal()
        running = Signal()  # low from a reset to the cycle after it: the core's own, as it goes far
        m.d.sync += running.eq(~trap)
        m.submodules.picorv32 = Instance(
            MODULE, *(("p", name, value) for name, value in PARAMETERS.items()),
            i_clk=ClockSignal(), i_resetn=running, o_trap=trap,
            o_mem_valid=self.request, o_mem_addr=self.address, o_mem_wdata=self.value, o_mem_wstrb=self.strobes,
            o_mem_instr=self.instruction, i_mem_ready=self.done, i_mem_rdata=self.word, i_irq=self.interrupts,
            i_pcpi_wr=0, i_pcpi_rd=0, i_pcpi_wait=0, i_pcpi_ready=0)
        return m
