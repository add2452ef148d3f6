"""Calibrates zero-cost proxies on the table of bench_lmanet: which of them say something of the accuracy after a true training?

python benchmarks/zero_cost.py --archive cifar100_train_1.npz cifar100_train_2.npz cifar100_train_3.npz

First every proxy of every network is measured with three draws of its weights, where the table lacks it (about 5 minutes of one thread).
Then, of one draw as a search has it (mean over the three): Kendall's and Spearman's rank correlation with the accuracy after 27 epochs,
mean over four bands of MACs of Spearman's within a band, and how many of the best third of all networks are in the proxy's best third;
in brackets 95 % intervals over 1,000 resamplings of networks. A proxy may be used by default where both intervals of Spearman lie above 0:
within a band, too, for MACs are known anyway. Last, which share of the hypervolume is left where a third of each band is kept.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import moocore
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from scipy.stats import kendalltau, rankdata
from table_images import TenClasses
from train_table import RECIPE, ROOT, SEEDS, SPLIT, feasible

from lmanet.data import Cifar100
from lmanet.pareto import ParetoFront
from lmanet.promote.ranks import aggregate
from lmanet.runfiles import append_record, read_records
from lmanet.space import Architecture, architecture_id
from lmanet.train import TabularTrainer, Trainer, ZeroCost
from lmanet.train.table import ZeroCostEntry, zero_cost_path
from lmanet.train.zero_cost import PROXIES
from lmanet.validate import Validator

TABLE = "lmanet_mini"
BANDS = 4
RESAMPLINGS = 1000
AZ_NAS = ("expressivity", "progressivity", "trainability", "macs")
Values = np.ndarray  # (seeds, networks)


def measure(networks: Sequence[Architecture], trainer: Trainer, path: Path) -> None:
    """Append what the table lacks."""
    there = {(entry.id, entry.seed) for entry in read_records(path, ZeroCostEntry)}
    start = time.process_time()
    lacking = [(network, seed) for network in networks for seed in SEEDS if (architecture_id(network), seed) not in there]
    for network, seed in lacking:
        values = {name: float(f"{value:.7g}") for name, value in trainer.screen(network, seed).items()}
        append_record(path, ZeroCostEntry(id=architecture_id(network), seed=seed, values=values))
    if lacking:
        print(f"{len(lacking)} measured, {1000 * (time.process_time() - start) / len(lacking):.0f} ms of one thread each")


def spearman(first: Values, second: Values) -> float:
    """Spearman's rank correlation; 0 where one of the two does not vary."""
    a, b = (rankdata(each) - (len(each) + 1) / 2 for each in (first, second))
    return float(a @ b / max(np.sqrt((a @ a) * (b @ b)), 1e-12))


def kendall(first: Values, second: Values) -> float:
    """Kendall's tau-b."""
    return float(np.nan_to_num(kendalltau(first, second).statistic))


def within_bands(first: Values, second: Values, bands: Values) -> float:
    """Mean over the bands of Spearman's rank correlation within one."""
    return fmean(spearman(first[bands == band], second[bands == band]) for band in range(BANDS))


def best_third(first: Values, second: Values) -> float:
    """Share of the best third by ``second`` that is in the best third by ``first``; a third by chance."""
    third = len(first) // 3
    return len(set(np.argsort(-first)[:third]) & set(np.argsort(-second)[:third])) / third


def interval(statistic: Callable[..., float], values: Values, *others: Values) -> tuple[float, float, float]:
    """Mean over seeds, and its 2.5 and 97.5 percentiles over resampled networks."""
    rng = np.random.default_rng(0)

    def of(chosen: Values | slice) -> float:
        return fmean(statistic(each[chosen], *(other[chosen] for other in others)) for each in values)

    drawn = [of(rng.integers(values.shape[1], size=values.shape[1])) for _ in range(RESAMPLINGS)]
    return of(slice(None)), *(float(each) for each in np.percentile(drawn, (2.5, 97.5)))


