"""Do smaller images in the first third of a training save time at the same accuracy?

python benchmarks/smaller_first.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz

The network and the images of students.py. The first third of the epochs at fewer pixels, as a
training of its own whose weights the rest begins with; each has its own cosine. Validation
accuracy, and the time of all the trainings beside that of the same epochs at 32 pixels.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

import torch
from students import NETWORK, images, recipe

from lmanet.run.records import Job
from lmanet.train import Trainer

PIXELS = (32, 24, 16)


def main() -> None:
    """A line for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--epochs", type=int, default=27)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = images(given.archive)
    first_third = given.epochs // 3
    parts = (first_third, given.epochs - first_third)
    start, rest = (replace(recipe(epochs), decay_norms=True) for epochs in parts)
    seconds: dict[int, list[float]] = {size: [] for size in PIXELS}
    accuracies: dict[int, list[float]] = {size: [] for size in PIXELS}
    for seed in range(given.seeds):
        for size in PIXELS:  # in turn, so that other work on the machine slows all alike
            with TemporaryDirectory() as folder:
                weights = Path(folder) / "small.ckpt"
                small = NETWORK.model_copy(update={"resolution": size})
                first = Trainer(data, start).train(
                    Job(number=0, architecture=small, seed=seed, weights=weights)
                )
                last = Trainer(data, rest, donor=str(weights)).train(
                    Job(number=1, architecture=NETWORK, seed=seed)
                )
            seconds[size].append(first.seconds + last.seconds)
            accuracies[size].append(100 * last.val_accuracy)
    print("| first third at | accuracy % | time |\n|---|---|---|")
    for size in PIXELS:
        share = fmean(seconds[size]) / fmean(seconds[PIXELS[0]])
        told = f"{fmean(accuracies[size]):.2f} ({stdev(accuracies[size]):.2f})"
        print(f"| {size} px | {told} | {share:.2f} |")


if __name__ == "__main__":
    main()
