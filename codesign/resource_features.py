"""What an accelerator's look-up tables and flip-flops are made of: counts, from its configuration, that they grow with.

A coefficient for each of them and each family is fitted to syntheses (``python -m codesign.sim.calibrate``). The names
are those in ``resources.yaml``.
"""

from .accelerator import AcceleratorConfig
from .integer import A_BITS, W_BITS
from .memories import accelerator_memories, map_memory

__all__ = ["FEATURES", "features"]

RAW_BITS = 32  # of a logit on its way out

#: By component, what decides its look-up tables and its flip-flops.
FEATURES: dict[str, dict[str, tuple[str, ...]]] = {
    "array": {kind: ("elements", "sum_bits", "wide_elements") for kind in ("lut", "ff")},
    "rows": {"lut": ("rows", "row_address_bits", "bank_select_bits"), "ff": ("rows", "row_address_bits")},
    "columns": {"lut": ("columns", "accumulator_bits", "column_address_bits", "shared_address_bits",
                        "block_accumulator_bits", "accumulator_select_bits"),
                "ff": ("columns", "accumulator_bits", "column_address_bits", "shared_address_bits",
                       "block_accumulator_bits")},
    "control": {"lut": ("once", "bus_bits", "weight_lanes", "write_back_bits", "raw_bits"),
                "ff": ("once", "bus_bits", "weight_lanes", "weight_delays", "image_delays", "token_delays")},
}


def features(config: AcceleratorConfig, family: str) -> dict[str, float]:
    """Every feature of ``config``, by name.

    elements, wide_elements : multipliers of the array, and those that can count sixteenfold; sum_bits : of their sums
    weight_lanes, weight_delays : bits of weights that enter the array at a time; flip-flops that delay them by column
    row_address_bits, column_address_bits : of every row's reads; of every column's accumulators and writes
    shared_address_bits : of the columns that share a bank
    bank_select_bits, accumulator_select_bits : what chooses among RAMs that hold a memory one after another
    block_accumulator_bits : of accumulators in block RAMs, which may need logic to read the old word while a new one is
        written
    accumulator_bits : of all columns' sums; raw_bits : of the logits they can make at a time
    write_back_bits : of all that can write to a bank
    image_delays, token_delays : flip-flops along the array's edges
    """
    rows, cols = config.rows, config.cols
    wide = config.wide_rows * cols
    narrow = rows * cols - wide
    sharing = config.columns_per_bank
    memories = accelerator_memories(config)
    banks, accumulators = (map_memory(family, memories[name]) for name in ("banks", "accumulators"))
    return {
        "once": 1,
        "elements": rows * cols,
        "wide_elements": wide,
        "sum_bits": narrow * config.narrow_psum_bits + wide * config.psum_bits,
        "weight_lanes": W_BITS * cols * config.weight_rows,
        "weight_delays": W_BITS * cols * (config.weight_rows * (cols - 1) + rows * (config.weight_rows - 1)) / 2,
        "rows": rows,
        "row_address_bits": rows * config.pixel_bits,
        "bank_select_bits": rows * A_BITS * (banks.deep - 1),
        "accumulator_select_bits": cols * config.acc_bits * (accumulators.deep - 1),
        "block_accumulator_bits": cols * config.acc_bits * (accumulators.bram18 > 0),
        "columns": cols,
        "accumulator_bits": cols * config.acc_bits,
        "column_address_bits": cols * (config.addr_bits + config.acc_addr_bits),
        "shared_address_bits": cols * config.addr_bits * (sharing > 1),
        "raw_bits": cols * RAW_BITS,
        "bus_bits": config.bus_bits,
        "write_back_bits": (max(rows, cols) + config.load_lanes) * (config.addr_bits + A_BITS),
        "image_delays": cols * config.addr_bits + A_BITS * config.load_lanes * min(rows, cols) / 2,
        "token_delays": rows * (config.acc_addr_bits + 2 * config.addr_bits),
    }
