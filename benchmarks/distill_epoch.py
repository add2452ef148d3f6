"""Seconds of an epoch: plain, distilled from stored logits, distilled from an online ViT-B/16;
interleaved, on CIFAR-100.

python benchmarks/distill_epoch.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz python benchmarks/distill_epoch.py --archive ... --device cuda --images 0
--epochs 5

A line for each repeat, then medians and their ratios. An epoch is its training steps, images
included, validation left out. The ViT has random weights: that is no matter for time. On the CPU a
few of its images are timed, and an online epoch is a plain one and so many of them; what is stored
is then of a small teacher, as a lookup costs the same whoever was asked.
"""

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lmanet.cost import estimate
from lmanet.data import Augment, Cifar100, Split
from lmanet.distill import (
    Dist,
    Dkd,
    Kd,
    KnowledgeDistillation,
    OnlineTeacher,
    StoredLogits,
    Teacher,
    TeacherSource,
)
from lmanet.network import parse_architecture
from lmanet.steps import Batch, Loss
from lmanet.train import Recipe, Trainer, WarmupCosine

BLOCK = {"block": "mbconv", "kernel": 3, "se_ratio": 0.0, "skip": True, "activation": "relu6"}
NETWORK = parse_architecture(
    {
        "resolution": 32,
        "stem": {"channels": 16, "kernel": 3, "stride": 1, "activation": "relu6"},
        "stages": [
            {**BLOCK, "channels": 24, "stride": 2, "expansion": 3, "layers": 2},
            {**BLOCK, "channels": 40, "stride": 2, "expansion": 4, "layers": 3},
            {**BLOCK, "channels": 80, "stride": 2, "expansion": 4, "layers": 2},
        ],
    }
)
VIEWS = 2
DIVERGENCES = {"kd": Kd(), "dkd": Dkd(), "dist": Dist()}


class Timed:
    """A loss that notes when it is asked: from the first to the last batch of an epoch."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        self.times: list[tuple[float, float]] = []  # wall and CPU seconds

    def __call__(self, logits: Tensor, batch: Batch, progress: float) -> Tensor:
        if logits.is_cuda:
            torch.cuda.synchronize()
        self.times.append((time.perf_counter(), time.process_time()))
        return self.loss(logits, batch, progress)

    def epoch_seconds(self, epochs: int) -> tuple[float, float]:
        """Wall and CPU seconds, medians over the epochs but the first, which warms up."""
        steps = len(self.times) // epochs
        spans = []
        for start in range(steps, len(self.times), steps):
            first, last = self.times[start], self.times[start + steps - 1]
            spans.append(
                [
                    (end - begin) * steps / (steps - 1)
                    for begin, end in zip(first, last, strict=True)
                ]
            )
        wall, cpu = (statistics.median(column) for column in zip(*spans, strict=True))
        return wall, cpu


def plain(logits: Tensor, batch: Batch, progress: float) -> Tensor:
    """Labels alone."""
    return functional.cross_entropy(logits, batch.targets)


def fit(trainer: Trainer, loss: Loss) -> tuple[float, float]:
    """Wall and CPU seconds of an epoch."""
    timed = Timed(loss)
    trainer.fit(trainer.build(NETWORK, 0), 0, timed)
    return timed.epoch_seconds(trainer.recipe.epochs)


def seconds_an_image(teacher: Teacher, images: int = 8, repeats: int = 3) -> float:
    """CPU seconds of the teacher, median."""
    online, batch = (
        OnlineTeacher(teacher),
        Batch(torch.randn(images, 3, 32, 32), torch.zeros(images, 100), torch.arange(images), 0),
    )
    spans = []
    for _ in range(repeats):
        start = time.process_time()
        online(batch)
        spans.append((time.process_time() - start) / images)
    return statistics.median(spans)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--archive",
        nargs="+",
        help=".npz files with CIFAR-100's training images; else it is downloaded",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--images", type=int, default=6400, help="training images; 0 is all")
    parser.add_argument(
        "--epochs", type=int, default=3, help="of each fit, the first is not counted"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--top-k", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1 if options.device == "cpu" else torch.get_num_threads())
    data = Cifar100(
        archive=options.archive,
        split=Split(val_fraction=0.1, max_train_images=options.images or None),
    )
    data.setup("fit")
    recipe = Recipe(
        epochs=options.epochs,
        batch_size=128,
        optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
        schedule=WarmupCosine(0.5),
        augment=Augment(crop_padding=4, flip=True, auto_augment="cifar10"),
        views=VIEWS,
        accelerator="gpu" if options.device == "cuda" else "cpu",
    )
    trainer, count = Trainer(data, recipe), len(data.train_images)
    vit, _ = TeacherSource("vit_base_patch16_224").build(data)
    taught = (
        vit
        if options.device == "cuda"
        else TeacherSource("test_resnet", resolution=32).build(data)[0]
    )
    losses: dict[str, Loss] = {"plain": plain}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        stored = StoredLogits(options.top_k).of([taught], data, trainer, 0, Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.safetensors"))
        print(
            f"{count} images, {VIEWS} views, top {options.top_k}: {size / 1e6:.1f} MB, stored in "
            f"{time.perf_counter() - start:.1f} s"
        )
    for name, divergence in DIVERGENCES.items():
        losses[f"stored {name}"] = KnowledgeDistillation(stored, divergence)
    if options.device == "cuda":
        losses["online ViT-B/16"] = KnowledgeDistillation(OnlineTeacher(vit), Kd())
    measured = {name: [] for name in losses}
    for repeat in range(options.repeats):
        for name, loss in losses.items():
            measured[name].append(fit(trainer, loss))
        print(
            f"repeat {repeat}:",
            ", ".join(
                f"{name} {spans[-1][0]:.2f} s ({spans[-1][1]:.2f} s CPU)"
                for name, spans in measured.items()
            ),
        )
    report(measured, count, seconds_an_image(vit) if options.device == "cpu" else None)


def report(
    measured: dict[str, list[tuple[float, float]]], count: int, vit_seconds: float | None
) -> None:
    """Medians over the repeats; ratios are those of a repeat."""
    print(
        f"network: {estimate(NETWORK, 100).macs / 1e6:.1f}M MACs, "
        f"{estimate(NETWORK, 100).params / 1e6:.2f}M parameters"
    )
    plain_cpu = statistics.median(span[1] for span in measured["plain"])
    for name, spans in measured.items():
        ratios = [
            [own / base for own, base in zip(*pair, strict=True)]
            for pair in zip(spans, measured["plain"], strict=True)
        ]
        ratio, cpu_ratio = (statistics.median(column) for column in zip(*ratios, strict=True))
        seconds = statistics.median(span[0] for span in spans)
        print(
            f"{name}: {seconds:.2f} s, {count / seconds:.0f} images/s, {ratio:.3f} of plain "
            f"({cpu_ratio:.3f} in CPU time)"
        )
    if vit_seconds:
        online = plain_cpu + count * vit_seconds
        print(
            f"online ViT-B/16: {1e3 * vit_seconds:.0f} ms of CPU an image: {online:.0f} s an "
            f"epoch, {online / plain_cpu:.0f} of plain"
        )


if __name__ == "__main__":
    main()
