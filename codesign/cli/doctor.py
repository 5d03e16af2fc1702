"""``codesign doctor``: which tools are here, and what does not work without the others."""

import argparse
from dataclasses import asdict

from .arguments import add_command, add_json
from .output import print_json, print_table

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "doctor", run, "Show which tools are found, and what those missing disable",
                         "Exit status 1 if a command of codesign cannot work.")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from codesign.sim.toolchain import tools

    found = tools()
    broken = [tool for tool in found if tool.problem and not tool.optional]
    if args.json:
        print_json({"ok": not broken, "tools": [asdict(tool) for tool in found]})
        return int(bool(broken))
    print_table(("tool", "version", "path"), ((t.name, t.version or "-", t.path or "missing") for t in found))
    for tool in found:
        if tool.problem:
            print(f"\n{tool.problem}\n  disables: {tool.disables}")
    print("\nSomething is missing." if broken else "\nEverything that codesign's commands need is there.")
    return int(bool(broken))
