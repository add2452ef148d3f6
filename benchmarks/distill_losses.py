"""What a teacher adds: students on labels alone, by KD, DKD and DIST from stored logits; then int8 with and without fine-tuning.

python benchmarks/distill_losses.py --archive cifar100_train_1.npz cifar100_train_2.npz cifar100_train_3.npz

Ten classes of CIFAR-100, 2,000 training and 2,000 validation images, one teacher (a wider network of the same kind), three seeds, fresh
weights and as many epochs for all. One thread.
"""

import argparse
import statistics
import tempfile
from functools import partial
from pathlib import Path

import torch
from table_images import TenClasses

from lmanet.data import Augment, Cifar100, Split
from lmanet.deploy.calibrate import METHODS, calibrate
from lmanet.deploy.fold import fold
from lmanet.deploy.qat import QatNetwork
from lmanet.deploy.quantize import quantize
from lmanet.distill import Dist, Dkd, Kd, KnowledgeDistillation, StoredLogits
from lmanet.space import Architecture, estimate, parse_architecture
from lmanet.space.images import normalise
from lmanet.space.network import Network
from lmanet.steps import Loss
from lmanet.train import Recipe, Trainer, WarmupCosine
from lmanet.train.classifier import cross_entropy

SEEDS = (0, 1, 2)
DIVERGENCES = {"KD": Kd(10.0), "DKD": Dkd(4.0, 1.0, 8.0), "DIST": Dist(4.0, 2.0, 2.0)}
RECIPE = partial(
    Recipe,
    batch_size=64,
    optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=WarmupCosine(warmup_epochs=1),
    augment=Augment(crop_padding=4, flip=True),
    accelerator="cpu",
)
FINE_TUNING = Recipe(3, 128, partial(torch.optim.SGD, lr=0.01, momentum=0.9), WarmupCosine(0.5), accelerator="cpu", views=1)


def network(width: int, layers: int) -> Architecture:
    """Three stages of inverted residuals."""
    block = {"block": "mbconv", "kernel": 3, "se_ratio": 0.25, "skip": True, "activation": "hard_swish", "expansion": 3, "stride": 2}
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


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", nargs="+", help=".npz files with CIFAR-100's training images; else it is downloaded")
    parser.add_argument("--epochs", type=int, default=27, help="of students and teacher")
    parser.add_argument("--views", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = TenClasses(Cifar100(archive=options.archive), Split(val_fraction=0.4, max_train_images=2000))
    trainer = Trainer(data, RECIPE(epochs=options.epochs, views=options.views))
    tuner = Trainer(data, FINE_TUNING)
    student, wide = network(8, 1), network(16, 2)
    teacher = trainer.build(wide, 0)
    # The teacher sees each image anew in each epoch; only a student comes back to a view.
    score = Trainer(data, RECIPE(epochs=options.epochs)).fit(teacher, 0)
    macs = " and ".join(f"{estimate(each, 10).macs / 1e6:.2f}M" for each in (wide, student))
    print(f"teacher and student have {macs} MACs; the teacher's validation accuracy is {100 * score.val_accuracy:.2f} %", flush=True)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            taught = StoredLogits(top_k=10).of(teacher, data, trainer, seed, Path(folder))
            again = StoredLogits(top_k=10).of(teacher, data, tuner, 0, Path(folder))
            losses: dict[str, Loss] = {"labels": cross_entropy}
            losses |= {name: KnowledgeDistillation(taught, each) for name, each in DIVERGENCES.items()}
            for name, loss in losses.items():
                learner = trainer.build(student, seed)
                found.setdefault(name, []).append(trainer.fit(learner, seed, loss).val_accuracy)
                if name in ("labels", "KD"):
                    found.setdefault(f"{name}, int8", []).append(int8(tuner, learner))
                    found.setdefault(f"{name}, int8 tuned on labels", []).append(int8(tuner, learner, cross_entropy))
                    taught_again = KnowledgeDistillation(again, Kd(10.0), 0.6, 0.6)
                    found.setdefault(f"{name}, int8 tuned with the teacher", []).append(int8(tuner, learner, taught_again))
            print(f"seed {seed}:", ", ".join(f"{name} {100 * values[-1]:.2f}" for name, values in found.items()), flush=True)
    for name, values in found.items():
        print(f"{name}: {100 * statistics.mean(values):.2f} % +- {100 * statistics.stdev(values):.2f}")


if __name__ == "__main__":
    main()
