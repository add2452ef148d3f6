"""What teachers add: students on labels alone, by KD, DKD (each also with standardised logits) and
DIST; of one teacher and of several.

python benchmarks/distill_losses.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz python benchmarks/distill_losses.py --archive ... --teachers 1 --int8

Ten classes of CIFAR-100, 2,000 training and 2,000 validation images, fresh weights and as many
epochs for all. The teachers are a wider network of the same kind, each from another seed; several
are averaged. Their logits are stored once for each view. With --int8 the students on labels and by
KD are brought to int8, with and without fine-tuning. One thread.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from table_images import TenClasses

from lmanet.cost import estimate
from lmanet.data import Augment, Cifar100, Split
from lmanet.deploy.int8.calibrate import METHODS, calibrate
from lmanet.deploy.int8.fold import fold
from lmanet.deploy.int8.qat import QatNetwork
from lmanet.deploy.int8.quantize import quantize
from lmanet.distill import Dist, Dkd, Ensemble, Kd, KnowledgeDistillation, StoredLogits
from lmanet.network import Architecture, parse_architecture
from lmanet.network.build import Network
from lmanet.network.images import normalise
from lmanet.steps import Loss
from lmanet.train import Recipe, Trainer, WarmupCosine
from lmanet.train.classifier import cross_entropy

FALLING = {"kd_weight_start": 0.6, "kd_weight_end": 0.2}
# As Sun et al. 2024 (arXiv 2403.01427) weigh them: 0.1 for the labels, a base temperature of 2, KD
# 9 times, DKD by its own weights
THEIRS = {"kd_weight_start": 0.9, "kd_weight_end": 0.9}
LOSSES = {
    "KD": partial(KnowledgeDistillation, divergence=Kd(10.0), **FALLING),
    "KD standardised": partial(
        KnowledgeDistillation, divergence=Kd(2.0, standardise=True), **FALLING
    ),
    "KD standardised, their weights": partial(
        KnowledgeDistillation, divergence=Kd(2.0, True, 9.0), **THEIRS
    ),
    "DKD": partial(KnowledgeDistillation, divergence=Dkd(4.0, 1.0, 8.0), **FALLING),
    "DKD standardised": partial(
        KnowledgeDistillation, divergence=Dkd(2.0, 1.0, 8.0, True), **FALLING
    ),
    "DIST": partial(KnowledgeDistillation, divergence=Dist(4.0, 2.0, 2.0), **FALLING),
}
RECIPE = partial(
    Recipe,
    batch_size=64,
    optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=WarmupCosine(warmup_epochs=1),
    augment=Augment(crop_padding=4, flip=True),
    accelerator="cpu",
)
FINE_TUNING = Recipe(  # as conf/deploy/pypi.yaml has it
    3,
    128,
    partial(torch.optim.Adam, lr=1e-3),
    WarmupCosine(0.5),
    accelerator="cpu",
    views=1,
)


def network(width: int, layers: int) -> Architecture:
    """Three stages of inverted residuals."""
    block = {
        "block": "mbconv",
        "kernel": 3,
        "se_ratio": 0.25,
        "skip": True,
        "activation": "hard_swish",
        "expansion": 3,
        "stride": 2,
    }
    stem = {"channels": width, "kernel": 3, "stride": 1, "activation": "relu6"}
    stages = [{**block, "channels": factor * width, "layers": layers} for factor in (2, 3, 4)]
    return parse_architecture({"resolution": 32, "stem": stem, "stages": stages})


def int8(trainer: Trainer, student: Network, loss: Loss | None = None) -> float:
    """Validation accuracy in int8, by calibration and, with a loss, by fine-tuning."""
    data = trainer.data
    batch = next(iter(data.train_dataloader(256, 0, torch.device("cpu"))))
    folded = fold(student.eval())
    ranges = calibrate(folded, normalise(batch.images, data.mean, data.std), METHODS["mse"])
    start = quantize(folded, ranges, data.classes, data.mean, data.std)
    rounded = QatNetwork(folded, start)
    if loss:
        trainer.fit(rounded, 0, loss)
        rounded = QatNetwork(rounded.folded, rounded.integer_graph())
    return trainer.validate(rounded).val_accuracy


class Comparison:
    """Students of one network and one recipe, by what they were taught.

    Args:
        trainer: of the students.
        teachers: the first alone, and all together.
        folder: of the stored logits.
    """

    def __init__(self, trainer: Trainer, teachers: list[Network], folder: Path) -> None:
        self.trainer = trainer
        self.tuner = Trainer(trainer.data, FINE_TUNING)
        self.groups = {
            f"{count} teacher{'s' * (count > 1)}": teachers[:count]
            for count in sorted({min(1, len(teachers)), len(teachers)} - {0})
        }
        self.folder = folder
        self.found: dict[str, list[float]] = {}

    def run(self, seed: int, with_int8: bool) -> None:
        """Train one student of each kind."""
        self._student("labels", seed, cross_entropy, self._tuning(1) if with_int8 else {})
        for group, teachers in self.groups.items():
            said = StoredLogits(top_k=10).of(
                teachers, self.trainer.data, self.trainer, seed, self.folder
            )
            for name, loss in LOSSES.items():
                tuned = self._tuning(len(teachers)) if with_int8 and name == "KD" else {}
                self._student(f"{group}, {name}", seed, loss(said), tuned)

    def _tuning(self, count: int) -> dict[str, Loss | None]:
        on_labels: dict[str, Loss | None] = {"int8": None, "int8 tuned on labels": cross_entropy}
        if not self.groups:
            return on_labels
        teachers = list(self.groups.values())[0 if count == 1 else -1]
        again = StoredLogits(top_k=10).of(teachers, self.trainer.data, self.tuner, 0, self.folder)
        with_teacher = KnowledgeDistillation(again, Kd(10.0), 0.6, 0.6)
        return {**on_labels, "int8 tuned with the teacher": with_teacher}

    def _student(self, name: str, seed: int, loss: Loss, tuned: dict[str, Loss | None]) -> None:
        start, student = time.monotonic(), self.trainer.build(network(8, 1), seed)
        self._note(name, self.trainer.fit(student, seed, loss).val_accuracy)
        for kind, tuning in tuned.items():
            self._note(f"{name}, {kind}", int8(self.tuner, student, tuning))
        print(f"seed {seed}, {name}: {time.monotonic() - start:.0f} s", flush=True)

    def _note(self, name: str, accuracy: float) -> None:
        self.found.setdefault(name, []).append(accuracy)
        print(f"{name}: {100 * accuracy:.2f} %", flush=True)


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--archive",
        nargs="+",
        help=".npz files with CIFAR-100's training images; else it is downloaded",
    )
    parser.add_argument("--epochs", type=int, default=27, help="of students and teachers")
    parser.add_argument(
        "--views", type=int, default=9, help="epoch e is taught view e modulo so many"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--teachers", type=int, default=3, help="students have one of them, and all; or 0"
    )
    parser.add_argument("--images", type=int, default=2000, help="of training")
    parser.add_argument("--int8", action="store_true", help="bring some students to int8, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = TenClasses(
        Cifar100(archive=options.archive), Split(val_fraction=0.4, max_train_images=options.images)
    )
    # A teacher sees each image anew in each epoch; only a student comes back to a view.
    fresh, teachers = Trainer(data, RECIPE(epochs=options.epochs)), []
    for seed in range(options.teachers):
        teachers.append(fresh.build(network(16, 2), seed))
        print(
            f"teacher {seed}: {100 * fresh.fit(teachers[-1], seed).val_accuracy:.2f} %", flush=True
        )
    macs = " and ".join(
        f"{estimate(each, 10).macs / 1e6:.2f}M" for each in (network(16, 2), network(8, 1))
    )
    if teachers:
        print(f"averaged: {100 * fresh.validate(Ensemble(teachers)).val_accuracy:.2f} %")
    print(f"teachers and students have {macs} MACs", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(
            Trainer(data, RECIPE(epochs=options.epochs, views=options.views)),
            teachers,
            Path(folder),
        )
        for seed in range(options.seeds):
            comparison.run(seed, options.int8)
    for name, values in comparison.found.items():
        spread = f" +- {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
        print(f"{name}: {100 * statistics.mean(values):.2f} %{spread}")


if __name__ == "__main__":
    main()
