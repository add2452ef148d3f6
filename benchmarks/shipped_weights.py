"""How much a network changes when its weights are stored in half precision or in int8.

python benchmarks/shipped_weights.py student.ckpt --archive cifar100_train_1.npz
cifar100_train_2.npz cifar100_train_3.npz cifar100_test.npz

Accuracy and agreement with the checkpoint's own weights are those of the first images of the
validation split of conf/data/cifar100.yaml. --write keeps the int8 file, to be shipped.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from lmanet.data import Cifar100
from lmanet.network.classes import ClassNames, match_classes
from lmanet.network.images import fit, normalise
from lmanet.network.weights import Checkpoint, load_network, save_network


def main() -> None:
    """Print a line for each form."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--archive", nargs="+", required=True, help="as in conf/data/cifar100.yaml")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--write", type=Path, help="where the int8 file goes")
    given = parser.parse_args()
    data = Cifar100(archive=given.archive)
    data.setup("fit")
    batches = list(data.val_dataloader(500, torch.device("cpu")))[: -(-given.images // 500)]
    images = torch.cat([batch for batch, _ in batches])[: given.images]
    labels = torch.cat([labels for _, labels in batches])[: given.images]
    whole = load_network(given.checkpoint)
    logits = said(whole, data, images)
    print(f"as it is: {share(logits.argmax(1) == labels)} right of {len(labels):,}")
    with tempfile.TemporaryDirectory() as folder:
        for form in ("float16", "int8"):
            path = Path(folder) / f"{form}.safetensors"
            save_network(path, whole, form)
            other = said(load_network(path), data, images)
            same = share(other.argmax(1) == logits.argmax(1))
            right = share(other.argmax(1) == labels)
            print(f"{form}: {path.stat().st_size:,} bytes, {right} right, {same} the same class")
    if given.write:
        save_network(given.write, whole, "int8")


def said(checkpoint: Checkpoint, data: Cifar100, images: Tensor) -> Tensor:
    """Logits in the order of the data's classes."""
    match = match_classes(
        ClassNames("the checkpoint", checkpoint.classes), ClassNames(data.name, data.classes)
    )
    resolution = checkpoint.network.architecture.resolution
    with torch.inference_mode():
        found = [
            checkpoint.network(normalise(fit(some, resolution), checkpoint.mean, checkpoint.std))
            for some in images.split(250)
        ]
    return torch.cat(found)[:, list(match.places)]


def share(right: Tensor) -> str:
    """In per cent."""
    return f"{100 * right.float().mean():.2f} %"


if __name__ == "__main__":
    main()
