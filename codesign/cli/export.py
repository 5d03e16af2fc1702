"""``codesign export``: a model in another tool's format."""

import argparse

from .arguments import add_command, add_model, read_model

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "export", run, "Write a model for other tools",
                         "QONNX: standard ONNX operators on integers, every requantization a MultiThreshold; executing "
                         "it gives the accelerator's logits bit for bit.")
    add_model(parser)
    parser.add_argument("--format", choices=["qonnx"], default="qonnx", help="the format")
    parser.add_argument("--out", required=True, metavar="FILE", help="the file to make")


def run(args: argparse.Namespace) -> None:
    from ..qonnx import save_qonnx

    _, integer = read_model(args, None)
    save_qonnx(args.out, integer)
    print(args.out)