def aggregated(table: dict[str, Values], names: Sequence[str]) -> Values:
    """Rank aggregation of several proxies, for each seed."""
    seeds, networks = next(iter(table.values())).shape
    return np.array([aggregate([{name: table[name][seed, i] for name in names} for i in range(networks)]) for seed in range(seeds)])


def kept_hypervolume(values: Values, points: Values, bands: Values) -> float:
    """Hypervolume of the best third of each band over that of all; ``points``: (networks, objectives), 0 ideal, 1 reference."""
    kept = np.concatenate(
        [np.flatnonzero(bands == band)[np.argsort(-values[bands == band])][: sum(bands == band) // 3] for band in range(BANDS)]
    )
    volume = partial(moocore.hypervolume, ref=np.ones(points.shape[1]))
    return float(volume(points[kept]) / volume(points))


def line(name: str, values: Values, accuracy: Values, bands: Values) -> bool:
    """Print a proxy's figures; whether it may be used."""
    over = interval(spearman, values, accuracy)
    within = interval(within_bands, values, accuracy, bands)
    figures = (interval(kendall, values, accuracy), over, within, interval(best_third, values, accuracy))
    draws = fmean(spearman(values[i], values[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    passed = over[1] > 0 and within[1] > 0
    columns = "  ".join("{:5.2f} [{:5.2f}, {:5.2f}]".format(*each) for each in figures)
    print(f"{name:14} {columns}  {draws:5.2f}  {'yes' if passed else 'no'}", flush=True)
    return passed


def front_line(name: str, values: Values, points: Values, bands: Values) -> None:
    """Print what is left of the front."""
    shares = [kept_hypervolume(each, points, bands) for each in values]
    print(f"{name:14} {fmean(shares):.4f} (lowest {min(shares):.4f})")


def main() -> None:
    """Measure, then calibrate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", overrides=["+experiment=bench_lmanet"])
    images = TenClasses(Cifar100(archive=arguments.archive), SPLIT)
    space = instantiate(config.space)
    validator = Validator(space, instantiate(config.target), images.num_classes)
    networks = feasible(space, validator)
    measure(networks, Trainer(images, RECIPE, ZeroCost(tuple(PROXIES))), zero_cost_path(TABLE))

    trainings = TabularTrainer(images, TABLE)
    entries = [trainings.zero_cost[architecture_id(network)] for network in networks]
    table = {name: np.array([[draws[seed].values[name] for draws in entries] for seed in SEEDS]) for name in PROXIES}
    accuracy = np.array([fmean(each.val_accuracy[-1] for each in trainings.trainings[architecture_id(network)]) for network in networks])
    bands = np.arange(len(networks)) * BANDS // len(networks)  # `feasible` gives them by rising MACs
    print(
        f"{len(networks)} networks, {len(SEEDS)} draws of weights\n{'':14} Kendall  Spearman  Spearman within bands of MACs  best third  between draws  passed"
    )
    passed = [name for name, values in table.items() if line(name, values, accuracy, bands)]
    groups = {"all": tuple(PROXIES), "AZ-NAS": AZ_NAS, "passed": tuple(passed)}
    table |= {name: aggregated(table, names) for name, names in groups.items() if names}
    for name in groups.keys() & table.keys():
        line(name, table[name], accuracy, bands)

    print("\nhypervolume that is left of a third of each band")
    pareto: ParetoFront = instantiate(config.pareto, limits=validator.target.limits)
    costs = [validator.validate(network, ()).cost for network in networks]
    found = [
        {"val_accuracy": value, "macs": cost.macs, "peak_sram_bytes": cost.peak_sram_bytes}
        for value, cost in zip(accuracy, costs, strict=True)
    ]
    points = np.array([[goal.normalised(each[goal.name]) for goal in pareto.objectives] for each in found])
    rng = np.random.default_rng(0)
    for name, values in {**table, "at random": rng.random((100, len(networks))), "true accuracy": accuracy[None]}.items():
        front_line(name, values, points, bands)


if __name__ == "__main__":
    main()
