"""Is the score of a training that began with inherited weights comparable with that of a fresh one?

python benchmarks/inheritance.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz

Parents are drawn from the table of our own space and trained to the end; of each, edits that are in
the table are trained for few epochs, once from fresh weights and once from the parent's. What is
told is how well each ranks the edits by the accuracy that the table knows of them after 27 fresh
epochs, over all edits and among those of one parent; and how much more an heir has learned.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from rank_statistics import spearman
from table_images import TenClasses
from train_table import RECIPE, SPLIT

from lmanet.data import Cifar100
from lmanet.network import Architecture
from lmanet.run.records import Job, Score
from lmanet.space import Space, architecture_id
from lmanet.train import Trainer
from lmanet.train.lookup.table import load_table

CONF = Path(__file__).parents[1] / "conf"
EPOCHS = (1, 3, 9)


def truth(space: Space) -> dict[str, tuple[Architecture, float]]:
    """Id -> network and its mean accuracy after the table's 27 epochs."""
    networks: dict[str, Architecture] = {}
    accuracy: dict[str, list[float]] = {}
    for entry in load_table("lmanet_mini")[1]:
        accuracy.setdefault(entry.id, []).append(entry.val_accuracy[-1])
        networks[entry.id] = space.parse(json.loads(entry.architecture))
    return {identity: (networks[identity], fmean(each)) for identity, each in accuracy.items()}


def families(
    space: Space, known: dict[str, Architecture], parents: int, edits: int, seed: int
) -> list[list[Architecture]]:
    """Parents, each followed by edits of it; no network twice."""
    rng = np.random.default_rng(seed)
    used: set[str] = set()
    found = []
    for identity in rng.permutation(sorted(known)):
        if identity in used:
            continue
        near = {architecture_id(each): each for each in space.neighbours(known[identity])}
        fit = sorted((near.keys() & known.keys()) - used - {identity})
        if len(fit) < edits:
            continue
        chosen = [str(each) for each in rng.choice(fit, edits, replace=False)]
        used |= {identity, *chosen}
        found.append([known[identity], *(known[each] for each in chosen)])
        if len(found) == parents:
            return found
    raise SystemExit(f"the table has {len(found)} parents with {edits} edits, not {parents}")


def scores(
    trainer: Trainer, family: Sequence[Architecture], seed: int, epochs: int
) -> list[tuple[Score, Score]]:
    """Of each edit: from fresh weights, and from the parent's."""
    with TemporaryDirectory() as folder:
        weights = Path(folder) / "0.ckpt"
        trainer.train(Job(number=0, architecture=family[0], seed=seed, weights=weights))
        return [
            (
                trainer.train(
                    Job(number=number, architecture=edit, seed=seed + number, epochs=epochs)
                ),
                trainer.train(
                    Job(
                        number=number,
                        architecture=edit,
                        seed=seed + number,
                        epochs=epochs,
                        parent=weights,
                    )
                ),
            )
            for number, edit in enumerate(family[1:], start=1)
        ]


def main() -> None:
    """A line for each epoch and way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--parents", type=int, default=8)
    parser.add_argument("--edits", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        space = instantiate(compose("config", overrides=["+experiment=bench_lmanet"]).space)
    images = TenClasses(Cifar100(archive=given.archive), SPLIT)
    known = truth(space)
    networks = {identity: network for identity, (network, _) in known.items()}
    trainer = Trainer(images, RECIPE)
    rows: dict[tuple[int, str], list[tuple[float, ...]]] = {}
    for seed in range(given.seeds):
        chosen = families(space, networks, given.parents, given.edits, seed)
        measured = [scores(trainer, family, 100 * seed, EPOCHS[-1]) for family in chosen]
        ends = [
            np.array([known[architecture_id(edit)][1] for edit in family[1:]]) for family in chosen
        ]
        for epoch in EPOCHS:
            for way, name in enumerate(("fresh", "inherited")):
                curves = [
                    np.array([pair[way].curve[epoch - 1].val_accuracy for pair in family])
                    for family in measured
                ]
                losses = [
                    np.array([-pair[way].curve[epoch - 1].train_loss for pair in family])
                    for family in measured
                ]
                end = np.concatenate(ends)
                row = (
                    spearman(np.concatenate(curves), end),
                    spearman(np.concatenate(losses), end),
                    fmean(spearman(loss, one) for loss, one in zip(losses, ends, strict=True)),
                    float(np.concatenate(curves).mean()),
                )
                rows.setdefault((epoch, name), []).append(row)
    print(
        "| epochs | weights | by accuracy | by training loss | by it, within a family | mean "
        "accuracy (%) |"
    )
    print("|---|---|---|---|---|---|")
    for (epoch, name), values in rows.items():
        told = [
            f"{fmean(each):.2f} ({stdev(each) if len(each) > 1 else 0:.2f})"
            for each in zip(*values, strict=True)
        ]
        accuracy = [100 * value[3] for value in values]
        print(f"| {epoch} | {name} | {told[0]} | {told[1]} | {told[2]} | {fmean(accuracy):.1f} |")


if __name__ == "__main__":
    main()
