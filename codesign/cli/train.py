"""``codesign train``: quantization-aware training of one network."""

import argparse
import dataclasses
import sys
from pathlib import Path

from .arguments import add_command, add_json, add_network, integer, new_path, read_network
from .output import print_json

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "train", run, "Train a network with 4-bit weights and activations")
    add_network(parser)
    parser.add_argument("--dataset", required=True, metavar="D",
                        help="digits, a folder of CIFAR-10's binary version, or one with train/CLASS/*.png and test/")
    parser.add_argument("--out", required=True, metavar="DIR", help="the model's directory, to be made")
    parser.add_argument("--epochs", type=integer(1, 100_000), default=60, help="passes over the training images")
    parser.add_argument("--seed", type=integer(0), default=0, help="of initial weights, order and augmentation")
    parser.add_argument("--quantizer", choices=("dorefa", "lsq"), default="dorefa", help="of the weights")
    parser.add_argument("--batch", type=integer(2), default=64, help="images per step")
    parser.add_argument("--learning-rate", type=float, default=0.02, help="the schedule's highest")
    parser.add_argument("--checkpoint", metavar="FILE",
                        help="written after every epoch; continued from where it exists")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = new_path(args.out)
    network = read_network(args)

    from ..datasets import load_dataset

    dataset = load_dataset(args.dataset, None if args.dataset == "digits" else network.input[1])

    from tqdm import tqdm

    from ..model import model_digest, save_model
    from ..train import Recipe, train

    recipe = Recipe(batch=args.batch, learning_rate=args.learning_rate)
    with tqdm(total=args.epochs, desc=f"training {network.name}", unit="epoch", file=sys.stderr, delay=1) as bar:
        def progress(epoch: int, epochs: int, numbers: dict) -> None:
            bar.update(epoch - bar.n)
            bar.set_postfix(loss=f"{numbers['loss']:.3f}", train=f"{numbers['train_accuracy']:.1%}")

        result = train(network, dataset, epochs=args.epochs, seed=args.seed, quantizer=args.quantizer, recipe=recipe,
                       progress=progress, checkpoint=args.checkpoint)
    path = {} if args.dataset == dataset.name else {"dataset_path": str(Path(args.dataset).resolve())}
    integers = dataclasses.replace(result.integer, info={**result.integer.info, **path, "history": result.history})
    save_model(out, network, integers)
    if args.json:
        print_json({"network": network.name, "dataset": dataset.name, "accuracy": result.accuracy,
                    "test_images": len(dataset.test_images), "epochs": args.epochs, "seed": args.seed,
                    "model": str(out), "digest": model_digest(integers), "history": result.history})
        return
    print(f"{network.name}: {result.accuracy:.2%} of {len(dataset.test_images)} held-out images of {dataset.name} "
          f"right, computed in integers\n{out}")
