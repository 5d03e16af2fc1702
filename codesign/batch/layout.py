"""What the C++ cost model is given: records of 64-bit integers, their fields defined here for both sides."""

from collections.abc import Sequence

import numpy as np

from .. import schedule, timing
from ..accelerator import INTERLEAVE_BITS, AcceleratorConfig
from ..gemm import Gemm, Operand
from ..integer import A_BITS, W_BITS
from ..isa import REPEAT_BITS, Isa
from ..registers import TRACE_ENTRIES

__all__ = ["CONFIG", "GEMM", "OPERAND", "config_record", "fields_header", "gemm_records"]

#: Of an accelerator. Those that decide the distribution of channels come first, then those of the placement, of the
#: schedule, and of its time alone: what is sorted by them shares the most work.
CONFIG = ("rows", "cols", "wide_rows", "load_lanes", "bank_depth", "words_per_beat", "acc_depth", "piece_words",
          "most_pieces", "bus_bits", "burst_beats", "fifo_bursts", "decibytes_per_cycle", "latency_cycles",
          "bank_groups", "columns_per_bank", "pixel_bits", "instruction_words", "weight_words", "row_words",
          "column_words", "first_sum", "drain", "row_wait", "column_wait")
GEMM = ("out_channels", "in_channels", "in_height", "in_width", "out_height", "out_width", "padding", "total", "raw",
        "identity", "planes", "out_planes", "weight_bits", "activation_bits", "first_operand", "operands")
OPERAND = ("source", "channel", "dx", "dy")
CONSTANTS = {"A_BITS": A_BITS, "W_BITS": W_BITS, "INTERLEAVE_BITS": INTERLEAVE_BITS, "REPEAT_BITS": REPEAT_BITS,
             "TRACE_ENTRIES": TRACE_ENTRIES, "FETCH_START": timing.FETCH_START, "FETCH_BEAT": timing.FETCH_BEAT,
             "FETCH_CREDIT": timing.FETCH_CREDIT, "COLUMN": timing.COLUMN, "COLUMN_RAW": timing.COLUMN_RAW,
             "WRITE": timing.WRITE}


def fields_header() -> str:
    """The records and constants as C++."""
    lines = ["#pragma once", "#include <cstdint>"]
    lines += [f"constexpr std::int64_t {name} = {value};" for name, value in CONSTANTS.items()]
    for name, fields in (("Config", CONFIG), ("Gemm", GEMM), ("Operand", OPERAND)):
        lines.append(f"struct {name} {{ std::int64_t {', '.join(fields)}; }};")
    return "\n".join([*lines, ""])


def config_record(config: AcceleratorConfig) -> tuple[int, ...]:
    """``config`` as a record of :data:`CONFIG`."""
    isa = Isa(config)
    values = dict(
        piece_words=schedule.PIECE_WORDS, most_pieces=schedule.MOST_PIECES,
        decibytes_per_cycle=config.memory.decibytes_per_cycle, latency_cycles=config.memory.latency_cycles,
        instruction_words=isa.instruction_words, weight_words=isa.weight_words, row_words=isa.row_words,
        column_words=isa.column_words, first_sum=timing.first_sum(config), drain=timing.drain(config),
        row_wait=timing.row_wait(config), column_wait=timing.column_wait(config))
    return tuple(values[name] if name in values else getattr(config, name) for name in CONFIG)


def gemm_records(gemms: Sequence[Gemm]) -> tuple[np.ndarray, np.ndarray]:
    """int64 records of :data:`GEMM` and of :data:`OPERAND`."""
    records: list[list[int]] = []
    operands: list[Operand] = []
    for gemm in gemms:
        values = dict(in_channels=gemm.in_shape[0], in_height=gemm.in_shape[1], in_width=gemm.in_shape[2],
                      out_height=gemm.shape[1], out_width=gemm.shape[2],
                      padding=-1 if gemm.padding is None else gemm.padding,
                      first_operand=len(operands), operands=len(gemm.operands))
        records.append([int(values[name] if name in values else getattr(gemm, name)) for name in GEMM])
        operands += gemm.operands
    return np.array(records, np.int64), np.array(operands, np.int64)
