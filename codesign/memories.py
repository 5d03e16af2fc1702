"""The memories of an accelerator, and what a synthesizer makes of each: block RAMs, look-up tables or flip-flops.

The choice is that of Yosys' pass ``memory_libmap`` (seen in 0.70), given its libraries of RAMs for the two families:
the way that costs least, by its own measure. For memories with one port to write and one to read, of one width, as
all are here, that is a small enumeration.
"""

import functools
from dataclasses import dataclass

from .accelerator import AcceleratorConfig
from .integer import A_BITS
from .registers import TRACE_COUNTERS, TRACE_ENTRIES

__all__ = ["Mapping", "Memory", "accelerator_memories", "map_memory"]

RESULT_BITS = 32


@dataclass(frozen=True, kw_only=True)
class Memory:
    """``count`` memories of ``words`` x ``bits``; ``transparent`` : a read sees what is written in its cycle."""

    words: int
    bits: int
    count: int = 1
    transparent: bool = False


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What one memory takes: 18-Kbit blocks, look-up tables that hold its bits, or a flip-flop for each bit.

    deep : so many RAMs one after another hold its words
    """

    bram18: int = 0
    lut: int = 0
    ff: int = 0
    deep: int = 1


@dataclass(frozen=True, kw_only=True)
class _Ram:
    """A kind of RAM: 2**``address_bits`` words of the narrowest of ``widths``, each following one half as many.

    cost : of one, in the mapper's measure; ``by_bit`` : of a part of one, a part of that
    byte : bits that a write enable covers, where they are fewer than the width
    registered : it has the read port's register; forwards : it reads the old word while a new one is written
    lut, bram18 : of one
    """

    cost: int
    address_bits: int
    widths: tuple[int, ...]
    byte: int = 0
    narrowest_write: int = 1
    by_bit: bool = False
    registered: bool = True
    reads_old: bool = True
    lut: int = 0
    bram18: int = 0


def _lutrams(*shapes: tuple[int, int]) -> tuple[_Ram, ...]:
    return tuple(_Ram(cost=16, address_bits=a, widths=(w,), by_bit=True, registered=False, lut=8) for a, w in shapes)


_NARROW = (1, 2, 4, 9, 18)
_RAMS: dict[str, tuple[tuple[_Ram, ...], ...]] = {  # by kind: of look-up tables, blocks
    "ecp5": (
        (_Ram(cost=4, address_bits=4, widths=(4,), registered=False, lut=6),),
        (_Ram(cost=128, address_bits=14, widths=_NARROW, byte=9, reads_old=False, bram18=1),
         _Ram(cost=128, address_bits=14, widths=(*_NARROW, 36), byte=9, narrowest_write=36, reads_old=False, bram18=1)),
    ),
    "xcup": (
        _lutrams((5, 8), (6, 4), (7, 2), (8, 1), (5, 14), (6, 7)),
        (_Ram(cost=129, address_bits=14, widths=_NARROW, byte=9, bram18=1),
         _Ram(cost=257, address_bits=15, widths=(*_NARROW, 36), byte=9, bram18=2),
         _Ram(cost=129, address_bits=14, widths=(*_NARROW, 36), byte=9, bram18=1),
         _Ram(cost=257, address_bits=15, widths=(*_NARROW, 36, 72), byte=9, bram18=2)),
    ),
}


@functools.cache
def map_memory(family: str, memory: Memory) -> Mapping:
    """What one such memory takes in the fabric of ``family``, its read port registered."""
    best, cost = Mapping(ff=memory.words * memory.bits), float(memory.words * memory.bits)
    for rams in _RAMS[family]:
        least, number, deep, ram = min(((*way, ram) for ram in rams for way in _ways(ram, memory)), key=lambda w: w[0])
        if least < int(cost):
            best, cost = Mapping(bram18=number * ram.bram18, lut=number * ram.lut, deep=deep), least
    return best


def _ways(ram: _Ram, memory: Memory) -> list[tuple[float, int, int]]:
    """Cost, number of RAMs, and how many deep, for every width they can be used with."""
    made: list[tuple[float, int, int]] = []
    for i, width in enumerate(ram.widths):
        if width < min(ram.narrowest_write, ram.byte or width):
            continue
        deep = -(-memory.words // (1 << ram.address_bits - i))
        byte = min(ram.byte or width, width)
        number = -(-deep * (-(-memory.bits // byte) * byte) // width)
        part = deep * memory.bits / width if ram.by_bit else number
        demux = deep if deep > 1 else 0
        cost = ram.cost * part + (demux + (deep - 1) * memory.bits) / 2 + 2 * _emulated(ram, memory)
        made.append((cost, number, deep))
    return made


def _emulated(ram: _Ram, memory: Memory) -> int:
    """The mapper's points for what the RAM cannot do itself: forward a word, keep the old one to be read."""
    if memory.transparent:
        return 4
    return 1 if ram.reads_old or not ram.registered else 7


def accelerator_memories(config: AcceleratorConfig) -> dict[str, Memory]:
    """All of ``config``'s."""
    return {
        "banks": Memory(count=config.rows, words=config.bank_depth, bits=A_BITS),
        "accumulators": Memory(count=config.cols, words=config.acc_depth, bits=config.acc_bits),
        "program": Memory(words=config.burst_beats * config.fifo_bursts, bits=config.bus_bits),
        "results": Memory(words=config.result_beats, bits=config.bus_bits + config.bus_bits // RESULT_BITS),
        "trace": Memory(words=TRACE_ENTRIES, bits=32 * len(TRACE_COUNTERS)),
    }
