"""Which accelerators a board may have, and how fast each can be at best."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from ..accelerator import AcceleratorConfig
from ..board import Board
from ..errors import CodesignError
from ..gemm import Gemm
from ..graph import Graph

__all__ = ["board_configs", "least_bytes", "least_cycles", "variants"]

SIDES = (*range(4, 17), *range(18, 65, 2), *range(68, 129, 4))
ON_CHIP_BUS_BITS = (64, 128, 256)
IMAGE_BANKS = 4  # that an image channel can be spread over: so many wide rows a channel are of use


def board_configs(board: Board, graph: Graph) -> list[AcceleratorConfig]:
    """Arrays of every shape with several depths of banks, else as the board's preset; with the wide rows that the
    network's image can use. On-chip memory can be as wide as the bus of the accelerator, DRAM is as wide as it is."""
    preset, made = board.preset(), []
    depths = [preset.bank_depth * 2**i // 8 for i in range(5)]
    buses = ON_CHIP_BUS_BITS if board.memory_kind == "on-chip" else (preset.bus_bits,)
    wide_rows = IMAGE_BANKS * graph.input_shape[0]
    for rows, cols, bank_depth in itertools.product(SIDES, SIDES, depths):
        bus_bits = next((bits for bits in buses if bits >= cols * 4), None)
        if bus_bits is not None:
            made += _changed(preset, rows=rows, cols=cols, bank_depth=bank_depth, bus_bits=bus_bits, weight_rows=1,
                             wide_rows=min(wide_rows, rows), name=f"{board.name}-{rows}x{cols}")
    return made


def variants(config: AcceleratorConfig) -> list[AcceleratorConfig]:
    """``config`` with one field changed a little."""
    def halved_and_doubled(key: str) -> Iterator[dict[str, int]]:
        yield from ({key: getattr(config, key) * 2}, {key: getattr(config, key) // 2})

    changes: list[dict[str, int]] = [
        *({key: getattr(config, key) + step} for key in ("rows", "cols", "wide_rows") for step in (-1, 1)),
        {"wide_rows": 0}, {"wide_rows": config.wide_rows // 2},
        *(change for key in ("bank_depth", "acc_depth", "weight_rows", "burst_beats", "fifo_bursts")
          for change in halved_and_doubled(key))]
    return [made for change in changes for made in _changed(config, **change)]


def _changed(config: AcceleratorConfig, **changes) -> list[AcceleratorConfig]:
    """``config`` with ``changes``; none where there is no such accelerator."""
    try:
        made = dataclasses.replace(config, **changes)
        board = made.name.rpartition("-")[0] or made.name
        return [dataclasses.replace(made, name=f"{board}-{made.rows}x{made.cols}")]
    except CodesignError:
        return []


def least_bytes(gemms: Sequence[Gemm], config: AcceleratorConfig) -> int:
    """No program has fewer: every weight tile is in it."""
    return sum(_tiles(gemm, config) for gemm in gemms) * (config.rows // config.weight_rows) * config.word_bits // 8


def least_cycles(gemms: Sequence[Gemm], config: AcceleratorConfig) -> int:
    """No schedule takes fewer: every weight tile sees every pixel that is not dropped by a pool, one a cycle; its words
    come one a cycle, no faster than the memory brings them."""
    beats = words = 0
    for gemm in gemms:
        pixels = gemm.in_shape[1] * gemm.in_shape[2]
        if gemm.padding is not None:
            pixels = min(pixels, 4 * gemm.shape[1] * gemm.shape[2])
        tiles = _tiles(gemm, config)
        beats += tiles * pixels * gemm.planes
        words += tiles * (config.rows // config.weight_rows)
    rate = min(config.memory.bytes_per_cycle, config.bus_bits / 8)
    return max(beats, words, int(words * config.word_bits / 8 / rate))


def _tiles(gemm: Gemm, config: AcceleratorConfig) -> int:
    """Weight tiles of one layer."""
    groups = 1 if gemm.identity else -(-len(gemm.operands) // config.rows)
    return groups * -(-gemm.out_channels // config.cols)
