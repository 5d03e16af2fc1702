"""``codesign train``: quantization-aware training of one network."""

import argparse
import dataclasses
import sys

from .arguments import add_command, add_json, add_network, integer, new_path, read_network
from .images import DATASET_HELP
from .output import print_json
from .training import add_training, read_recipe

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "train", run, "Train a network with quantized weights and activations")
    add_network(parser)
    parser.add_argument("--dataset", required=True, metavar="D", help=DATASET_HELP)
    parser.add_argument("--out", required=True, metavar="DIR", help="the model's directory, to be made")
    parser.add_argument("--epochs", type=integer(1, 100_000), default=60, help="passes over the training images")
    parser.add_argument("--seed", type=integer(0), default=0, help="of initial weights, order and augmentation")
    parser.add_argument("--checkpoint", metavar="FILE",
                        help="written after every epoch; continued from where it exists")
    add_training(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    out = new_path(args.out)
    network = read_network(args)

    from ..datasets import dataset_for

    dataset = dataset_for(args.dataset, network.input)

    from tqdm import tqdm

    from ..model import model_digest, save_model
    from ..train import train, training_device

    recipe, device = read_recipe(args, dataset), training_device(args.training_device)
    with tqdm(total=args.epochs * (2 if args.teacher else 1), desc=f"training {network.name}", unit="epoch",
              file=sys.stderr, delay=1) as bar:
        def progress(epoch: int, epochs: int, numbers: dict) -> None:
            bar.update(epoch - bar.n)
            bar.set_postfix(training=numbers["training"], loss=f"{numbers['loss']:.3f}",
                            train=f"{numbers['train_accuracy']:.1%}", images_per_s=f"{numbers['images_per_s']:,.0f}")

        result = train(network, dataset, epochs=args.epochs, seed=args.seed, recipe=recipe, progress=progress,
                       checkpoint=args.checkpoint, device=device)
    integers = dataclasses.replace(result.integer, info={**result.integer.info, "history": result.history})
    save_model(out, network, integers)
    if args.json:
        print_json({"network": network.name, "dataset": dataset.name, "accuracy": result.accuracy,
                    "test_images": len(dataset.test_images), "epochs": args.epochs, "seed": args.seed,
                    "images_per_s": result.images_per_s, "device": device, "model": str(out),
                    "digest": model_digest(integers), "history": result.history,
                    "teacher_history": result.teacher_history})
        return
    print(f"{network.name}: {result.accuracy:.2%} of {len(dataset.test_images)} held-out images of {dataset.name} "
          f"right, computed in integers\n{out}")
