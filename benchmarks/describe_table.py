"""Says what the table of bench_lmanet holds: spread of accuracy, noise of the seed, worth of early
epochs, best networks.

python benchmarks/describe_table.py
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, median, stdev, variance

from scipy.stats import spearmanr

from lmanet.train.lookup.table import Entry, load_table

RUNGS = (1, 3, 9)  # epochs after which successive halving would choose


def main() -> None:
    """Print it."""
    header, entries = load_table("lmanet_mini")
    networks: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        networks[entry.id].append(entry)
    accuracy = {
        identity: fmean(each.val_accuracy[-1] for each in trainings)
        for identity, trainings in networks.items()
    }
    print(
        f"{len(entries)} trainings of {len(networks)} networks: {header.recipe}; "
        f"{header.val_images} validation images"
    )
    values = list(accuracy.values())
    print(
        f"accuracy {min(values):.3f} to {max(values):.3f}, median {median(values):.3f}, standard "
        f"deviation {stdev(values):.4f}"
    )
    repeated = [
        [each.val_accuracy[-1] for each in trainings]
        for trainings in networks.values()
        if len(trainings) > 1
    ]
    print(
        f"standard deviation over seeds {fmean(map(variance, repeated)) ** 0.5:.4f}, of "
        f"{len(repeated)} networks with several"
    )
    print(
        "rank correlation with the last epoch:",
        ", ".join(f"epoch {rung}: {worth(entries, rung):.2f}" for rung in RUNGS),
    )
    seconds = [entry.seconds for entry in entries]
    print(
        f"{fmean(seconds):.1f} s each ({min(seconds):.1f} to {max(seconds):.1f}), "
        f"{sum(seconds) / 60:.0f} min in all: {header.seconds}"
    )
    for identity in sorted(accuracy, key=accuracy.__getitem__, reverse=True)[:5]:
        first = networks[identity][0]
        print(
            f"{identity} {accuracy[identity]:.4f} (seeds: {len(networks[identity])}) "
            f"{first.architecture}"
        )


def worth(entries: Sequence[Entry], epoch: int) -> float:
    """Spearman's rank correlation of the accuracy after so many epochs with that after all, seed 0
    of each network.
    """
    curves = [entry.val_accuracy for entry in entries if entry.seed == 0]
    return float(
        spearmanr([curve[epoch - 1] for curve in curves], [curve[-1] for curve in curves]).statistic
    )


if __name__ == "__main__":
    main()
