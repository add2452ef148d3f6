"""What batch norm's running averages do to short trainings: to accuracy, and to the ranking of
candidates.

python benchmarks/batch_norm.py docs/bench/batch_norm.jsonl --archive cifar100_train_1.npz
cifar100_train_2.npz cifar100_train_3.npz

Networks of the space mcu, at most 0.3M MACs, are trained by the recipe `quick` for 3 epochs, and
once more for many, with a look at halving's rungs. Three sets: 370 photographs of four classes,
3,200 digits, 2,000 photographs of ten classes. The averages change no weight of a training, so that
one training is validated with several kinds of them:

kept: as torch keeps them, exponential with momentum 0.1
warm: momentum max(0.1, 1 / (steps + 1)), so that the first steps are averaged with equal weights
N images: taken anew from so many training images without augmentation, the weights as they are;
momentum then does not matter

A line of the file is one training; what is there is not trained again. Then the tables are printed.
One thread, about 20 minutes.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from rank_statistics import interval, spearman
from table_images import SomeClasses, TenClasses
from torch import Tensor, nn

from lmanet.base import Record
from lmanet.cost import estimate
from lmanet.data import Cifar100, Mnist5k, Split
from lmanet.network import Architecture
from lmanet.network.images import fit, normalise
from lmanet.run.lines import append_record, read_records
from lmanet.space import architecture_id, load_space
from lmanet.steps import ImageData
from lmanet.train import Recipe, Trainer
from lmanet.train.batch_norm import NormAverages

CONF = Path(__file__).parents[1] / "conf"
FOUR = ("bicycle", "bottle", "fox", "orchid")
IMAGES = (256, 512, 1024)
SHORT = 3  # epochs
RUNGS = (1, 3, 9)
SEEDS = (0, 1, 2)
MACS = (50_000, 300_000)
CHOICES = {
    "resolution": [32],
    "num_stages": [3],
    "stem": {"optional": False, "channels": [8, 16], "kernel": [3], "stride": [2]},
    "stage": {
        "block": ["depthwise", "mbconv"],
        "channels": [8, 16, 24, 40],
        "kernel": [3],
        "expansion": [1, 2, 3, 4],
        "layers": [1],
    },
    "head": None,
}


class Line(Record):
    """One training.

    Attributes:
        epochs: of the recipe; `at` says after which of them was validated.
        accuracy: kind of averages -> validation accuracy after each epoch of `at`.
        classes: the same of the number of classes that were predicted.
        seconds: CPU time of the training without any of this.
        update_seconds: number of images -> wall time of taking the averages anew, once; long where
            other work is beside.
    """

    images: str
    network: str
    macs: int
    seed: int
    epochs: int
    steps: int
    at: tuple[int, ...]
    accuracy: dict[str, tuple[float, ...]]
    classes: dict[str, tuple[int, ...]]
    seconds: float
    update_seconds: dict[str, float]


class Images(NamedTuple):
    """A set, and the epochs of a long training on it."""

    name: str
    data: ImageData
    long: int


class WarmAverages:
    """Averages of a training by another momentum, kept beside those of the network."""

    def __init__(self, network: nn.Module) -> None:
        self.averages: dict[str, tuple[Tensor, Tensor]] = {}
        self.steps: dict[str, int] = {}
        for name, module in network.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_pre_hook(partial(self._look, name))

    def _look(self, name: str, module: nn.Module, inputs: tuple[Tensor]) -> None:
        if not module.training:
            return
        with torch.no_grad():
            variance, mean = torch.var_mean(inputs[0], (0, 2, 3))
        step = self.steps.get(name, 0)
        before = self.averages.get(name, (mean, variance))
        momentum = max(0.1, 1 / (step + 1))
        self.averages[name] = before[0].lerp(mean, momentum), before[1].lerp(variance, momentum)
        self.steps[name] = step + 1

    def copy_to(self, network: nn.Module) -> None:
        """Give a network these averages."""
        for name, (mean, variance) in self.averages.items():
            norm = network.get_submodule(name)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)


class Measurement:
    """Trains one network and validates it with each kind of averages."""

    def __init__(self, trainer: Trainer, architecture: Architecture, seed: int) -> None:
        self.trainer, self.architecture, self.seed = trainer, architecture, seed
        self.data = trainer.data
        self.network = trainer.build(architecture, seed)
        self.warm = WarmAverages(self.network)
        self.accuracy: dict[str, list[float]] = {}
        self.classes: dict[str, list[int]] = {}
        self.update_seconds: dict[str, float] = {}
        self.seconds = 0.0

    def run(self, at: Sequence[int]) -> None:
        """Train, and validate after these epochs."""
        with TemporaryDirectory() as folder:
            for epoch in at:
                start = time.process_time()
                self.trainer.fit(self.network, self.seed, folder=Path(folder), epochs=epoch)
                self.seconds += time.process_time() - start
                self._validate_all()

    def _validate_all(self) -> None:
        self._validate("kept", lambda network: None)
        self._validate("warm", self.warm.copy_to)
        batches = self.data.train_dataloader(self.trainer.recipe.batch_size, 0, torch.device("cpu"))
        for images in IMAGES:
            norms = NormAverages(batches, images, self._prepared)
            self._validate(f"{images} images", norms.update)
            self.update_seconds[str(images)] = norms.seconds

    def _validate(self, kind: str, change: Callable[[nn.Module], None]) -> None:
        network = self.trainer.build(self.architecture, self.seed)
        network.load_state_dict(deepcopy(self.network.state_dict()))
        network.eval().to(memory_format=torch.channels_last)
        with torch.inference_mode():
            change(network)
            batches = list(self.data.val_dataloader(500, torch.device("cpu")))
            said = torch.cat([network(self._prepared(images)).argmax(1) for images, _ in batches])
        right = said == torch.cat([labels for _, labels in batches])
        self.accuracy.setdefault(kind, []).append(round(float(right.float().mean()), 5))
        self.classes.setdefault(kind, []).append(len(said.unique()))

    def _prepared(self, images: Tensor) -> Tensor:
        fitted = normalise(fit(images, self.architecture.resolution), self.data.mean, self.data.std)
        return fitted.contiguous(memory_format=torch.channels_last)


def draw(number: int) -> list[Architecture]:
    """Networks of the space mcu within the limits on MACs."""
    space, rng = load_space("mcu", CHOICES), np.random.default_rng(0)
    drawn: list[Architecture] = []
    while len(drawn) < number:
        network = space.sample(rng)
        if MACS[0] <= estimate(network, 10).macs <= MACS[1]:
            drawn.append(network)
    return drawn


def sets(archive: Sequence[str] | None) -> Iterator[Images]:
    """The three sets, opened."""
    cifar = Cifar100(archive=archive)
    yield Images(
        "370 of 4 classes",
        SomeClasses(cifar, Split(val_fraction=0.3, max_train_images=370), FOUR),
        40,
    )
    yield Images("MNIST, 3,200", Mnist5k(Split(val_fraction=0.2)), 6)
    yield Images(
        "CIFAR-100, 2,000 of 10 classes",
        TenClasses(cifar, Split(val_fraction=0.4, max_train_images=2000)),
        12,
    )


def train(path: Path, images: Images, networks: Sequence[Architecture], recipe: Recipe) -> None:
    """Append what the file lacks of one set."""
    images.data.setup("fit")
    there = {
        (line.images, line.network, line.seed, line.epochs) for line in read_records(path, Line)
    }
    for seed in SEEDS:
        for network in networks:
            for epochs, at in ((SHORT, (SHORT,)), (images.long, points(images.long))):
                key = (images.name, architecture_id(network), seed, epochs)
                if key in there:
                    continue
                trainer = Trainer(
                    images.data,
                    replace(recipe, epochs=epochs, batch_norm_images=0, max_seconds=None),
                )
                measured = Measurement(trainer, network, seed)
                measured.run(at)
                line = Line(
                    **dict(zip(("images", "network", "seed", "epochs"), key, strict=True)),
                    macs=estimate(network, images.data.num_classes).macs,
                    steps=epochs * len(trainer.batches(seed)),
                    at=at,
                    accuracy={kind: tuple(values) for kind, values in measured.accuracy.items()},
                    classes={kind: tuple(values) for kind, values in measured.classes.items()},
                    seconds=round(measured.seconds, 3),
                    update_seconds={
                        images: round(seconds, 4)
                        for images, seconds in measured.update_seconds.items()
                    },
                )
                append_record(path, line)


def points(epochs: int) -> tuple[int, ...]:
    """After which epochs of a long training is looked: at the rungs and at the end."""
    return (*(rung for rung in RUNGS if rung < epochs), epochs)


def describe(lines: Sequence[Line], name: str, networks: Sequence[str]) -> None:
    """Print the table of one set, of the seeds with which all networks were trained.

    It holds accuracy, how many trainings predict one class, and rank correlation with the end of
    the long training.
    """
    of_set = [line for line in lines if line.images == name and line.network in networks]
    long = max((line.epochs for line in of_set), default=0)
    trained = [
        {line.network for line in of_set if line.epochs == long and line.seed == seed}
        for seed in SEEDS
    ]
    seeds = [seed for seed in SEEDS if trained[seed] == set(networks)]
    if not seeds:
        print(f"\n{name}: not all networks were trained")
        return
    of_set = [line for line in of_set if line.seed in seeds]
    truth = [line for line in of_set if line.epochs == long]
    final = np.array(
        [
            fmean(
                line.accuracy[f"{IMAGES[-1]} images"][-1] for line in truth if line.network == each
            )
            for each in networks
        ]
    )
    seconds = fmean(line.seconds / line.epochs for line in truth)
    steps = truth[0].steps // long
    print(
        f"\n{name}: {len(networks)} networks, {len(seeds)} seeds, {steps} steps an epoch, "
        f"{seconds:.2f} s of CPU each with validation"
    )
    kinds = list(truth[0].accuracy)
    print(f"| {name} | | {' | '.join(kinds)} |\n|---|---|{'---|' * len(kinds)}")
    for epochs, point in ((SHORT, SHORT), *((long, point) for point in points(long))):
        part = [line for line in of_set if line.epochs == epochs]
        place = part[0].at.index(point)
        accuracies, ranks = [], []
        for kind in kinds:
            by_seed = [
                {line.network: line.accuracy[kind][place] for line in part if line.seed == seed}
                for seed in seeds
            ]
            values = np.array([[of[each] for each in networks] for of in by_seed])
            single = sum(line.classes[kind][place] == 1 for line in part)
            accuracies.append(
                f"{100 * values.mean():.1f}" + (f" (one class: {single})" if single else "")
            )
            ranks.append("{:.2f} [{:.2f}, {:.2f}]".format(*interval(spearman, values, final)))
        print(
            f"| {point} of {epochs} epochs | accuracy, % | {' | '.join(accuracies)} |\n| | rank | "
            f"{' | '.join(ranks)} |"
        )


def main() -> None:
    """Train what the file lacks, then print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--networks", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        recipe = instantiate(
            compose("config", overrides=["+experiment=quickstart"]).train.mini.recipe
        )
    networks = draw(given.networks)
    every = list(sets(given.archive))
    for images in every:
        train(given.file, images, networks, recipe)
    for images in every:
        describe(
            read_records(given.file, Line),
            images.name,
            [architecture_id(network) for network in networks],
        )


if __name__ == "__main__":
    main()
