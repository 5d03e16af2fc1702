"""The system's own registers: serial line, time, checksum, and what the firmware must know of the board."""

from functools import reduce
from operator import or_

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from .config import NAME_BYTES, SystemConfig
from .crc import Crc32
from .memory_map import offset
from .uart import Receiver, Sender

__all__ = ["Peripherals"]

WRITTEN = ("SEND", "CRC_DATA", "CONTROL")  # registers that are not read


class Peripherals(wiring.Component):
    """The registers of :mod:`codesign.rtl.system.memory_map`.

    Members
    -------
    request, address, value, strobes, done, word : as :class:`~codesign.rtl.system.bus.RegisterAccess` has them
    rx, tx : In(1), Out(1)
        The serial line.
    refused, unmapped : In(1)
        The accelerator has answered an access with an error; there was one to nothing, at ``fault_address``.
    fault_address : In(32)
    interrupt, simulated : In(1)
    reset_accelerator, alive : Out(1)
    """

    def __init__(self, config: SystemConfig, *, embedded: bool):
        self.config, self.embedded = config, embedded
        super().__init__({
            "request": In(1), "address": In(8), "value": In(32), "strobes": In(4), "done": Out(1), "word": Out(32),
            "rx": In(1, init=1), "tx": Out(1, init=1), "refused": In(1), "unmapped": In(1), "fault_address": In(32),
            "interrupt": In(1), "simulated": In(1), "reset_accelerator": Out(1), "alive": Out(1)})

    def elaborate(self, platform):
        m, config = Module(), self.config
        m.submodules.receiver = receiver = Receiver(config.bit_cycles)
        m.submodules.sender = sender = Sender(config.bit_cycles)
        # Their output registers make them deeper by one than their memories.
        m.submodules.received = received = SyncFIFOBuffered(width=8, depth=config.receive_bytes + 1)
        m.submodules.sent = sent = SyncFIFOBuffered(width=8, depth=config.send_bytes + 1)
        m.submodules.crc = crc = Crc32()
        overruns, overrun = Signal(32), Signal()
        time = Signal(64)
        high = Signal(32)
        fault_address = Signal(32)
        was_refused = Signal()
        take, send = Signal(), Signal()  # from and to the serial line, a cycle after the access
        m.d.comb += [
            receiver.line.eq(self.rx), received.w_en.eq(receiver.strobe), received.w_data.eq(receiver.byte),
            self.tx.eq(sender.line), sender.i.valid.eq(sent.r_rdy), sender.i.payload.eq(sent.r_data),
            sent.r_en.eq(sender.i.ready), sent.w_data.eq(self.value), received.r_en.eq(take), sent.w_en.eq(send),
            crc.value.eq(self.value), crc.data.eq(self.value),
        ]
        # What has been received, late: no two accesses follow each other so closely that it shows.
        byte, there = Signal(8, reset_less=True), Signal()
        m.d.sync += [overrun.eq(receiver.strobe & ~received.w_rdy), overruns.eq(overruns + overrun),
                     time.eq(time + 1), byte.eq(received.r_data), there.eq(received.r_rdy)]
        with m.If(self.unmapped):
            m.d.sync += fault_address.eq(self.fault_address)

        status = Cat(sent.w_rdy, self.interrupt, was_refused, self.simulated, Const(self.embedded, 1))
        name = config.board.encode().ljust(NAME_BYTES, b"\0")
        values = {
            "RECEIVE": Cat(Mux(there, byte, 0), there), "STATUS": status,
            "OVERRUNS": overruns, "TIME_LO": time[:32], "TIME_HI": high, "CRC": crc.remainder,
            "FAULT_ADDRESS": fault_address, "CLOCK_HZ": config.clock_hz, "MEMORY_BYTES": config.memory_bytes,
            **{f"BOARD_{i}": int.from_bytes(name[4 * i:4 * i + 4], "little") for i in range(4)},
        }
        # An access comes in the cycle after it is known what it is and to which register.
        access, writes = Signal(), Signal()
        chosen = {register: Signal(name=f"is_{register.lower()}") for register in (*values, *WRITTEN)}
        m.d.sync += [access.eq(self.request & ~access & ~self.done & ~crc.busy), self.done.eq(access),
                     writes.eq(self.strobes.any()), self.reset_accelerator.eq(0),
                     take.eq(access & ~writes & chosen["RECEIVE"] & there), send.eq(access & writes & chosen["SEND"])]
        m.d.sync += [signal.eq(self.address == offset(register)) for register, signal in chosen.items()]
        with m.If(access):
            m.d.sync += self.word.eq(reduce(or_, (Mux(chosen[register], value, 0)
                                                  for register, value in values.items())))
        with m.If(access & ~writes & chosen["TIME_LO"]):
            m.d.sync += high.eq(time[32:])
        with m.If(access & writes):
            m.d.comb += [crc.load.eq(chosen["CRC"]), crc.strobes.eq(Mux(chosen["CRC_DATA"], self.strobes, 0))]
            with m.If(chosen["STATUS"]):
                m.d.sync += was_refused.eq(0)
            with m.If(chosen["CONTROL"]):
                m.d.sync += [self.reset_accelerator.eq(self.value[0]), self.alive.eq(self.value[1])]
        with m.If(self.refused):
            m.d.sync += was_refused.eq(1)
        return m
