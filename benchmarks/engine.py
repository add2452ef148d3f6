"""Our mini-training beside the usual pipeline (usual_pipeline.py): the same networks, images,
batches, augmentation and recipe.

python benchmarks/engine.py --archive cifar100_train_1.npz cifar100_train_2.npz cifar100_train_3.npz

Each seed trains every network once by each pipeline, in turn. Whole epochs with their validation
are timed; the first of each training, which starts workers or compiles, is told apart.
"""

import argparse
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any, NamedTuple

import torch
import usual_pipeline

from lmanet.cost import estimate
from lmanet.data import Augment, Cifar100, Split
from lmanet.network import Architecture, parse_architecture
from lmanet.network.build import build
from lmanet.run.records import Job
from lmanet.train import Kernels, KernelTrial, Recipe, Trainer, WarmupCosine

STAGE = {"block": "mbconv", "kernel": 3, "se_ratio": 0.0, "skip": True, "activation": "relu6"}
STEM = {"channels": 16, "kernel": 3, "stride": 1, "activation": "relu6"}
FIELDS = ("channels", "stride", "expansion", "layers")


def network(stages: Sequence[tuple[int, ...]], **changes: Any) -> Architecture:
    """A network of inverted residuals at 32 pixels."""
    filled = [{**STAGE, **changes, **dict(zip(FIELDS, stage, strict=True))} for stage in stages]
    return parse_architecture({"resolution": 32, "stem": STEM, "stages": filled})


SMALL = network([(24, 2, 6, 2), (48, 2, 4, 3), (64, 2, 4, 3)])
LARGE = network(
    [(24, 1, 4, 2), (48, 2, 4, 3), (88, 2, 4, 3), (128, 2, 4, 3)],
    se_ratio=0.25,
    activation="hard_swish",
)


class Run(NamedTuple):
    """One training: images a second in all but its first epoch, seconds of all, validation accuracy
    at the end, of 1.
    """

    images_per_second: float
    first_seconds: float
    seconds: float
    accuracy: float
    kernels: str


def ours(architecture: Architecture, data: Cifar100, recipe: Recipe, seed: int) -> Run:
    """A training by `lmanet.train.Trainer`."""
    score = Trainer(data, recipe).train(Job(number=0, architecture=architecture, seed=seed))
    seconds = [epoch.seconds for epoch in score.curve]
    return _run(seconds, len(data.train_images), score.val_accuracy, score.kernels or "")


def usual(architecture: Architecture, data: Cifar100, recipe: Recipe, seed: int) -> Run:
    """The same by the usual pipeline."""
    torch.manual_seed(seed)
    module = usual_pipeline.train(build(architecture, data.num_classes), data, recipe, seed)
    seconds = [end - start for start, end in pairwise((module.began, *module.ends))]
    return _run(seconds, len(data.train_images), module.curve[-1], "contiguous,32-true,none")


def _run(seconds: Sequence[float], images: int, accuracy: float, kernels: str) -> Run:
    return Run(images / median(seconds[1:]), seconds[0], sum(seconds), accuracy, kernels)


def compare(name: str, architecture: Architecture, arguments: argparse.Namespace) -> None:
    """Train by both and print a line of the table."""
    data = Cifar100(
        archive=arguments.archive, split=Split(val_fraction=0.05, max_train_images=arguments.images)
    )
    data.setup("fit")
    recipe = Recipe(
        epochs=arguments.epochs,
        batch_size=128,
        optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
        schedule=WarmupCosine(1),
        augment=Augment(crop_padding=4, flip=True, auto_augment="cifar10"),
        decay_norms=True,  # as the usual pipeline does
        kernels=KernelTrial(compile_from_seconds=arguments.compile_from_seconds)
        if arguments.kernels == "trial"
        else forced(arguments.kernels),
        accelerator=arguments.accelerator,
    )
    pairs = []
    for seed in range(arguments.seeds):
        turns = (usual, ours) if seed % 2 else (ours, usual)
        runs = {way: way(architecture, data, recipe, seed) for way in turns}
        pairs.append((runs[usual], runs[ours]))
        for way, run in runs.items():
            print(f"  seed {seed} {way.__name__}: {run}", flush=True)
    ratios = sorted(ours.images_per_second / usual.images_per_second for usual, ours in pairs)
    cost = estimate(architecture, 100)
    columns = list(zip(*pairs, strict=True))
    speeds = [f"{median(run.images_per_second for run in column):.0f}" for column in columns]
    accuracies = [
        (
            f"{100 * mean(run.accuracy for run in column):.2f} "
            f"({spread([100 * run.accuracy for run in column])})"
        )
        for column in columns
    ]
    print(
        f"| {name}: {cost.macs / 1e6:.1f}M MACs, {cost.params / 1e6:.2f}M parameters | "
        f"{' | '.join(speeds)} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) | "
        f"{' | '.join(accuracies)} | {pairs[0][1].kernels} |"
    )


def spread(values: Sequence[float]) -> str:
    """Standard deviation, where there are several."""
    return f"{stdev(values):.2f}" if len(values) > 1 else "one seed"


def forced(text: str) -> Kernels:
    """``channels_last,32-true,none`` and the like."""
    memory_format, precision, compile = text.split(",")
    return Kernels(memory_format == "channels_last", precision, compile)


def main() -> None:
    """Compare both networks, each in a process of its own, whose peak memory it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--network", choices=["small", "large"])
    parser.add_argument("--images", type=int, default=5000, help="training images")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--kernels", default="trial", help="trial, or as channels_last,32-true,none"
    )
    parser.add_argument("--compile-from-seconds", type=float, default=900.0, help="of KernelTrial")
    parser.add_argument("--accelerator", default="cpu")
    arguments = parser.parse_args()
    if arguments.network:
        compare(arguments.network, {"small": SMALL, "large": LARGE}[arguments.network], arguments)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  peak memory of the process: {peak:.0f} MiB", flush=True)
        return
    print(
        (
            f"{platform.processor()}, torch {torch.__version__}, {torch.get_num_threads()} "
            f"threads, {datetime.now(UTC):%Y-%m-%d}"
        ),
        flush=True,
    )
    for name in ("small", "large"):
        subprocess.run(
            [sys.executable, Path(__file__), *sys.argv[1:], "--network", name], check=True
        )


if __name__ == "__main__":
    main()
