"""``codesign costs``: look into a cost table, take it elsewhere, ask its questions again."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CodesignError, require
from .arguments import add_command, add_json, integer
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..accelerator import AcceleratorConfig
    from ..costs import CostKey, Row
    from ..network import Network

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "costs", _show, "Show, export or check the rows of a cost table")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    show = add_command(actions, "show", _show, "Print rows; a row is stale if its Verilog is not today's")
    export = add_command(actions, "export", _export, "Write all fields of the rows to a file")
    check = add_command(actions, "check", _check, "Simulate rows of a sweep again",
                        "Exit status 1 if any differs by more than the tolerance.")
    for action in (show, export, check):
        action.add_argument("table", metavar="TABLE", help="a sweep's directory, or a cost table's SQLite file")
        action.add_argument("--method", choices=("model", "simulated", "measured", "synthetic"),
                            help="only rows of this method")
        action.add_argument("--operator", metavar="OP", help="only rows of this operator: network, conv, linear, ...")
    export.add_argument("--out", required=True, metavar="FILE", help="a .csv (flat) or .jsonl (complete) file to write")
    check.add_argument("--sample", type=integer(1), default=20, metavar="N", help="rows to check, drawn at random")
    check.add_argument("--seed", type=integer(0), default=0, help="of the draw")
    check.add_argument("--tolerance", type=float, default=0.0, help="allowed relative difference; 0: none at all")
    add_json(show)
    add_json(check)


def _rows(args: argparse.Namespace) -> list["Row"]:
    from ..costs import CostTable
    from ..search.directory import SweepDirectory

    path = Path(args.table)
    with CostTable(SweepDirectory(path).costs if path.is_dir() else path, read_only=True) as table:
        return [row for row in table.rows(method=args.method) if args.operator in (None, row.key.operator)]


def _pairs(path: Path) -> Iterator[tuple["Network", "AcceleratorConfig", str]]:
    """Network, accelerator and board's name of a sweep's candidates, the measured ones first."""
    from ..accelerator import AcceleratorConfig
    from ..network import Network
    from ..report import load_results

    results = load_results(path)
    board = results["settings"]["board"]["name"]
    for candidate in sorted(results["candidates"], key=lambda c: "measured" not in c):
        yield Network.from_dict(candidate["network"]), AcceleratorConfig.from_dict(candidate["accelerator"]), board


def _verilog_digests(args: argparse.Namespace, rows: list["Row"]) -> dict[str, str]:
    """Digest of today's Verilog of each accelerator in ``rows`` whose configuration is known."""
    from codesign.sim.build import rtl_digest

    from ..accelerator import PRESETS

    configs = {config.digest(): config for config in PRESETS.values()}
    if Path(args.table).is_dir():
        configs |= {config.digest(): config for _, config, _ in _pairs(Path(args.table))}
    return {digest: rtl_digest(configs[digest]) for digest in {r.key.accelerator for r in rows} & set(configs)}


def _show(args: argparse.Namespace) -> None:
    rows = _rows(args)
    today = _verilog_digests(args, rows)

    def state(row: "Row") -> str:
        if row.verilog_digest is None or row.key.accelerator not in today:
            return "unknown"
        return "fresh" if row.verilog_digest == today[row.key.accelerator] else "stale"

    if args.json:
        print_json({"rows": [{**row.to_dict(), "state": state(row)} for row in rows]})
        return
    print_table(("row", "operator", "shape", "schedule", "method", "value", "model", "unit", "n", "accelerator",
                 "Verilog", "state"),
                ((str(r.id), r.key.operator, r.key.shape[:20], r.key.schedule, r.method, r.value, r.model_value, r.unit,
                  r.n, r.key.accelerator[:8], (r.verilog_digest or "-")[:8], state(r)) for r in rows))


def _export(args: argparse.Namespace) -> None:
    from ..costs import export_csv, export_jsonl

    path = Path(args.out)
    writers = {".csv": export_csv, ".jsonl": export_jsonl}
    require(path.suffix in writers, f"Export must be a .csv or .jsonl file, not {args.out!r}")
    require(not path.exists(), f"Export must not exist yet, not {args.out!r} which does")
    rows = _rows(args)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "w", newline="") as file:
            writers[path.suffix](rows, file)
        os.replace(temporary, path)
    except OSError as e:
        raise CodesignError(f"Export {args.out!r} must be writable: {e.strerror or e}") from e
    finally:
        temporary.unlink(missing_ok=True)
    print(f"{len(rows)} rows: {path}", file=sys.stderr)


class _Again:
    """Answers rows' questions by simulating the sweep's pairs again, each at most once."""

    def __init__(self, path: Path):
        self.answers: dict[CostKey, float] = {}
        self.pairs = _pairs(path)

    def __call__(self, row: "Row") -> float:
        while row.key not in self.answers:
            pair = next(self.pairs, None)
            if pair is None:
                raise CodesignError(f"Row {row.id} ({row.key.operator}) must belong to a pair of the sweep")
            self._simulate(*pair)
        return self.answers[row.key]

    def _simulate(self, network: "Network", config: "AcceleratorConfig", board: str) -> None:
        """Cycles do not depend on weights or images, so any will do."""
        import numpy as np

        from codesign.sim.verilated import VerilatorDevice

        from ..compiler import compile_network
        from ..costs import layer_keys, network_key
        from ..cycles import predict
        from ..random_weights import random_network

        graph = network.graph()
        program = compile_network(random_network(graph, 0), config)
        result = VerilatorDevice(config).run(program, np.zeros((1, *network.input), np.uint8))
        prediction = predict(graph, config)
        keys = layer_keys(graph, config, board, prediction.layers)
        self.answers |= {network_key(graph, config, board): result.cycles[0],
                         **{key: cycles for key, (_, cycles) in zip(keys, result.layer_cycles, strict=True)}}


def _check(args: argparse.Namespace) -> int:
    from ..costs import check

    require(args.tolerance >= 0, f"Tolerance must be at least 0, not {args.tolerance}")
    require(Path(args.table).is_dir(), f"Cost table must be in its sweep's directory to be checked, not {args.table!r}")
    rows = [row for row in _rows(args) if row.key.quantity == "cycles" and row.method == "simulated"]
    require(bool(rows), f"Cost table of {args.table!r} must have simulated rows to check")
    drifts = check(rows, _Again(Path(args.table)), sample=args.sample, seed=args.seed)
    off = [drift for drift in drifts if not drift.within(args.tolerance)]
    if args.json:
        print_json({"ok": not off, "tolerance": args.tolerance, "rows": [drift.to_dict() for drift in drifts]})
    else:
        print_table(("row", "operator", "value", "again", "relative"),
                    ((str(d.row.id), d.row.key.operator, d.row.value, d.again, f"{d.relative:+.2%}") for d in drifts))
        print(f"\n{len(drifts)} rows checked, {len(off)} off by more than {args.tolerance:.2%}")
    return int(bool(off))
