"""Trains every feasible network of bench_lmanet and appends one line a training to the table that
the experiment reads.

python benchmarks/train_table.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz

Without --archive CIFAR-100 is downloaded. A training that is in the table is not done again, so it
can be killed and started anew. Networks come in a random order, first some with all seeds, then all
with seed 0: a table that is cut short is a sample. The lines of a whole one are sorted by MACs. One
thread, about 9 s a training. A second process with --backwards comes to meet the first.
"""

import argparse
import itertools
import platform
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from table_images import TenClasses

from lmanet.data import Augment, Cifar100, Split
from lmanet.network import Architecture, parse_architecture
from lmanet.run.lines import append_record, read_records, write_record
from lmanet.run.records import Job, Score
from lmanet.space import Space, architecture_id
from lmanet.train import Recipe, Trainer, WarmupCosine
from lmanet.train.lookup.table import TABLES, Entry, Header
from lmanet.validate import Validator

ROOT = Path(__file__).parents[1]
TABLE = TABLES / "lmanet_mini.jsonl"
# 200 training and 200 validation images a class
SPLIT = Split(val_fraction=0.4, max_train_images=2000)
RECIPE = Recipe(
    epochs=27,
    batch_size=64,
    optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=WarmupCosine(warmup_epochs=1),
    augment=Augment(crop_padding=4, flip=True),
    decay_norms=True,
    batch_norm_images=1024,
    accelerator="cpu",
)
# Each so-manieth network is trained with all seeds before the others are.
REPEATED = 20
SEEDS = (0, 1, 2)


def feasible(space: Space, validator: Validator) -> list[Architecture]:
    """Every network of the space that the validator accepts, once, by rising MACs."""
    networks = {architecture_id(each): each for each in settings(space)}
    cost = {identity: validator.validate(each, ()) for identity, each in networks.items()}
    accepted = {
        identity: verdict.cost.macs
        for identity, verdict in cost.items()
        if verdict.accepted and verdict.cost
    }
    return [
        networks[identity]
        for identity in sorted(accepted, key=lambda identity: (accepted[identity], identity))
    ]


def settings(space: Space) -> Iterator[Architecture]:
    """All settings of a space that has a stem and no head."""
    stages, stems = (
        [
            dict(zip(part.fields, values, strict=True))
            for values in itertools.product(*part.fields.values())
        ]
        for part in (space.stage, space.parts["stem"])
    )
    for number in space.num_stages:
        for stem, *chosen in itertools.product(stems, *[stages] * number):
            yield parse_architecture(
                {"resolution": space.resolution[0], "stem": stem, "stages": chosen}
            )


def trainings(
    networks: Sequence[Architecture], table: Path, backwards: bool
) -> Iterator[tuple[Architecture, int]]:
    """Network and seed of what is not in the table: some networks with all seeds, which show the
    noise, then seed by seed.
    """
    drawn = [networks[place] for place in np.random.default_rng(0).permutation(len(networks))]
    sweep = drawn[::-1] if backwards else drawn
    repeated = ((network, seed) for network in networks[::REPEATED] for seed in SEEDS)
    for network, seed in (*repeated, *((network, seed) for seed in SEEDS for network in sweep)):
        if (architecture_id(network), seed) not in {
            (entry.id, entry.seed) for entry in read_records(table, Entry)
        }:
            yield network, seed


def entry(space: Space, network: Architecture, seed: int, score: Score, seconds: float) -> Entry:
    """What the table keeps of a training."""
    # a true training measures both
    assert score.val_macro_f1 is not None and score.val_calibration_error is not None
    return Entry(
        id=architecture_id(network),
        architecture=space.write_proposal(network, form="json"),
        seed=seed,
        seconds=round(seconds, 2),
        val_macro_f1=round(score.val_macro_f1, 4),
        val_calibration_error=round(score.val_calibration_error, 4),
        train_loss=tuple(round(epoch.train_loss, 4) for epoch in score.curve),
        val_loss=tuple(round(epoch.val_loss, 4) for epoch in score.curve),
        val_accuracy=tuple(round(epoch.val_accuracy, 4) for epoch in score.curve),
    )


def header(images: TenClasses) -> Header:
    """What was trained how, on what machine."""
    return Header(
        images=f"{', '.join(images.classes)} of CIFAR-100, 32x32",
        train_images=len(images.train_images),
        val_images=len(images.val_images),
        num_classes=images.num_classes,
        checksum=images.checksum(),
        recipe="27 epochs, batch 64, SGD lr 0.1 momentum 0.9 nesterov weight decay "
        "5e-4, warm-up 1 epoch then cosine to 0, "
        "crop 4 and flip, batch norm from 1024 images before each validation",
        seconds="CPU time of one thread",
        machine=(
            f"{platform.processor() or platform.machine()}, "
            f"{torch.backends.cpu.get_cpu_capability()}"
        ),
        torch=torch.__version__,
        date=datetime.now(UTC).date().isoformat(),
    )


def main() -> None:
    """Train what the table lacks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--backwards", action="store_true", help="in the reverse order")
    parser.add_argument("--table", type=Path, default=TABLE)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", overrides=["+experiment=bench_lmanet"])
    images = TenClasses(Cifar100(archive=arguments.archive), SPLIT)
    images.setup("fit")
    space = instantiate(config.space)
    networks = feasible(space, Validator(space, instantiate(config.target), images.num_classes))
    trainer = Trainer(images, RECIPE)
    if not arguments.table.is_file():
        write_record(arguments.table.with_suffix(".json"), header(images))
    for number, (network, seed) in enumerate(
        trainings(networks, arguments.table, arguments.backwards)
    ):
        start = time.process_time()
        score = trainer.train(Job(number=number, architecture=network, seed=seed))
        append_record(
            arguments.table, entry(space, network, seed, score, time.process_time() - start)
        )


if __name__ == "__main__":
    main()
