"""Calibrates zero-cost proxies on the table of bench_lmanet: which of them say something of the
accuracy after a true training?

python benchmarks/zero_cost.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz

First every proxy of every network is measured with three draws of its weights, where the table
lacks it (about 90 s of one thread). Then, of one draw as a search has it (mean over the three):
Kendall's and Spearman's rank correlation with the accuracy after 27 epochs, Spearman's within a
band of MACs (mean over four bands), and the share of the best third of all networks that is in the
proxy's best third; in brackets 95 % intervals over 1,000 resamplings of networks. Then what a
search gets: of 60 networks, drawn 200 times, halving keeps the third that `best_first` names from
proxy and costs: share of the hypervolume left (accuracy from 0.55), and how much more that is than
where it keeps by the costs alone. A proxy may be used by default where three intervals lie above 0:
Spearman's over all, Spearman's within a band (MACs are known anyway), and that gain, whose draws
overlap, so that its interval is wider in truth. As choice and worth are from the same networks, the
rule is also tried on halves. Last the times.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median

import moocore
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from rank_statistics import Values, best_third, interval, kendall, spearman, within_bands
from table_images import TenClasses
from train_table import RECIPE, ROOT, SEEDS, SPLIT, feasible

from lmanet.cost import estimate
from lmanet.data import Cifar100
from lmanet.network import Architecture, parse_architecture
from lmanet.promote.order import aggregate, best_first
from lmanet.run.lines import append_record, read_records
from lmanet.space import architecture_id
from lmanet.train import TabularTrainer, Trainer, ZeroCost
from lmanet.train.lookup.table import Entry, ZeroCostEntry, zero_cost_path
from lmanet.train.zero_cost import PROXIES
from lmanet.validate import Validator

TABLE = "lmanet_mini"
BANDS = 4
RUNGS = (1, 3, 9)  # epochs, to compare with
HALVES = 10
CANDIDATES = 60
DRAWS = 200
AZ_NAS = ("expressivity", "progressivity", "trainability", "macs")
WORST_ACCURACY = 0.55  # of the table's networks, rounded down
STAGE = {
    "block": "mbconv",
    "kernel": 3,
    "expansion": 4,
    "se_ratio": 0.0,
    "skip": True,
    "activation": "relu6",
    "layers": 2,
}
TEN_MILLION_MACS = parse_architecture(
    {
        "resolution": 32,
        "stem": {"channels": 16, "kernel": 3, "stride": 1, "activation": "relu6"},
        "stages": [{**STAGE, "channels": channels, "stride": 2} for channels in (24, 40, 80)],
    }
)
Table = dict[str, Values]


def measure(networks: Sequence[Architecture], trainer: Trainer) -> None:
    """Append what the table lacks."""
    path = zero_cost_path(TABLE)
    there = {(entry.id, entry.seed) for entry in read_records(path, ZeroCostEntry)}
    for network in networks:
        for seed in SEEDS:
            if (architecture_id(network), seed) not in there:
                values = {
                    name: float(f"{value:.7g}")
                    for name, value in trainer.screen(network, seed).items()
                }
                append_record(
                    path, ZeroCostEntry(id=architecture_id(network), seed=seed, values=values)
                )


def aggregated(table: Table, names: Sequence[str]) -> Values:
    """Rank aggregation of several proxies, for each seed."""
    seeds, networks = next(iter(table.values())).shape
    return np.array(
        [
            aggregate([{name: table[name][seed, i] for name in names} for i in range(networks)])
            for seed in range(seeds)
        ]
    )


class Calibration:
    """The networks that proxies are held against.

    Args:
        accuracy: (networks,).
        costs: (networks, costs), shares of their limits.
        bands: (networks,), number of the band of MACs.
    """

    def __init__(self, accuracy: Values, costs: Values, bands: Values) -> None:
        self.accuracy, self.costs, self.bands = accuracy, costs, bands
        self.points = np.column_stack([(1 - accuracy) / (1 - WORST_ACCURACY), costs])

    def part(self, chosen: Values) -> "Calibration":
        """Some of the networks."""
        return Calibration(self.accuracy[chosen], self.costs[chosen], self.bands[chosen])

    def kept(self, values: Values, draws: int = DRAWS) -> Values:
        """Share of the hypervolume that halving keeps, one a draw of candidates; ``values``:
        (seeds, networks).
        """
        return np.array(
            [
                self._kept(values[number % len(values), drawn], drawn)
                for number, drawn in self._draws(draws)
            ]
        )

    def gain(self, kept: Values) -> tuple[float, float, float]:
        """Mean of what is kept more than by costs alone, with its 95 % interval."""
        more = kept - self.kept(np.zeros((1, len(self.accuracy))), len(kept))
        error = 1.96 * more.std(ddof=1) / len(more) ** 0.5
        return float(more.mean()), float(more.mean() - error), float(more.mean() + error)

    def passes(self, values: Values, draws: int = DRAWS, resamplings: int = 1000) -> bool:
        """The rule by which a proxy may be used."""
        over = interval(spearman, values, self.accuracy, resamplings=resamplings)
        within = interval(within_bands, values, self.accuracy, self.bands, resamplings=resamplings)
        return min(over[1], within[1]) > 0 and self.gain(self.kept(values, draws))[1] > 0

    def print_line(self, name: str, values: Values) -> None:
        """The figures of a proxy."""
        kept = self.kept(values)
        figures = (
            interval(kendall, values, self.accuracy),
            interval(spearman, values, self.accuracy),
            interval(within_bands, values, self.accuracy, self.bands),
            interval(best_third, values, self.accuracy),
        )
        columns = "  ".join("{:5.2f} [{:5.2f}, {:5.2f}]".format(*each) for each in figures)
        print(
            f"{name:20} {columns}  {kept.mean():.3f} {{:+.3f}} [{{:+.3f}}, {{:+.3f}}]".format(
                *self.gain(kept)
            ),
            flush=True,
        )

    def _draws(self, number: int) -> Iterator[tuple[int, Values]]:
        rng = np.random.default_rng(0)
        return ((i, rng.permutation(len(self.accuracy))[:CANDIDATES]) for i in range(number))

    def _kept(self, values: Values, drawn: Values) -> float:
        best = best_first(np.column_stack([-values, self.costs[drawn]]).tolist())[: len(drawn) // 3]
        points, ref = self.points[drawn], np.ones(self.points.shape[1])
        return float(
            moocore.hypervolume(points[best], ref=ref) / moocore.hypervolume(points, ref=ref)
        )


def calibrate(table: Table, calibration: Calibration, early: Table) -> None:
    """Print the figures of all proxies, of their aggregations, and beside them of trainings that
    were stopped early.
    """
    columns = (
        "Kendall",
        "Spearman",
        "within bands of MACs",
        "best third",
        "kept, more than by costs",
    )
    print(
        f"{len(calibration.accuracy)} networks\n{'':20}",
        "  ".join(f"{column:20}" for column in columns),
    )
    passed = [name for name, values in table.items() if calibration.passes(values)]
    groups = {"all": tuple(table), "AZ-NAS": AZ_NAS, "passed": passed}
    for name, values in {
        **table,
        **{name: aggregated(table, names) for name, names in groups.items()},
        **early,
    }.items():
        calibration.print_line(name, values)
    print(f"passed: {', '.join(passed)}")


def try_on_halves(table: Table, calibration: Calibration) -> None:
    """Choose by the rule on one half of the networks, and measure on the other."""
    rng, found, chosen = np.random.default_rng(0), [], []
    for _ in range(HALVES):
        first, second = np.array_split(rng.permutation(len(calibration.accuracy)), 2)
        here, there = calibration.part(first), calibration.part(second)
        names = [
            name
            for name, values in table.items()
            if here.passes(values[:, first], draws=50, resamplings=200)
        ]
        chosen.append("+".join(names))
        if names:
            values = aggregated({name: table[name][:, second] for name in names}, names)
            found.append(
                (
                    fmean(spearman(each, there.accuracy) for each in values),
                    there.gain(there.kept(values, 50))[0],
                )
            )
    print(f"chosen on one half: {', '.join(chosen)}")
    print("measured on the other: Spearman {:.2f}, gain {:+.3f}".format(*np.mean(found, axis=0)))


def trainings_of(path: Path) -> dict[str, list[Entry]]:
    """Id -> trainings, of the networks that were trained with the first seed: all of them drawn
    alike.
    """
    found: dict[str, list[Entry]] = {}
    for entry in sorted(read_records(path, Entry), key=lambda entry: entry.seed):
        if entry.seed == SEEDS[0] or entry.id in found:
            found.setdefault(entry.id, []).append(entry)
    return found


def print_times(networks: Sequence[Architecture], trainer: Trainer) -> None:
    """Milliseconds of CPU time of one thread, median of five."""
    for network in (networks[len(networks) // 2], TEN_MILLION_MACS):
        taken = {}
        for name in PROXIES:
            alone, seconds = Trainer(trainer.data, trainer.recipe, ZeroCost([name])), []
            for seed in range(5):
                start = time.process_time()
                alone.screen(network, seed)
                seconds.append(time.process_time() - start)
            taken[name] = 1000 * median(seconds)
        print(
            f"{estimate(network, 10).macs / 1e6:.2f} million MACs:",
            ", ".join(f"{name} {each:.0f} ms" for name, each in taken.items()),
        )


def main() -> None:
    """Measure, then calibrate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument(
        "--trainings",
        type=Path,
        help="hold the proxies against this table of trainings instead, as far as it goes",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", overrides=["+experiment=bench_lmanet"])
    images = TenClasses(Cifar100(archive=arguments.archive), SPLIT)
    space, target = instantiate(config.space), instantiate(config.target)
    validator = Validator(space, target, images.num_classes)
    networks = feasible(space, validator)
    trainer = Trainer(images, RECIPE, ZeroCost(tuple(PROXIES)))
    measure(networks, trainer)

    looked_up, ids = (
        TabularTrainer(images, TABLE),
        [architecture_id(network) for network in networks],
    )
    if arguments.trainings:
        looked_up.trainings = trainings_of(arguments.trainings)
        networks = [
            network for network in networks if architecture_id(network) in looked_up.trainings
        ]
        ids = [architecture_id(network) for network in networks]
    table = {
        name: np.array(
            [[looked_up.zero_cost[each][seed].values[name] for each in ids] for seed in SEEDS]
        )
        for name in PROXIES
    }
    accuracy = np.array(
        [fmean(training.val_accuracy[-1] for training in looked_up.trainings[each]) for each in ids]
    )
    epochs = {
        f"loss of epoch {rung}": np.array(
            [[-looked_up.trainings[each][0].train_loss[rung - 1] for each in ids]]
        )
        for rung in RUNGS
    }
    costs = [validator.validate(network, ()).cost for network in networks]
    shares = np.array(
        [
            [
                cost.macs / target.limits["macs"],
                cost.peak_sram_bytes / target.limits["peak_sram_bytes"],
            ]
            for cost in costs
        ]
    )
    bands = np.arange(len(ids)) * BANDS // len(ids)  # `feasible` gives them by rising MACs
    calibration = Calibration(accuracy, shares, bands)
    calibrate(table, calibration, {**epochs, "true accuracy": accuracy[None]})
    try_on_halves(table, calibration)
    print_times(networks, trainer)


if __name__ == "__main__":
    main()
