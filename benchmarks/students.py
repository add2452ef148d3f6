"""What each habit of a full training adds: weight decay that leaves norms and biases, label
smoothing, averaged weights.

python benchmarks/students.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz

One network of about a million MACs on the images of bench_lmanet's table, cosine with warm-up
throughout, several seeds; validation accuracy.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import mean, stdev
from typing import Any

import torch
from table_images import TenClasses

from lmanet.cost import estimate
from lmanet.data import Augment, Cifar100, Split
from lmanet.network import parse_architecture
from lmanet.run.records import Job
from lmanet.train import Recipe, Trainer, WarmupCosine

STAGE = {
    "block": "mbconv",
    "kernel": 3,
    "stride": 2,
    "se_ratio": 0.0,
    "skip": True,
    "activation": "relu6",
    "expansion": 4,
}
NETWORK = parse_architecture(
    {
        "resolution": 32,
        "stem": {"channels": 16, "kernel": 3, "stride": 2, "activation": "relu6"},
        "stages": [{**STAGE, "channels": 24, "layers": 2}, {**STAGE, "channels": 40, "layers": 2}],
    }
)
BASE: dict[str, Any] = {"decay_norms": True}
ARMS: dict[str, dict[str, Any]] = {
    "plain": BASE,
    "no decay of norms and biases": {"decay_norms": False},
    "label smoothing 0.1": {**BASE, "label_smoothing": 0.1},
    "average of weights, decay 0.99": {**BASE, "ema_decay": 0.99},
    "average of weights, decay 0.998": {**BASE, "ema_decay": 0.998},
    "all three, decay 0.99": {"decay_norms": False, "label_smoothing": 0.1, "ema_decay": 0.99},
}


def images(archive: Sequence[str] | None) -> TenClasses:
    """2,000 to train on and as many to validate on."""
    return TenClasses(Cifar100(archive=archive), Split(val_fraction=0.4, max_train_images=2000))


def recipe(epochs: int) -> Recipe:
    """What all of these trainings share."""
    return Recipe(
        epochs=epochs,
        batch_size=64,
        optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
        schedule=WarmupCosine(1),
        augment=Augment(crop_padding=4, flip=True),
        accelerator="cpu",
    )


def main() -> None:
    """A line for each habit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = images(given.archive)
    print(
        f"{estimate(NETWORK, 10).macs / 1e6:.2f}M MACs, {given.epochs} epochs, {given.seeds} "
        "seeds\n| | accuracy % |\n|---|---|"
    )
    for name, changes in ARMS.items():
        trainer = Trainer(data, replace(recipe(given.epochs), **changes))
        scores = [
            trainer.train(Job(number=seed, architecture=NETWORK, seed=seed))
            for seed in range(given.seeds)
        ]
        accuracies = [100 * score.val_accuracy for score in scores]
        print(f"| {name} | {mean(accuracies):.2f} ({stdev(accuracies):.2f}) |", flush=True)


if __name__ == "__main__":
    main()
