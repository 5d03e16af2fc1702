"""Verilog as Yosys takes it well: the same design, said otherwise where Yosys 0.70 is slow or wrong."""

import re

__all__ = ["for_yosys"]

_INITIAL = re.compile(r"[\w\\.$]+ ?\[\d+\] = \d+'[hdb][0-9a-fx]+;")  # memory[3] = 32'h0;
_ESCAPED = re.compile(r"\\(\S+\[\d+\]\S*)")


def for_yosys(verilog: str) -> str:
    """``verilog`` with two things changed.

    Names as ``\\sum[1] `` become ``\\sum.1 ``: Yosys' abc9 takes bit 0 of that wire and bit 1 of ``sum`` for one,
    and connects them. Each statement of a memory's ``initial`` block gets a block of its own: Yosys takes time that is
    quadratic in a block's statements, minutes for 16,384 words.
    """
    return _separate_initials(_ESCAPED.sub(lambda m: "\\" + re.sub(r"\[(\d+)\]", r".\1", m[1]), verilog))


def _separate_initials(verilog: str) -> str:
    lines, within = [], False
    for line in verilog.splitlines():
        word = line.strip()
        if within and not _INITIAL.fullmatch(word):
            within = False
            if word == "end":
                continue
            lines.append("  initial begin")  # whatever else it does, it goes on as before
        elif not within and word == "initial begin":
            within = True
            continue
        lines.append(f"  initial {word}" if within else line)
    return "\n".join(lines) + "\n"
