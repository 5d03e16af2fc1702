"""``codesign train``: quantization-aware training of one network."""

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from .arguments import add_command, add_json, add_network, integer, new_path, read_network
from .images import DATASET_HELP
from .output import print_json

if TYPE_CHECKING:
    from ..datasets import Augmentation, Dataset

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "train", run, "Train a network with quantized weights and activations")
    add_network(parser)
    parser.add_argument("--dataset", required=True, metavar="D", help=DATASET_HELP)
    parser.add_argument("--out", required=True, metavar="DIR", help="the model's directory, to be made")
    parser.add_argument("--epochs", type=integer(1, 100_000), default=60, help="passes over the training images")
    parser.add_argument("--seed", type=integer(0), default=0, help="of initial weights, order and augmentation")
    parser.add_argument("--quantizer", choices=("dorefa", "lsq"), default="dorefa", help="of the weights")
    parser.add_argument("--batch", type=integer(2), default=64, help="images per step")
    parser.add_argument("--learning-rate", type=float, default=0.02, help="the schedule's highest")
    parser.add_argument("--checkpoint", metavar="FILE",
                        help="written after every epoch; continued from where it exists")
    augmentation = parser.add_argument_group("training images", "instead of what suits the data set")
    augmentation.add_argument("--move", type=integer(0, 64), metavar="PIXELS",
                              help="up to so far either way, zeros coming in: a random crop after padding")
    augmentation.add_argument("--mirror", action=argparse.BooleanOptionalAction, help="half of them; never digits")
    augmentation.add_argument("--rotate", type=float, metavar="DEGREES", help="up to so far either way")
    more = parser.add_argument_group("more")
    more.add_argument("--teacher", type=integer(1, 16), metavar="WIDTH",
                      help="train a floating-point network of so many times the channels first, and learn from it")
    more.add_argument("--teacher-weight", type=float, default=0.5, help="of its part of the loss, 0 to 1")
    more.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="float32",
                      help="of convolutions while training")
    more.add_argument("--compile", action="store_true", help="by torch.compile, which takes a minute at first")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = new_path(args.out)
    network = read_network(args)

    from ..datasets import load_dataset

    dataset = load_dataset(args.dataset, None if args.dataset == "digits" else network.input[1])

    from tqdm import tqdm

    from ..model import model_digest, save_model
    from ..train import Recipe, train

    recipe = Recipe(batch=args.batch, learning_rate=args.learning_rate, augmentation=_augmentation(args, dataset),
                    teacher_width=args.teacher or 0, teacher_weight=args.teacher_weight, precision=args.precision,
                    compiled=args.compile)
    with tqdm(total=args.epochs * (2 if args.teacher else 1), desc=f"training {network.name}", unit="epoch",
              file=sys.stderr, delay=1) as bar:
        def progress(epoch: int, epochs: int, numbers: dict) -> None:
            bar.update(epoch - bar.n)
            bar.set_postfix(training=numbers["training"], loss=f"{numbers['loss']:.3f}",
                            train=f"{numbers['train_accuracy']:.1%}", images_per_s=f"{numbers['images_per_s']:,.0f}")

        result = train(network, dataset, epochs=args.epochs, seed=args.seed, quantizer=args.quantizer, recipe=recipe,
                       progress=progress, checkpoint=args.checkpoint)
    integers = dataclasses.replace(result.integer, info={**result.integer.info, "history": result.history})
    save_model(out, network, integers)
    if args.json:
        print_json({"network": network.name, "dataset": dataset.name, "accuracy": result.accuracy,
                    "test_images": len(dataset.test_images), "epochs": args.epochs, "seed": args.seed,
                    "images_per_s": result.images_per_s, "model": str(out), "digest": model_digest(integers),
                    "history": result.history, "teacher_history": result.teacher_history})
        return
    print(f"{network.name}: {result.accuracy:.2%} of {len(dataset.test_images)} held-out images of {dataset.name} "
          f"right, computed in integers\n{out}")


def _augmentation(args: argparse.Namespace, dataset: "Dataset") -> "Augmentation":
    """The data set's own, but for what is given."""
    given = {"move_pixels": args.move, "mirror": args.mirror, "rotate_degrees": args.rotate}
    return dataclasses.replace(dataset.augmentation,
                               **{field: value for field, value in given.items() if value is not None})
