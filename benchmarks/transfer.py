"""What is a donor, and what a teacher, worth on few pictures?

python benchmarks/transfer.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz cifar100_test.npz --teacher lite0.pth

A donor is trained on 80 classes of CIFAR-100. The other 20, every fifth by name, are learned from
25, 100 and 400 pictures each: from scratch, from the donor's weights, with a teacher, and with
both. Recipe, batch and passes are those of +experiment=photos for so many pictures. Accuracy is on
the 2,000 test images of the 20 classes. Each result is a line of FOLDER/transfer.jsonl: a start
goes on where the last one ended. Without --teacher the two ways that need it are left out.
Take another FOLDER for other epochs, images or passes: a line does not say which it had.

By the images that it counts, all of it takes about two and a half hours of one idle core. An answer
within an hour: --donor-epochs 10 --shots 25 100 --seeds 2.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch
from table_images import SomeClasses

from lmanet.app.plan.choices import Facts, full, teacher
from lmanet.data import Augment, Cifar100, Split
from lmanet.distill import Kd, KnowledgeDistillation, StoredLogits, TeacherSource, TeacherTraining
from lmanet.files import append_line, whole_lines
from lmanet.network.weights import Checkpoint, save_network
from lmanet.run.folder import RunFolder
from lmanet.space import load_space, staged
from lmanet.train import Recipe, Trainer, WarmupCosine

NETWORK = {
    "resolution": 32,
    "stem": "c16 k3 s1 relu",
    "stages": [
        "mb24 k3 s2 e3 skip relu x2",
        "mb40 k3 s2 e3 skip relu x2",
        "mb80 k3 s2 e4 skip relu x2",
    ],
    "head": "c192 relu",
}
VAL_FRACTION = 0.2  # of the 500 training images of a class, so that 400 are left


def recipe_of(pictures: int, passes: int | None) -> Recipe:
    """That of +experiment=photos for a full training on so many pictures."""
    facts = Facts(train=pictures, smallest=pictures, largest=pictures, side=32)
    few, chosen = facts.is_few, full(facts)
    return Recipe(
        epochs=min(passes or chosen.epochs, chosen.epochs),
        repeats=1 if passes else chosen.repeats,
        batch_size=facts.batch,
        optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
        schedule=WarmupCosine(0.5),
        augment=Augment(
            crop_padding=4,
            flip=True,
            auto_augment="trivial_wide" if few else None,
            random_erasing=0.25 if few else 0.0,
        ),
        ema_decay=0.99,
        label_smoothing=0.1,
        accelerator="auto",
    )


class Benchmark:
    """One folder of results."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.folder = Path(given.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.whole = Cifar100(archive=given.archive)
        self.whole.read_train()  # the archives know the names of the classes
        names = self.whole.classes
        self.held_out = tuple(names[::5])
        self.others = tuple(name for name in names if name not in self.held_out)
        self.architecture = staged(load_space("mcu").parse(NETWORK))

    def donor(self) -> str:
        """The path of the donor; it is trained where there is none."""
        path = self.folder / "donor.safetensors"
        if not path.exists():
            split = Split(0.1, max_train_images=self.given.donor_images)
            data = SomeClasses(self.whole, split, self.others)
            recipe = replace(recipe_of(36_000, None), epochs=self.given.donor_epochs)
            trainer = Trainer(data, recipe)
            network = trainer.build(self.architecture, 0)
            score = trainer.fit(network, 0, folder=self.folder / "donor")
            save_network(path, Checkpoint(network, data.classes, data.mean, data.std))
            print(f"donor: {score.val_accuracy:.1%} of its 80 classes", flush=True)
        return str(path)

    def accuracy(self, way: str, shots: int, seed: int) -> dict[str, Any]:
        """One training, measured on the test images."""
        pictures = 20 * shots
        split = Split(VAL_FRACTION, seed=seed, max_train_images=pictures)
        data = SomeClasses(self.whole, split, self.held_out)
        donor = self.donor() if "donor" in way else None
        trainer = Trainer(data, recipe_of(pictures, self.given.passes), donor=donor)
        network = trainer.build(self.architecture, seed)
        losses = self._taught(trainer, data, shots, seed) if "teacher" in way else {}
        score = trainer.fit(network, seed, **losses)
        measured, _ = trainer.test(network, data.mean, data.std)
        return {"accuracy": measured["accuracy"], "seconds": score.seconds}

    def _taught(
        self, trainer: Trainer, data: SomeClasses, shots: int, seed: int
    ) -> dict[str, Callable[..., Any]]:
        facts = Facts(train=20 * shots, smallest=shots, largest=shots, side=32)
        own = replace(
            recipe_of(20 * shots, None),
            epochs=self.given.passes or teacher(facts).epochs,
            repeats=1 if self.given.passes else teacher(facts).repeats,
            batch_size=32,
            optimizer=partial(torch.optim.AdamW, lr=5e-4, weight_decay=0.05),
            ema_decay=None,
        )
        trainer.recipe = replace(trainer.recipe, views=min(10, trainer.views))
        made = TeacherTraining(
            data,
            seed,
            TeacherSource(self.given.teacher_name, self.given.teacher, resolution=96),
            lambda images: Trainer(images, own),
            StoredLogits(top_k=100),
        )
        folder = self.folder / f"teacher_{shots}_{seed}"
        folder.mkdir(exist_ok=True)
        said = made.teach(trainer, seed, RunFolder(folder))
        return {"loss": KnowledgeDistillation(said, Kd(kd_temperature=4), 0.7, 0.5)}

    def run(self) -> list[dict[str, Any]]:
        """All results; those that are missing are made."""
        file = self.folder / "transfer.jsonl"
        ways = [way for way in self.given.ways if self.given.teacher or "teacher" not in way]
        for seed in range(self.given.seeds):
            for shots in self.given.shots:
                for way in ways:
                    key = {"way": way, "shots": shots, "seed": seed}
                    known = [json.loads(line) for line in whole_lines(file)]
                    if not any(all(row[name] == key[name] for name in key) for row in known):
                        row = key | self.accuracy(way, shots, seed)
                        append_line(file, json.dumps(row))
                        print(row, flush=True)
        return [json.loads(line) for line in whole_lines(file)]


def main() -> None:
    """A line for each way, a column for each number of pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--folder", default="multirun/transfer")
    parser.add_argument("--shots", type=int, nargs="+", default=[25, 100, 400])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--ways", nargs="+", default=["scratch", "donor", "teacher", "donor+teacher"]
    )
    parser.add_argument("--donor-epochs", type=int, default=30)
    parser.add_argument("--donor-images", type=int, help="of the 36,000; all otherwise")
    parser.add_argument("--passes", type=int, help="over the pictures; the plan's otherwise")
    parser.add_argument("--teacher", help="file with weights of ImageNet")
    parser.add_argument("--teacher-name", default="tf_efficientnet_lite0")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = Benchmark(given).run()
    print("| way | " + " | ".join(f"{shots} a class (%)" for shots in given.shots) + " |")
    print("|---" * (1 + len(given.shots)) + "|")
    for way in dict.fromkeys(row["way"] for row in rows):
        cells = []
        for shots in given.shots:
            found = [
                100 * row["accuracy"] for row in rows if (row["way"], row["shots"]) == (way, shots)
            ]
            spread = f" ({stdev(found):.1f}, n={len(found)})" if len(found) > 1 else ""
            cells.append(f"{fmean(found):.1f}{spread}" if found else "")
        print(f"| {way} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
