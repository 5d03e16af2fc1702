"""Runs a program's bytes as their format says, one pixel after another: no timing, nothing shared with the compiler."""

import numpy as np

from codesign.isa import COLUMN_ENTRY_BITS, ROW_ENTRY_BITS, Isa, Opcode
from codesign.program import Program

__all__ = ["Interpreter"]


class Interpreter:
    """``banks`` (rows, bank_depth) and ``results`` after :meth:`run_all`."""

    def __init__(self, config):
        self.config, self.isa = config, Isa(config)
        self.banks = np.zeros((config.rows, config.bank_depth), np.uint8)
        self.acc = np.zeros((config.cols, config.acc_depth), np.int64)
        self.running = np.zeros(config.cols, np.int64)  # of the pooling window
        self.weights = self.rows = self.columns = None
        self.results = []

    def run(self, program: Program, image: np.ndarray) -> np.ndarray:
        """Logits (classes,) of one image."""
        self.run_all(program, image)
        return program.unpack_logits(np.array(self.results))

    def run_all(self, program: Program, image: np.ndarray) -> None:
        """To the end, which may come before there are logits."""
        self.stream, self.at, self.results = program.with_image(image), 0, []
        while True:
            bits = self.bits(self.isa.instruction_words)
            op = Opcode(bits & 3)
            fields = self.isa.instructions[op].decode(bits)
            if op is Opcode.PASS:
                self.run_passes(fields)
                continue
            self.at += -self.at % (self.config.bus_bits // 8)
            if op is Opcode.END:
                assert self.at == len(self.stream)
                return
            self.load(fields)

    def bits(self, words: int) -> int:
        size = words * self.config.word_bits // 8
        self.at += size
        assert self.at <= len(self.stream)
        return int.from_bytes(self.stream[self.at - size:self.at], "little")

    def entries(self, layout, words: int, entry_bits: int, count: int):
        bits = self.bits(words)
        return [layout.decode(bits >> i * entry_bits & (1 << entry_bits) - 1) for i in range(count)]

    def load(self, f):
        lanes = self.config.load_lanes
        for k in range(f["words"]):
            word = self.bits(1)
            for i in range(lanes):
                self.banks[self.config.rows - lanes + i, (f["base"] + k) % self.config.bank_depth] = word >> 4 * i & 15

    def blocks(self, f):
        config, isa = self.config, self.isa
        if f["load_weights"]:
            words = [self.bits(1) for _ in range(isa.weight_words)][::-1]  # the last row comes first
            rows = [word >> 4 * config.cols * part for part in range(config.weight_rows) for word in words]
            self.weights = np.array([[(row >> 4 * c & 15 ^ 8) - 8 for c in range(config.cols)] for row in rows])
        if f["load_rows"]:
            self.rows = self.entries(isa.row, isa.row_words, ROW_ENTRY_BITS, config.rows)
        if f["load_columns"]:
            self.columns = self.entries(isa.column, isa.column_words, COLUMN_ENTRY_BITS, config.cols)

    def windows(self, f):
        """(x, y), is it its window's first, its last pixel, and how many windows have gone before."""
        x, y, size = f["x_first"], f["y_first"], 1 + f["pool"]
        for number in range(f["windows"]):
            pixels = [(u, v) for v in range(y, y + size) for u in range(x, x + size)
                      if 0 <= u < f["width"] and 0 <= v < f["height"]]
            for i, pixel in enumerate(pixels):
                yield pixel, i == 0, i == len(pixels) - 1, number
            x, y = (f["x_left"], y + size) if x == f["x_last"] else (x + size, y)

    def read(self, f, x, y, plane):
        """What every row feeds."""
        origin = f["window_addr"] - (f["y_first"] * f["width"] + f["x_first"])  # of pixel (0, 0)
        fed = np.zeros(self.config.rows, np.int64)
        for r, row in enumerate(self.rows):
            outside = not (0 <= x + row["dx"] < f["width"] and 0 <= y + row["dy"] < f["height"])
            offset = origin + y * f["width"] + x + plane * f["plane_stride"] + row["addr"]
            here = (offset - row["phase"]) % (1 << row["interleave"]) == 0
            if row["enable"] and here and not outside:
                fed[r] = self.banks[r, (offset >> row["interleave"]) % self.config.bank_depth]
            if row["wide"]:
                assert r >= self.config.rows - self.config.wide_rows
                fed[r] <<= 4
        return fed

    def run_passes(self, f):
        pixels = list(self.windows(f))
        for again in range(f["repeat"] + 1):
            self.run_pass(f | {"load_rows": f["load_rows"] and not again}, pixels)
            f = f | {"acc_addr": f["acc_addr"] + len(pixels),
                     "out_addr": f["out_addr"] + (0 if f["sum"] else f["windows"])}

    def run_pass(self, f, pixels):
        self.blocks(f)
        for i, ((x, y), opens, closes, number) in enumerate(pixels):
            at = (f["acc_addr"] + i) % self.config.acc_depth
            acc = np.zeros(self.config.cols, np.int64) if f["first"] else self.acc[:, at].copy()
            for plane in range(f["planes"] + 1):
                acc += self.read(f, x, y, plane) @ self.weights << 4 * (f["scale"] + plane)
            if not f["last"]:
                self.acc[:, at] = acc
                continue
            if f["sum"]:
                opens, closes = f["sum_first"] and i == 0, f["sum_last"] and i == len(pixels) - 1
            self.finish(f, acc, opens, closes, f["out_addr"] + (0 if f["sum"] else number))

    def finish(self, f, acc, opens, closes, out_addr):
        """Requantize, pool and write complete sums."""
        config = self.config
        for c, (p, value) in enumerate(zip(self.columns, acc.tolist(), strict=True)):
            scaled = value * p["mul"] + p["add"]
            if f["raw"]:
                self.results.append(scaled)
                continue
            q = max(0, min(255 if f["out_wide"] else 15, scaled >> p["shift"]))
            self.running[c] = q if opens else self.running[c] + q if f["sum"] else max(self.running[c], q)
            if closes and p["enable"]:
                shared = c // config.rows if config.cols > config.rows else 0
                bank = f["out_group"] * config.cols + c if config.rows > config.cols else c % config.rows
                for i in range(f["out_planes"] + 1):
                    addr = out_addr + (shared + i * config.columns_per_bank) * f["out_stride"]
                    self.banks[bank, addr % config.bank_depth] = self.running[c] >> 4 * i & 15
