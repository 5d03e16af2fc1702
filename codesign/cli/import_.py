"""``codesign import``: a released checkpoint as a model."""

import argparse

from .arguments import add_command, add_json, integer, new_path
from .output import print_json

__all__ = ["add"]

BITS = (("first", "the first convolution's weights", 8), ("first-activation", "the activations behind it", 8),
        ("last", "the last convolution's weights", 8), ("last-activation", "the activations behind it", 4),
        ("linear", "the classifier's weights", 4))


def add(commands) -> None:
    parser = add_command(commands, "import", run, "Make a model of a released DiracDeltaNet checkpoint",
                         "The checkpoint is a state dict with the public training code's names. What it keeps in "
                         "floating point is quantized here; its input normalization moves into the first layer, so "
                         "that the model takes raw pixels. At 224x224, 8 bits for the last activations or "
                         "the classifier take accumulators of 26 bits: those of ultra96 and zcu102 have 27, those of "
                         "the smaller presets 24.")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file that torch.save wrote")
    parser.add_argument("--out", required=True, metavar="DIR", help="the model's directory, to be made")
    parser.add_argument("--resolution", type=integer(1, 4096), default=224, metavar="N", help="pixels on a side")
    for name, text, default in BITS:
        parser.add_argument(f"--{name}-bits", type=int, choices=(4, 8), default=default, help=f"bits of {text}")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = new_path(args.out)

    from ..importing import ImportOptions, import_checkpoint
    from ..model import model_digest, save_model

    options = ImportOptions(
        first_weight_bits=args.first_bits, first_activation_bits=args.first_activation_bits,
        last_weight_bits=args.last_bits, last_activation_bits=args.last_activation_bits, linear_bits=args.linear_bits)
    network, integers = import_checkpoint(args.checkpoint, options, args.resolution)
    save_model(out, network, integers)
    clipped = integers.info["clipped_weights"]
    weights = sum(layer.weight.size for layer in integers.layers.values())
    if args.json:
        print_json({"network": network.name, "model": str(out), "weights": weights, "clipped_weights": clipped,
                    "digest": model_digest(integers)})
        return
    print(f"{network.name}: {weights:,} weights, {network.graph().classes} classes, {args.resolution}x"
          f"{args.resolution} pixels\n{sum(clipped.values()):,} weights clipped from 8 to 7 (channels with a negative "
          f"batch-norm gain)\n{out}")
