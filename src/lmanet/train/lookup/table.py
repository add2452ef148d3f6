"""TabularTrainer: looks up what a training of one of our networks gave, so that a search over them
costs no training.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import get_args

from lmanet.base import Record
from lmanet.errors import ConfigError, TrainingError
from lmanet.run.lines import read_record, read_records
from lmanet.run.records import Epoch, Job, Score
from lmanet.space import AnyArchitecture, architecture_id
from lmanet.steps import ImageData
from lmanet.train.checks import require_a_stop_before_the_end
from lmanet.train.lookup.nasbench import SeedOfTable

TABLES = Path(__file__).parent / "tables"


class Header(Record):
    """``NAME.json`` of a table: what was trained on what images, how, where and when.

    Attributes:
        checksum: sha-256 of the data set that the images are from.
        seconds: what the seconds of its trainings are.
    """

    images: str
    train_images: int
    val_images: int
    num_classes: int
    checksum: str
    recipe: str
    seconds: str
    machine: str
    torch: str
    date: str


class Entry(Record):
    """A line of ``NAME.jsonl``: one training of one network; its accuracy is that of the last
    epoch.

    Attributes:
        architecture: JSON as `lmanet.space.write_proposal` writes it in the form ``json``.
        train_loss, val_loss, val_accuracy: one value an epoch; nats, nats, share of 1.
    """

    id: str
    architecture: str
    seed: int
    seconds: float
    val_macro_f1: float
    val_calibration_error: float
    train_loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]


class ZeroCostEntry(Record):
    """A line of ``NAME_zero_cost.jsonl``: the zero-cost proxies of one network with one draw of its
    weights.

    Attributes:
        values: proxy -> value, more is better.
    """

    id: str
    seed: int
    values: dict[str, float]


class TabularTrainer:
    """Scores networks with trainings that a table of this package holds.

    Args:
        data: must have the number of classes of the table.
        table: its name, that of two files in ``lmanet/train/tables``.
        seed_of_table: which of a network's trainings, one to three, counts: ``mean`` is over all of
            them, ``by_seed`` picks one by the trial's seed, and a number picks that one, counted
            round where there are fewer; so with draws for zero-cost proxies.

    Raises:
        ConfigError: a setting is unknown or contradicts the table.
    """

    def __init__(self, data: ImageData, table: str, seed_of_table: SeedOfTable = "mean") -> None:
        if seed_of_table not in get_args(SeedOfTable):
            legal = ", ".join(map(str, get_args(SeedOfTable)))
            raise ConfigError(
                f"seed_of_table={seed_of_table!r} is unknown; legal are {legal} "
                "(conf/train/lmanet_mini.yaml)"
            )
        self.name, self.seed_of_table = table, seed_of_table
        header, entries = load_table(table)
        if data.num_classes != header.num_classes:
            raise ConfigError(
                f"the table {table} has {header.num_classes} classes, data {data.name} "
                f"{data.num_classes}; take data=lmanet_mini"
            )
        self.trainings: dict[str, list[Entry]] = defaultdict(list)
        for entry in sorted(entries, key=lambda entry: entry.seed):
            self.trainings[entry.id].append(entry)
        self.zero_cost: dict[str, list[ZeroCostEntry]] = defaultdict(list)
        for measured in sorted(
            read_records(zero_cost_path(table), ZeroCostEntry), key=lambda measured: measured.seed
        ):
            self.zero_cost[measured.id].append(measured)

    def train(self, job: Job) -> Score:
        """Look a network up; a training that stops earlier has the first part of the curve, and of
        the seconds.

        Raises:
            ConfigError: it should stop at the end or after it.
            TrainingError: the network is not in the table.
        """
        whole = self._whole(job.architecture, job.seed)
        if job.epochs is None:
            return whole
        require_a_stop_before_the_end(job.epochs, whole.epochs)
        curve = whole.curve[: job.epochs]
        return Score(
            val_accuracy=curve[-1].val_accuracy,
            seconds=sum(epoch.seconds for epoch in curve),
            curve=curve,
        )

    def _whole(self, architecture: AnyArchitecture, seed: int) -> Score:
        identity = architecture_id(architecture)
        if identity not in self.trainings:
            raise TrainingError(
                f"network {identity} is not among the {len(self.trainings)} of the table "
                f"{self.name}, which has those that +experiment=bench_lmanet accepts; keep its "
                "space and target, or take another train="
            )
        trainings = self.trainings[identity]
        if self.seed_of_table == "mean":
            return _mean(trainings)
        number = seed if self.seed_of_table == "by_seed" else self.seed_of_table
        return _mean([trainings[number % len(trainings)]])

    def screen(self, architecture: AnyArchitecture, seed: int) -> dict[str, float]:
        """Look up a network's zero-cost proxies.

        Raises:
            TrainingError: the table has none of this network.
        """
        identity = architecture_id(architecture)
        if identity not in self.zero_cost:
            raise TrainingError(
                f"the table {self.name} has no zero-cost proxies of network {identity}; take "
                "another train=, or no screening"
            )
        draws = self.zero_cost[identity]
        if self.seed_of_table != "mean":
            number = seed if self.seed_of_table == "by_seed" else self.seed_of_table
            draws = [draws[number % len(draws)]]
        return {name: fmean(draw.values[name] for draw in draws) for name in draws[0].values}


def zero_cost_path(name: str) -> Path:
    """Where a table keeps zero-cost proxies, if it does."""
    return TABLES / f"{name}_zero_cost.jsonl"


def load_table(name: str) -> tuple[Header, list[Entry]]:
    """What a table says of itself, and its trainings.

    Raises:
        ConfigError: there is no such table.
    """
    if not (TABLES / f"{name}.json").is_file():
        names = ", ".join(sorted(path.stem for path in TABLES.glob("*.json")))
        raise ConfigError(
            f"there is no table {name!r}; legal are {names} (conf/train/lmanet_mini.yaml)"
        )
    return read_record(TABLES / f"{name}.json", Header), read_records(
        TABLES / f"{name}.jsonl", Entry
    )


def _mean(trainings: Sequence[Entry]) -> Score:
    epochs = range(len(trainings[0].val_accuracy))
    seconds = fmean(each.seconds for each in trainings)
    curve = tuple(
        Epoch(
            epoch=epoch,
            train_loss=fmean(each.train_loss[epoch] for each in trainings),
            val_loss=fmean(each.val_loss[epoch] for each in trainings),
            val_accuracy=fmean(each.val_accuracy[epoch] for each in trainings),
            seconds=seconds / len(epochs),
        )
        for epoch in epochs
    )
    return Score(
        val_accuracy=curve[-1].val_accuracy,
        val_macro_f1=fmean(each.val_macro_f1 for each in trainings),
        val_calibration_error=fmean(each.val_calibration_error for each in trainings),
        seconds=seconds,
        curve=curve,
    )
