"""Peak memory of a mini-training, and what many candidates in one process leave behind.

python benchmarks/memory.py --archive cifar100_train_1.npz

Each peak is that of a process of its own, less what it held before: torch, Lightning and the
images. The candidates are different networks drawn from the space `mcu` at 32 pixels, each trained
for two steps and one validation; a network that stays would show in the tensors, anything else in
the resident memory.
"""

import argparse
import gc
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import torch
import usual_pipeline
from engine import LARGE, SMALL

from lmanet.cost import estimate
from lmanet.data import Augment, Cifar100, Split
from lmanet.network import Architecture
from lmanet.network.build import build
from lmanet.run.records import Job
from lmanet.space import Space, load_space
from lmanet.train import Recipe, Trainer, WarmupCosine

NETWORKS = {"small": SMALL, "large": LARGE}
MOST_MACS = 2e6  # of the many candidates


def recipe(batch_size: int) -> Recipe:
    """An epoch without warm-up."""
    optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    augment = Augment(crop_padding=4, flip=True, auto_augment="cifar10")
    return Recipe(
        epochs=1,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=WarmupCosine(),
        augment=augment,
        accelerator="cpu",
    )


def images(archive: list[str], number: int) -> Cifar100:
    """So many training images, in memory."""
    data = Cifar100(archive=archive, split=Split(val_fraction=0.01, max_train_images=number))
    data.setup("fit")
    return data


def resident() -> float:
    """MiB of this process."""
    return float(psutil.Process().memory_info().rss / 2**20)


def peak(name: str, way: str, archive: list[str]) -> None:
    """Train one network and print the peak."""
    data = images(archive, 2560)
    before = resident()
    if way == "ours":
        Trainer(data, recipe(128)).train(Job(number=0, architecture=NETWORKS[name], seed=0))
    else:
        usual_pipeline.train(build(NETWORKS[name], 100), data, recipe(128), 0)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    most = (
        int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        / 1024
    )
    print(
        (
            f"| {estimate(NETWORKS[name], 100).macs / 1e6:.1f}M MACs | {way} | {most - before:.0f} "
            f"MiB | {resident() - before:.0f} MiB |"
        ),
        flush=True,
    )


def candidates(count: int, archive: list[str]) -> None:
    """Train many, and print what is there now and then."""
    # Without the blocks of ordinary convolutions, of which hardly a draw is small enough.
    space = load_space("mcu", {"resolution": [32], "stage": {"block": ["depthwise", "mbconv"]}})
    generator = np.random.default_rng(0)
    trainer = Trainer(images(archive, 64), recipe(32))
    for number in range(1, count + 1):
        trainer.train(Job(number=number, architecture=_small(space, generator), seed=number))
        if number == 10 or number % (count // 4) == 0:
            gc.collect()
            tensors = sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects())
            print(
                f"| after {number} candidates | {resident():.0f} MiB | {tensors} tensors |",
                flush=True,
            )


def _small(space: Space, generator: np.random.Generator) -> Architecture:
    while estimate(architecture := space.sample(generator), 100, "plain").macs > MOST_MACS:
        pass
    return architecture


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument(
        "--peak",
        nargs=2,
        metavar=("NETWORK", "PIPELINE"),
        help="of one training alone: small|large ours|usual",
    )
    given = parser.parse_args()
    if given.peak:
        peak(*given.peak, given.archive)
        return
    print("| network | pipeline | peak | left behind |\n|---|---|---:|---:|", flush=True)
    for name in NETWORKS:
        for way in ("usual", "ours"):
            subprocess.run(
                [sys.executable, Path(__file__), "--archive", *given.archive, "--peak", name, way],
                check=True,
            )
    candidates(given.candidates, given.archive)


if __name__ == "__main__":
    main()
