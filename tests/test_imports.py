"""Who may import whom: codesign/ is pure Python, rtl/ knows the configuration and the ISA only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIMULATION = ("amaranth", "serial", "cocotb", "codesign.rtl", "codesign.sim", "codesign.boards")
#: What the RTL is built from: the configuration, the formats, and the timing that the cost model shares.
HARDWARE = ("codesign.accelerator", "codesign.errors", "codesign.integer", "codesign.isa", "codesign.registers",
            "codesign.rtl", "codesign.timing", "codesign.windows")


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def imported(source: str, package: str) -> set[str]:
    """Full names of all modules that ``source``, a module of ``package``, imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[:len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return names


def files(folder: str, prefix: str) -> list:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [pytest.param(path, ".".join([prefix, *path.relative_to(ROOT / folder).parts[:-1]]),
                         id=str(path.relative_to(ROOT))) for path in paths]


@pytest.mark.parametrize("path, package", [p for p in files("codesign", "codesign") if "/cli/" not in p.id])
def test_codesign_is_pure(path, package):
    assert [n for n in imported(path.read_text(), package) if within(n, SIMULATION)] == []


@pytest.mark.parametrize("path, package", files("rtl", "codesign.rtl"))
def test_rtl_knows_only_configuration_and_formats(path, package):
    names = [n for n in imported(path.read_text(), package) if within(n, ("codesign",)) and n != "codesign"]
    assert [n for n in names if not within(n, HARDWARE)] == []


def test_the_rule_sees_every_form_of_import():
    source = ("import amaranth.lib\nfrom codesign.sim import build\nfrom .. import sim\nfrom ..rtl.emit import place\n"
              "def f():\n    from ..boards import x\n")
    found = imported(source, "codesign.train")
    assert {"amaranth.lib", "codesign.sim", "codesign.rtl.emit", "codesign.boards"} <= found
    assert sum(within(n, SIMULATION) for n in found) >= 5
