"""``codesign pack``: a data set as one file of pixels."""

import argparse
import sys
from pathlib import Path

from .arguments import add_command, add_json, integer
from .images import DATASET_HELP
from .output import print_json

__all__ = ["add"]


def add(commands) -> None:
    parser = add_command(commands, "pack", run, "Write a data set as one .npz file",
                         "Pictures are scaled and cropped once, to the bytes that training would see; the file is then "
                         "mapped into memory, however large it is.")
    parser.add_argument("dataset", metavar="D", help=DATASET_HELP)
    parser.add_argument("--out", required=True, metavar="FILE", help="the .npz file, to be made")
    parser.add_argument("--resolution", type=integer(1, 4096), metavar="N",
                        help="pixels on a side, where the data set is a folder of pictures")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ..datasets import load_dataset
    from ..datasets.packing import pack

    dataset = load_dataset(args.dataset, args.resolution, memory_bytes=0)  # read as it is written
    counts = {"train_images": len(dataset.train_images), "test_images": len(dataset.test_images)}
    with tqdm(total=sum(counts.values()), desc=f"packing {dataset.name}", unit="image", file=sys.stderr,
              delay=1) as bar:
        pack(dataset, Path(args.out), bar.update)
    size = Path(args.out).stat().st_size
    if args.json:
        print_json({"dataset": dataset.name, "shape": list(dataset.shape), "classes": len(dataset.classes), **counts,
                    "bytes": size, "file": args.out})
        return
    channels, height, width = dataset.shape
    print(f"{dataset.name}: {counts['train_images']:,} images to train on, {counts['test_images']:,} held out, of "
          f"{len(dataset.classes)} classes, {channels}x{height}x{width}\n{args.out}: {size:,} bytes")
