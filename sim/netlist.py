"""What the emitted Verilog is made of, module by module: registers, adders, multipliers, memories."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Memory", "Module", "read_modules", "walk"]

_NAME = r"\\?[^\s\[\](){},;]+"
_INSTANCE = re.compile(rf"^  ({_NAME}) +({_NAME}) +\($")
_REGISTER = re.compile(rf"^\s+({_NAME}) *<= ")
_MEMORY = re.compile(rf"^  reg (?:\[(\d+):0\] )?({_NAME}) *\[(\d+):0\];")
_WRITE = re.compile(rf"^\s+({_NAME}) *\[.*\] *<= ")
_READ = re.compile(rf"^\s+{_NAME} *<= ({_NAME}) *\[")
_ENABLE = re.compile(rf"^\s+if \(({_NAME}) *\)")
_OPERATOR = re.compile(rf"^  assign ({_NAME}) += (.* [+*-] .*|- .*);$")
_OPERAND = re.compile(r"\\?[$A-Za-z_][\w$.]*")
_CONSTANT = re.compile(r"\b\d+'s?h[0-9a-fx]+")


@dataclass(frozen=True, kw_only=True)
class Memory:
    """``words`` x ``bits``; a port is clocked in the cycles in which its enable is high, always where it has none."""

    name: str
    words: int
    bits: int
    write_enable: str | None
    read_enable: str | None


@dataclass(frozen=True, kw_only=True)
class Module:
    """Names within one module.

    registers : outputs of flip-flops; adders : outputs of additions and subtractions
    multipliers : operands of products of two variables, by output
    instances : module by instance
    """

    registers: set[str] = field(default_factory=set)
    adders: set[str] = field(default_factory=set)
    multipliers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    memories: list[Memory] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)


def _plain(name: str) -> str:
    return name.removeprefix("\\")


def read_modules(verilog: str) -> dict[str, Module]:
    """The modules of Yosys' ``verilog``, as :mod:`codesign.rtl.emit` has it written, by name."""
    modules, lines = {}, []
    for line in verilog.splitlines():
        if line.startswith("module "):
            name, lines = _plain(line.split()[1].partition("(")[0]), []
        elif line.startswith("endmodule"):
            modules[name] = _module(lines)
        else:
            lines.append(line)
    return modules


def _module(lines: list[str]) -> Module:
    module = Module()
    sizes: dict[str, tuple[int, int]] = {}
    enables: dict[str, dict[str, str | None]] = {}
    enable: str | None = None
    for line in lines:
        if line.startswith("  always"):
            enable = None
        elif found := _ENABLE.match(line):
            enable = _plain(found[1])
        if found := _INSTANCE.match(line):
            module.instances[_plain(found[2])] = _plain(found[1])
        elif found := _MEMORY.match(line):
            sizes[_plain(found[2])] = int(found[3]) + 1, int(found[1] or 0) + 1
        elif found := _WRITE.match(line):
            enables.setdefault(_plain(found[1]), {})["write"] = enable
        elif found := _REGISTER.match(line):
            module.registers.add(_plain(found[1]))
            read = _READ.match(line)
            if read and _plain(read[1]) in sizes:
                enables.setdefault(_plain(read[1]), {})["read"] = enable
        elif found := _OPERATOR.match(line):
            _add_operator(module, _plain(found[1]), found[2])
    for name, (words, bits) in sizes.items():
        ports = enables.get(name, {})
        module.memories.append(Memory(name=name, words=words, bits=bits, write_enable=ports.get("write"),
                                      read_enable=ports.get("read")))
    return module


def _add_operator(module: Module, output: str, expression: str) -> None:
    if " * " not in expression:
        module.adders.add(output)
        return
    sides = [_OPERAND.findall(_CONSTANT.sub("", side).replace("$signed", "")) for side in expression.split(" * ")]
    if all(sides):  # a product with a constant is wiring and additions
        module.multipliers[output] = tuple(_plain(name) for side in sides for name in side)


def walk(modules: dict[str, Module], name: str, path: str = "") -> Iterator[tuple[str, Module]]:
    """Every instance of module ``name`` and below: its path (``array/row_0/pe_1``; "" for ``name`` itself), and what it
    is made of."""
    yield path, modules[name]
    for instance, kind in modules[name].instances.items():
        yield from walk(modules, kind, f"{path}/{instance}" if path else instance)
